import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bestCut, type Cut, type CutProblem, cutWithin, type Part } from '../../compiler/cut.ts';

/** Every way to divide the ops, judged by the definition rather than by the recurrence. */
function bruteForce(problem: CutProblem, bound: number): number {
  const { load, cost, parts } = problem;
  let best = Number.POSITIVE_INFINITY;
  const visit = (starts: number[]): void => {
    if (starts.length < parts.length) {
      for (let next = starts.at(-1)!; next <= load.length; next++) visit([...starts, next]);
      return;
    }
    best = Math.min(best, price([...starts, load.length]));
  };
  const price = (starts: number[]): number => {
    let total = 0;
    for (let j = 0; j < parts.length; j++) {
      const [a, b] = [starts[j]!, starts[j + 1]!];
      const part = parts[j]!;
      const ops = load.slice(a, b);
      if (a === b) {
        if (!part.mayBeEmpty) return Number.POSITIVE_INFINITY;
        continue;
      }
      const sum = ops.reduce((x, y) => x + y, 0) + part.fixedLoad;
      const divisible = cost.slice(a + 1, b).some((one) => one < Number.POSITIVE_INFINITY);
      if (sum > bound && (divisible || part.fixedLoad > 0)) return Number.POSITIVE_INFINITY;
      if (part.earliest !== undefined && a < part.earliest[b]!) return Number.POSITIVE_INFINITY;
      for (let i = a; i < b; i++) total += part.extra?.[i] ?? 0;
      if (b < load.length) total += cost[b]!;
    }
    return total;
  };
  visit([0]);
  return best;
}

/** earliest[b] of random windows: each op b-1 wants company from some op on; windows only move right. */
function windows(wishes: readonly number[]): Int32Array {
  const earliest = new Int32Array(wishes.length + 1);
  wishes.forEach((wish, index) => {
    earliest[index + 1] = Math.max(earliest[index]!, Math.min(wish, index + 1));
  });
  return earliest;
}

const problems = fc.integer({ min: 1, max: 8 }).chain((count) => {
  const numbers = (max: number): fc.Arbitrary<Float64Array> =>
    fc
      .array(fc.integer({ min: 0, max }), { minLength: count, maxLength: count })
      .map(Float64Array.from.bind(Float64Array));
  const cost = fc
    .array(fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, fc.constant(Number.POSITIVE_INFINITY)), {
      minLength: count + 1,
      maxLength: count + 1,
    })
    .map((list) => Float64Array.from(list));
  const part: fc.Arbitrary<Part> = fc.record({
    fixedLoad: fc.oneof(fc.constant(0), fc.nat(10)),
    mayBeEmpty: fc.boolean(),
    earliest: fc.option(fc.array(fc.nat(count), { minLength: count, maxLength: count }).map(windows), {
      nil: undefined,
      freq: 3,
    }),
    extra: fc.option(numbers(15), { nil: undefined }),
  });
  return fc.record({
    load: numbers(10),
    cost,
    parts: fc.array(part, { minLength: 1, maxLength: 4 }),
    bound: fc.integer({ min: 1, max: 40 }),
  });
});

const priceOf = (cut: Cut | undefined): number => cut?.cost ?? Number.POSITIVE_INFINITY;

test('the cut within a bound costs what the best of all cuts costs', () => {
  fc.assert(
    fc.property(problems, ({ bound, ...problem }) => {
      expect(priceOf(cutWithin(problem, bound))).toBe(bruteForce(problem, bound));
    }),
    { numRuns: 3000 },
  );
});

test('the bound is raised only if it must, to the least that works', () => {
  fc.assert(
    fc.property(problems, ({ bound, ...problem }) => {
      const cut = bestCut(problem, bound);
      const inBound = bruteForce(problem, bound);
      if (inBound < Number.POSITIVE_INFINITY) expect(priceOf(cut)).toBe(inBound);
      else if (cut === undefined)
        expect(bruteForce(problem, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
      else {
        // Loads are whole numbers: one less than the bound that was needed must be too little.
        expect(bruteForce(problem, cut.sharedLoad - 1)).toBe(Number.POSITIVE_INFINITY);
      }
    }),
    { numRuns: 2000 },
  );
});

test('among the cheapest cuts one with the smallest largest part is taken', () => {
  const problem = {
    load: new Float64Array(12).fill(1),
    cost: new Float64Array(13).fill(7),
    parts: Array.from({ length: 3 }, () => ({ fixedLoad: 0, mayBeEmpty: false })),
  };
  expect([...bestCut(problem, 6)!.starts]).toEqual([0, 4, 8, 12]);
});

test('a hundred thousand ops are cut over eight parts within the bound', () => {
  const count = 100_000;
  const noise = (seed: number) => Float64Array.from({ length: count + 1 }, (_, i) => (i * seed) % 1009);
  const problem = {
    load: noise(7919).slice(0, count),
    cost: noise(104_729),
    parts: Array.from({ length: 8 }, () => ({ fixedLoad: 0, mayBeEmpty: false })),
  };
  const total = problem.load.reduce((a, b) => a + b, 0);
  const cut = bestCut(problem, (1.5 * total) / 8)!;
  expect(cut.sharedLoad).toBeLessThanOrEqual((1.5 * total) / 8);
});
