// Random numbers of ops that draw them: mulberry32, which is small, even, and good enough for noise.

/** Numbers in [0, 1); without a seed, others each time. */
export function generator(seed: number | undefined): () => number {
  const given = new Float64Array([seed ?? Math.random()]);
  const words = new Uint32Array(given.buffer);
  let state = words[0]! ^ Math.imul(words[1]!, 0x9e3779b9);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
