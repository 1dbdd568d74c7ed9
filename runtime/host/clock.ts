// Time for hosts. The core gets it as numbers.

/** Times in ns from any fixed point. */
export interface Clock {
  now(): number;
  /** Calls back at or soon after `at`; the result takes it back. */
  wake(at: number, callback: () => void): () => void;
}

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The platform's own time. */
export const systemClock: Clock = {
  now: () => Math.round(performance.now() * 1e6),
  wake(at, callback) {
    const delayMs = Math.min(Math.max(0, Math.ceil(at / 1e6 - performance.now())), LONGEST_TIMEOUT_MS);
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
