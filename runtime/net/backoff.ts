// How long to wait before trying again: twice as long each time, up to a limit, and up to a quarter more by chance,
// so that those who failed together do not try together. Chance is Philox of a key: the same key waits the same.

import { type PhiloxKey, philox } from '../../ir/philox.ts';

export function backoffNs(
  baseNs: number,
  tries: number,
  mostNs: number,
  key: PhiloxKey,
  draw: number,
): number {
  const pause = Math.min(baseNs * 2 ** Math.min(tries, 40), mostNs);
  const [chance] = philox(key, [draw >>> 0, tries, 0, 0x6a697474]);
  return pause + Math.floor((pause / 4) * (chance / 2 ** 32));
}
