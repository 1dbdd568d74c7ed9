// Two works compared in pairs.

/** Medians, in ms. */
export interface Paired {
  readonly ours: number;
  readonly theirs: number;
  /** The median of what each pair gives. */
  readonly ratio: number;
}

export interface Rounds {
  readonly rounds: number;
  readonly warmUp: number;
  /** How long each side goes on in a round before it is the other's turn; at least once. By default just once. */
  readonly blockMs?: number;
}

/**
 * Both in each round, by turns the one or the other first: what the machine does besides befalls both. Whoever follows
 * finds the caches as the other left them, which a block makes matter little: nobody trains for one step.
 */
export async function inPairs(
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
  { rounds, warmUp, blockMs = 0 }: Rounds,
): Promise<Paired> {
  const times: { ours: number; theirs: number }[] = [];
  const once = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    const told = await work();
    // A work may say itself how long it took.
    return typeof told === 'number' ? told : performance.now() - start;
  };
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    let [sum, count] = [await once(work), 1];
    for (; sum < blockMs; count++) sum += await once(work);
    return sum / count;
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

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
