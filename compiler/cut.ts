// Cuts a row of ops into contiguous parts, one after another, at the least cost.
//
//   ops     o o o o o o o o          cost[c]: of cutting before op c, Infinity where that is not allowed
//   parts  |0    |1  |2    |         bound: the most load of a part, except of one that no cut could divide
//
// f[j][b] = min over a of f[j-1][a] + cost[a] + extra_j(a, b): the least cost of the ops before b in parts 0 … j.
// The admissible a for b are a window whose both ends only move right, so a monotone queue finds each minimum
// in constant time: O(ops × parts) in all (sliding-window minimum).

export interface Part {
  /** Load that is on it anyway. */
  readonly fixedLoad: number;
  /** Whether it may get none of the ops. */
  readonly mayBeEmpty: boolean;
  /** earliest[b]: the first a for which ops a … b-1 may be together on it; b if not even op b-1 may. Never falls. */
  readonly earliest?: Int32Array;
  /** extra[i]: what op i costs on this part beyond the cuts. */
  readonly extra?: Float64Array;
}

export interface CutProblem {
  readonly load: Float64Array;
  /** One longer than `load`; the cost before the first and after the last op is not looked at. */
  readonly cost: Float64Array;
  readonly parts: readonly Part[];
}

export interface Cut {
  readonly cost: number;
  /** starts[j]: the first op of part j; one longer than the parts, the last is the number of ops. */
  readonly starts: Int32Array;
  /** Largest load of a part that could be divided, or that has something on it anyway. */
  readonly sharedLoad: number;
}

/** Rounds of bisection for a bound that must be raised; it is then exact to 2^-20 of the largest. */
const ROUNDS = 20;
/** Ops × parts × rounds spent on balance among equally cheap cuts. */
const TIE_BREAK_WORK = 4_000_000;

/**
 * The cheapest cut with no part above `bound`, or above the least bound that can be had; of the cheapest ones
 * one with the smallest largest part. undefined: no cut at all satisfies `earliest` and the forbidden places.
 */
export function bestCut(problem: CutProblem, bound: number): Cut | undefined {
  const cheapest = cutWithin(problem, bound) ?? leastBoundCut(problem, bound);
  if (cheapest === undefined) return cheapest;
  const rounds = Math.floor(TIE_BREAK_WORK / (problem.load.length * problem.parts.length + 1));
  return bisect(problem, 0, cheapest, Math.min(rounds, ROUNDS), (cut) => cut.cost <= cheapest.cost);
}

/** The cut of the least possible bound above `bound`. */
function leastBoundCut(problem: CutProblem, bound: number): Cut | undefined {
  const unbounded = cutWithin(problem, Number.POSITIVE_INFINITY);
  return unbounded && bisect(problem, bound, unbounded, ROUNDS, () => true);
}

/** Lowers the largest shared load of an acceptable cut as far as it goes. */
function bisect(
  problem: CutProblem,
  from: number,
  start: Cut,
  rounds: number,
  accept: (cut: Cut) => boolean,
): Cut {
  let best = start;
  let below = from;
  for (let round = 0; round < rounds && best.sharedLoad > below; round++) {
    const middle = (below + best.sharedLoad) / 2;
    const cut = cutWithin(problem, middle);
    if (cut !== undefined && cut.sharedLoad < best.sharedLoad && accept(cut)) best = cut;
    else below = middle;
  }
  return best;
}

/** unit[b]: the first op of the run that ends before b and that no cut may divide. */
function units(cost: Float64Array): Int32Array {
  const unit = new Int32Array(cost.length);
  for (let b = 1; b < unit.length; b++) {
    unit[b] = b === 1 || cost[b - 1] !== Number.POSITIVE_INFINITY ? b - 1 : unit[b - 1]!;
  }
  return unit;
}

/** The cheapest cut with no part above `bound` other than what cannot be divided. */
export function cutWithin({ load, cost, parts }: CutProblem, bound: number): Cut | undefined {
  const count = load.length;
  const sum = prefixSums(load);
  const unit = units(cost);
  const choices: Int32Array[] = [];
  // before[a]: the least cost of ops before a in the parts so far, the cut at a included.
  let before = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  before[0] = 0;
  for (const part of parts) {
    const choice = new Int32Array(count + 1).fill(-1);
    const after = extend(part, before, { sum, cost, unit }, bound, choice);
    choices.push(choice);
    before = after;
  }
  if (before[count] === Number.POSITIVE_INFINITY) return undefined;
  const starts = new Int32Array(parts.length + 1);
  starts[parts.length] = count;
  let sharedLoad = 0;
  for (let j = parts.length - 1; j >= 0; j--) {
    const end = starts[j + 1]!;
    const start = choices[j]![end]!;
    starts[j] = start;
    const { fixedLoad } = parts[j]!;
    if (end > start && (unit[end]! > start || fixedLoad > 0)) {
      sharedLoad = Math.max(sharedLoad, sum[end]! - sum[start]! + fixedLoad);
    }
  }
  return { cost: before[count]!, starts, sharedLoad };
}

/** One row of the table: for every end b the best begin a of `part`, by a queue of candidates of rising cost. */
function extend(
  part: Part,
  before: Float64Array,
  { sum, cost, unit }: { sum: Float64Array; cost: Float64Array; unit: Int32Array },
  bound: number,
  choice: Int32Array,
): Float64Array<ArrayBuffer> {
  const count = before.length - 1;
  const extra = part.extra && prefixSums(part.extra);
  const after = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  // What a begin is worth apart from the op-by-op cost up to the end, which is the same for all.
  const worth = extra === undefined ? before : before.map((value, a) => value - extra[a]!);
  const queue = new Int32Array(count + 1);
  let head = 0;
  let tail = 0;
  let low = 0;
  for (let b = 0; b <= count; b++) {
    if (b > 0) {
      const candidate = worth[b - 1]!;
      while (tail > head && worth[queue[tail - 1]!]! >= candidate) tail--;
      if (candidate < Number.POSITIVE_INFINITY) queue[tail++] = b - 1;
      while (low < unit[b]! && sum[b]! - sum[low]! + part.fixedLoad > bound) low++;
      // What is on the part anyway shares the bound with the ops that join it, even a single one.
      const alone = low === unit[b] && part.fixedLoad > 0 && sum[b]! - sum[low]! + part.fixedLoad > bound;
      const first = alone ? b : Math.max(low, part.earliest?.[b] ?? 0);
      while (head < tail && queue[head]! < first) head++;
      if (head < tail) {
        after[b] = worth[queue[head]!]! + (extra?.[b] ?? 0) + (b < count ? cost[b]! : 0);
        choice[b] = queue[head]!;
      }
    }
    // An empty part ends where the one before it did, which has paid for the cut.
    if (part.mayBeEmpty && before[b]! < after[b]!) {
      after[b] = before[b]!;
      choice[b] = b;
    }
  }
  return after;
}

function prefixSums(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i]! + values[i]!;
  return sums;
}
