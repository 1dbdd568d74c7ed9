// Two works compared in pairs.

/** Medians, in ms. */
export interface Paired {
  readonly ours: number;
  readonly theirs: number;
  /** The median of what each pair gives. */
  readonly ratio: number;
}

/**
 * Both in each round, by turns the one or the other first: what the machine does besides befalls both, and whoever
 * follows finds the caches as the other left them.
 */
export async function inPairs(
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Paired> {
  const times: { ours: number; theirs: number }[] = [];
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    const told = await work();
    // A work may say itself how long it took.
    return typeof told === 'number' ? told : performance.now() - start;
  };
  for (let round = -warmUp; round < rounds; round++) {
    const first = round % 2 === 0 ? await timed(ours) : await timed(theirs);
    const second = round % 2 === 0 ? await timed(theirs) : await timed(ours);
    if (round < 0) continue;
    times.push(round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
  }
  return {
    ours: median(times.map((one) => one.ours)),
    theirs: median(times.map((one) => one.theirs)),
    ratio: median(times.map((one) => one.ours / one.theirs)),
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
