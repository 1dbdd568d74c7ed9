// Who may try to get in: bounds on connections that have not proven themselves, in number and by address over time.

import type { Clock } from '../clock.ts';

export interface GateLimits {
  /** Connections that have not proven themselves yet; beyond them the oldest goes. */
  readonly unproven: number;
  /** Connections that one address may open at once, and how many more each second. */
  readonly burst: number;
  readonly perSecond: number;
}

export const defaultGateLimits: GateLimits = { unproven: 64, burst: 128, perSecond: 32 };

/** Addresses remembered; beyond them the one seen longest ago is forgotten. */
const ADDRESSES = 4096;

export class Gate {
  readonly #limits: GateLimits;
  readonly #clock: Clock;
  /** In the order in which they came, each with what closes it. */
  readonly #unproven = new Map<string, () => void>();
  readonly #addresses = new Map<string, { tokens: number; at: number }>();
  #refused = 0;

  constructor(limits: GateLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get unproven(): number {
    return this.#unproven.size;
  }

  /** Connections turned away or pushed out since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Lets a connection try, or not. */
  enter(connection: string, address: string, close: () => void): boolean {
    if (!this.#spend(address)) {
      this.#refused++;
      return false;
    }
    // The oldest, since an honest peer is through in no time.
    for (const [oldest, closeIt] of this.#unproven) {
      if (this.#unproven.size < this.#limits.unproven) break;
      this.#unproven.delete(oldest);
      this.#refused++;
      closeIt();
    }
    this.#unproven.set(connection, close);
    return true;
  }

  /** It has proven itself, or is gone. */
  leave(connection: string): void {
    this.#unproven.delete(connection);
  }

  #spend(address: string): boolean {
    const { burst, perSecond } = this.#limits;
    const now = this.#clock.now();
    const known = this.#addresses.get(address) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, known.tokens + ((now - known.at) / 1e9) * perSecond);
    this.#addresses.delete(address);
    this.#addresses.set(address, { tokens: tokens < 1 ? tokens : tokens - 1, at: now });
    for (const oldest of this.#addresses.keys()) {
      if (this.#addresses.size <= ADDRESSES) break;
      this.#addresses.delete(oldest);
    }
    return tokens >= 1;
  }
}
