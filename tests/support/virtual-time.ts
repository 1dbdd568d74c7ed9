// Time for the in-process host that passes only while nobody computes, and peers whose backend is silent or fails.

import type { Clock } from '../../runtime/host/index.ts';
import type { Backend } from '../../runtime/index.ts';

/** A clock that stands still until nobody computes any more, then jumps to the next time that someone waits for. */
export class VirtualTime {
  #now = 0;
  #computing = 0;
  readonly #wakeUps = new Set<{ readonly at: number; readonly callback: () => void }>();

  get nowNs(): number {
    return this.#now;
  }

  readonly clock: Clock = {
    now: () => this.#now,
    wake: (at, callback) => {
      const one = { at, callback };
      this.#wakeUps.add(one);
      return () => this.#wakeUps.delete(one);
    },
  };

  /** The backend, but for segments that never answer (`silent`) or fail: lanes are positions of peers. */
  over(
    backend: Backend,
    lanes: { readonly silent?: readonly number[]; readonly failing?: readonly number[] } = {},
  ): Backend {
    return {
      ...backend,
      close: async () => {},
      load: async (model, options) => {
        const segment = await backend.load(model, options);
        const lane = options?.lane ?? 0;
        if (lanes.silent?.includes(lane))
          return { ...segment, run: () => new Promise(() => {}), release: () => segment.release() };
        if (lanes.failing?.includes(lane)) {
          const run = () => Promise.reject(new Error('out of memory'));
          return { ...segment, run, release: () => segment.release() };
        }
        const run: typeof segment.run = async (inputs, options) => {
          this.#computing++;
          try {
            return await segment.run(inputs, options);
          } finally {
            this.#computing--;
          }
        };
        return { ...segment, run, release: () => segment.release() };
      },
    };
  }

  /** Lets time go on until the promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const end = (): void => {
      done = true;
    };
    promise.then(end, end);
    while (!done) {
      // A turn of the event loop, so that what has come back is handled before anyone's time is up.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.#computing > 0 || done) continue;
      const next = [...this.#wakeUps].sort((a, b) => a.at - b.at)[0];
      if (next === undefined) continue;
      this.#wakeUps.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    return promise;
  }
}
