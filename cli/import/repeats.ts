// Blocks that follow each other and differ in their weights: found in the order of ops, to be written as a loop.
//
//   a = Relu(x · w0); b = Relu(a · w1); c = Relu(b · w2)
//   let h = x; for (const w of ['w0', 'w1', 'w2']) h = relu(h · w)
//
// A few ops in a row that are those of a few ops before tell a period. From there each op is compared with the one a
// period later, in both directions, once per period: what is looked at grows with the graph, not with the number of
// beginnings times the number of sizes.

import { NO_VALUE, type OpId, type ValueId } from '../../ir/index.ts';
import { isWorthLoop, Matcher, type Run, type Sequence } from './blocks.ts';
import { Signatures } from './signature.ts';

/** Ops of the longest block that is looked for. */
const MAX_PERIOD = 2048;
/** How many ops in a row tell a period: one for chains, more where blocks hold the same operator several times. */
const GRAM_SIZES = [1, 3, 8];
/** Beginnings of one stretch that are tried in vain. */
const MAX_FAILURES = 8;
/** Comparisons for each op of the graph; those that remain cannot be worth much. */
const EFFORT = 400;

/** Runs that do not overlap, in order. `effort` counts the comparisons of ops. */
export function findRuns(sequence: Sequence, effort = { spent: 0 }): readonly Run[] {
  return chosen(new Finder(sequence, effort).runs());
}

/** The runs that cover most first; of those that overlap the first one stays. */
function chosen(runs: readonly Run[]): readonly Run[] {
  const taken = new Set<number>();
  const kept: Run[] = [];
  const ranked = [...runs].sort((a, b) => covered(b) - covered(a) || a.size - b.size || a.start - b.start);
  for (const run of ranked) {
    const end = run.start + covered(run);
    // Runs are ranked by length: one that overlaps a longer one has an end in it.
    if (taken.has(run.start) || taken.has(end - 1)) continue;
    for (let at = run.start; at < end; at++) taken.add(at);
    kept.push(run);
  }
  return kept.sort((a, b) => a.start - b.start);
}

const covered = ({ size, count }: Pick<Run, 'size' | 'count'>): number => size * count;

/** Ops `from` to before `to`, each of which is the op a period later but for what it reads. */
interface Stretch {
  readonly period: number;
  readonly from: number;
  readonly to: number;
  /** Positions of ops that read something else than the same of their own period: as first groups do. */
  readonly loose: readonly number[];
}

interface Beginning {
  readonly start: number;
  readonly count: number;
  /** Values that are alive between the first two groups. */
  readonly width: number;
}

class Finder {
  readonly #sequence: Sequence;
  readonly #effort: { spent: number };
  readonly #limit: number;
  readonly #marks: readonly number[];
  readonly #position: ReadonlyMap<OpId, number>;

  constructor(sequence: Sequence, effort: { spent: number }) {
    const signatures = new Signatures();
    this.#sequence = sequence;
    this.#effort = effort;
    this.#limit = effort.spent + EFFORT * sequence.ops.length;
    this.#marks = sequence.ops.map((op) => signatures.of(op));
    this.#position = new Map(sequence.ops.map((op, index) => [op.id, index]));
  }

