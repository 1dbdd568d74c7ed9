// Why the row was cut where it was: places near and far that were not taken, each with what speaks against it.
//
//   ops    o o o | o o o o o      for the cut between two classes, the others held fast: one op earlier, one op
//   cut        ^ ^ ^   ^          later, the fewest bytes elsewhere, the evenest shares

import {
  type CutPoint,
  type CutReason,
  describeOp,
  type RejectedBecause,
  type ValueId,
} from '../../ir/index.ts';
import { FOLDED, ROUNDED } from '../crossings.ts';
import type { Cut } from '../cut.ts';
import type { Known } from './authored.ts';
import { sharesAbove } from './memory.ts';
import { placesOf, type Row } from './row.ts';

/** The cuts between classes that both got ops of the row; `bound` is the most load of a class. */
export function explainCuts(row: Row, known: Known, cut: Cut, bound: number): readonly CutReason[] {
  const { starts } = cut;
  const filled = row.classes.flatMap((_, index) => (starts[index + 1]! > starts[index]! ? [index] : []));
  const judge = new Judge(row, known, cut, Math.max(bound, cut.sharedLoad));
  return filled.slice(1).map((second, index) => {
    const first = filled[index]!;
    const span = { first, second, from: starts[first]!, at: starts[second]!, to: starts[second + 1]! };
    return {
      between: [row.classes[first]!.name, row.classes[second]!.name],
      ...judge.point(span, span.at),
      rejected: judge
        .candidates(span)
        .map((at) => ({ ...judge.point(span, at), ...judge.against(span, at) })),
    };
  });
}

/** Ops from … to - 1 of the row are those of two classes; the second's begin at `at`. */
interface Span {
  readonly first: number;
  readonly second: number;
  readonly from: number;
  readonly at: number;
  readonly to: number;
}

interface Objection {
  readonly because: RejectedBecause;
  readonly about: string | null;
}

class Judge {
  readonly #row: Row;
  readonly #known: Known;
  readonly #cut: Cut;
  readonly #bound: number;
  /** sums[i]: load of the row's ops before i. */
  readonly #sums: Float64Array;
  readonly #total: number;

  constructor(row: Row, known: Known, cut: Cut, bound: number) {
    this.#row = row;
    this.#known = known;
    this.#cut = cut;
    this.#bound = bound;
    this.#sums = new Float64Array(row.load.length + 1);
    row.load.forEach((load, index) => {
      this.#sums[index + 1] = this.#sums[index]! + load;
    });
    this.#total = row.fixedLoad.reduce((sum, load) => sum + load, this.#sums.at(-1)!);
  }

  candidates(span: Span): readonly number[] {
    const { cost } = this.#row.crossings;
    let cheapest = -1;
    let evenest = -1;
    for (let at = span.from + 1; at < span.to; at++) {
      // One that is out of the question anyway says little; the neighbours show enough of those.
      if (at === span.at || cost[at]! - bytesAt(cost[at]!) > cost[span.at]!) continue;
      if (cheapest === -1 || cost[at]! < cost[cheapest]!) cheapest = at;
      if (evenest === -1 || this.#unevenness(span, at) < this.#unevenness(span, evenest)) evenest = at;
    }
    const near = [span.at - 1, span.at + 1, cheapest, evenest];
    return [...new Set(near)].filter((at) => at > span.from && at < span.to).sort((a, b) => a - b);
  }

  point(span: Span, at: number): CutPoint {
    const { flow, ops, crossings } = this.#row;
    const name = (index: number): string => describeOp(flow.model, flow.model.op(ops[index]!));
    const cost = crossings.cost[at]!;
    const [a, b] = this.#loads(span, at);
    // Three digits: more would be noise of the estimate, and shown as such.
    const share = (load: number): number => Math.round((1000 * load) / this.#total) / 1000;
    return {
      after: name(at - 1),
      before: name(at),
      bytes: cost === Number.POSITIVE_INFINITY ? null : bytesAt(cost),
      shares: [share(a), share(b)],
    };
  }

  /** The first thing that stands against cutting at `at`, the strictest first. */
  against(span: Span, at: number): Objection {
    const { crossings, flow, classes } = this.#row;
    const cost = crossings.cost[at]!;
    const chosen = crossings.cost[span.at]!;
    const only = (because: RejectedBecause): Objection => ({ because, about: null });
    if (cost === Number.POSITIVE_INFINITY) {
      return { because: 'uncrossable', about: flow.model.value(crossings.blocker[at] as ValueId).name };
    }
    if (!this.#inOrder(span, at)) return only('order');
    const over = sharesAbove(flow, this.#row.cost, classes, this.#placesIf(span, at))[0];
    if (over !== undefined) return { because: 'memory', about: over.class.name };
    if (Math.floor(cost / ROUNDED) > Math.floor(chosen / ROUNDED)) return only('rounding');
    if (foldsAt(cost) > foldsAt(chosen)) return only('folding');
    if (Math.max(...this.#loads(span, at)) > this.#bound) return only('balance');
    return only(this.#moreBytes(span, at) > 0 ? 'bytes' : 'uneven');
  }

  #loads({ first, second, from, to }: Span, at: number): [number, number] {
    const { fixedLoad } = this.#row;
    const sums = this.#sums;
    return [sums[at]! - sums[from]! + fixedLoad[first]!, sums[to]! - sums[at]! + fixedLoad[second]!];
  }

  #unevenness(span: Span, at: number): number {
    const [a, b] = this.#loads(span, at);
    return Math.abs(a - b);
  }

  /** Whether every op that would change class may. */
  #inOrder(span: Span, at: number): boolean {
    const { low, high } = this.#row;
    const into = at < span.at ? span.second : span.first;
    for (let i = Math.min(at, span.at); i < Math.max(at, span.at); i++) {
      if (into < low[i]! || into > high[i]!) return false;
    }
    return true;
  }

  /** What a cut at `at` costs beyond the chosen one: at the cut itself, and by ops placed elsewhere. */
  #moreBytes({ first, second, at: chosen }: Span, at: number): number {
    const { crossings, extra } = this.#row;
    let more = crossings.cost[at]! - crossings.cost[chosen]!;
    const [to, from] = at < chosen ? [second, first] : [first, second];
    for (let i = Math.min(at, chosen); i < Math.max(at, chosen); i++) {
      if (extra !== undefined) more += extra[to]![i]! - extra[from]![i]!;
    }
    return more;
  }

  #placesIf({ first, second }: Span, at: number): ReturnType<typeof placesOf> {
    const starts = this.#cut.starts.slice();
    // Classes between the two got nothing: they stay empty.
    for (let index = first + 1; index <= second; index++) starts[index] = at;
    return placesOf(this.#row, { ...this.#cut, starts }, this.#known);
  }
}

/** Costs are bytes plus penalties that are multiples of FOLDED. */
const bytesAt = (cost: number): number => cost % FOLDED;
const foldsAt = (cost: number): number => Math.floor((cost % ROUNDED) / FOLDED);