  runs(): readonly Run[] {
    const found: Run[] = [];
    const widths = this.#widths();
    /** By period: where the last stretch ended. */
    const seen = new Map<number, number>();
    const grams = GRAM_SIZES.map((size) => ({ names: this.#grams(size), last: new Map<number, number>() }));
    for (let at = 0; at < this.#marks.length; at++) {
      for (const { names, last } of grams) {
        const name = names[at];
        if (name === undefined) continue;
        const before = last.get(name);
        last.set(name, at);
        if (before === undefined || at - before > MAX_PERIOD) continue;
        const period = at - before;
        if (before < (seen.get(period) ?? 0)) continue;
        const stretch = this.#stretch(before, period);
        seen.set(period, Math.max(stretch.to, before + 1));
        if (stretch.to - stretch.from >= period) found.push(...this.#runsIn(stretch, widths));
        if (this.#effort.spent > this.#limit) return found;
      }
    }
    return found;
  }

  /** By position: what the next `size` ops are, as a number. */
  #grams(size: number): readonly number[] {
    const numbers = new Map<string, number>();
    return this.#marks.slice(0, Math.max(0, this.#marks.length - size + 1)).map((_, at) => {
      const text = this.#marks.slice(at, at + size).join();
      const number = numbers.get(text) ?? numbers.size;
      numbers.set(text, number);
      return number;
    });
  }

  /** By position: how many values are made before it and read from it on. */
  #widths(): Int32Array {
    const { model, ops } = this.#sequence;
    const widths = new Int32Array(ops.length + 1);
    ops.forEach((op, at) => {
      for (const id of op.outputs) {
        if (id === NO_VALUE) continue;
        let last = at;
        for (const use of model.uses(id))
          last = Math.max(last, (use.kind === 'op' ? this.#position.get(use.op) : undefined) ?? ops.length);
        if (last === at) continue;
        widths[at + 1]!++;
        if (last < ops.length) widths[last + 1]!--;
      }
    });
    for (let at = 1; at < widths.length; at++) widths[at]! += widths[at - 1]!;
    return widths;
  }

  /** As far as ops are those a period later, to both sides of a position. */
  #stretch(at: number, period: number): Stretch {
    const loose: number[] = [];
    const compare = (position: number): boolean => {
      const likeness = this.#likeness(position, period);
      if (likeness === 'loose') loose.push(position);
      return likeness !== 'none';
    };
    let [from, to] = [at, at];
    while (to + period < this.#marks.length && compare(to)) to++;
    while (from > 0 && compare(from - 1)) from--;
    return { period, from, to, loose: loose.sort((a, b) => a - b) };
  }

  #likeness(at: number, period: number): 'same' | 'loose' | 'none' {
    this.#effort.spent++;
    if (this.#marks[at] !== this.#marks[at + period]) return 'none';
    const { ops, weightOf, hasName, sameLiteral } = this.#sequence;
    let likeness: 'same' | 'loose' = 'same';
    for (const [index, a] of ops[at]!.inputs.entries()) {
      const b = ops[at + period]!.inputs[index]!;
      if (a === b) continue;
      const [one, other] = [weightOf(a), weightOf(b)];
      if (one !== undefined || other !== undefined) {
        if (one?.dtype !== other?.dtype || one?.dims.join() !== other?.dims.join()) return 'none';
        if (!(hasName(a) && hasName(b)) && !sameLiteral(a, b)) return 'none';
      } else if (this.#isShifted(a, b, period)) continue;
      else likeness = 'loose';
    }
    return likeness;
  }

  /** Whether two values are made by the same op, a period apart. */
  #isShifted(a: ValueId, b: ValueId, period: number): boolean {
    const { model } = this.#sequence;
    const [one, other] = [model.value(a).def, model.value(b).def];
    if (one.kind !== 'op' || other.kind !== 'op' || one.index !== other.index) return false;
    const [from, to] = [this.#position.get(one.op), this.#position.get(other.op)];
    return from !== undefined && to !== undefined && to - from === period;
  }

  /** Runs of a stretch that do not overlap: those that cover most, and where fewest values pass from group to group. */
  #runsIn(stretch: Stretch, widths: Int32Array): readonly Run[] {
    const { period } = stretch;
    const found: Run[] = [];
    let failures = 0;
    for (const { start, count } of beginningsOf(stretch, widths)) {
      if (failures > MAX_FAILURES || this.#effort.spent > this.#limit) break;
      const end = start + period * count;
      if (found.some((run) => run.start < end && start < run.start + covered(run))) continue;
      const run = new Matcher(this.#sequence, this.#position, start, period).run(count);
      this.#effort.spent += run === undefined ? period : period * count;
      if (run === undefined) failures++;
      else found.push(run);
    }
    return found;
  }
}

/** Where a run can begin, the best first. Only ops of its first group may be loose. */
function beginningsOf({ period, from, to, loose }: Stretch, widths: Int32Array): readonly Beginning[] {
  const found: Beginning[] = [];
  let next = 0;
  for (let start = from; start + period <= to; start++) {
    while (next < loose.length && loose[next]! < start + period) next++;
    const end = Math.min(to, loose[next] ?? to);
    const count = Math.floor((end - start) / period) + 1;
    if (isWorthLoop(period, count)) found.push({ start, count, width: widths[start + period]! });
  }
  return found.sort((a, b) => b.count - a.count || a.width - b.width || a.start - b.start);
}
