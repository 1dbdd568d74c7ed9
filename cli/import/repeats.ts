// Blocks that follow each other and differ in their weights: found in the order of ops, to be written as a loop.
//
//   a = Relu(x · w0); b = Relu(a · w1); c = Relu(b · w2)
//   let h = x; for (const w of ['w0', 'w1', 'w2']) h = relu(h · w)

import {
  type Attribute,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
  type Weight,
} from '../../ir/index.ts';

/** `count` groups of `size` ops, from `start` on. */
export interface Run {
  readonly start: number;
  readonly size: number;
  readonly count: number;
  /** Constants of the first group that differ between groups, with those of all groups. */
  readonly parameters: ReadonlyMap<ValueId, readonly ValueId[]>;
  /** What one group gives the next: what the first group reads instead, and what each group makes. */
  readonly carried: readonly { readonly initial: ValueId; readonly made: readonly ValueId[] }[];
}

/** What a run is found in. */
export interface Sequence {
  readonly model: Model;
  readonly ops: readonly Op[];
  /** The constant that a value is. */
  weightOf(id: ValueId): Weight | undefined;
  /** Whether two constants are written alike: small, and the same. */
  sameLiteral(a: ValueId, b: ValueId): boolean;
  /** Whether a constant can be had by its name. */
  hasName(id: ValueId): boolean;
}

const MAX_SIZE = 64;
/** Looked at from one beginning on; a longer run is several. */
const MAX_GROUPS = 64;
/** Fewer ops are as readable one by one. */
const MIN_OPS = 6;
/** Groups of at least so many ops are worth a loop of two. */
const LARGE_GROUP = 8;

/** Runs that do not overlap, in order. */
export function findRuns(sequence: Sequence): readonly Run[] {
  const { ops } = sequence;
  const marks = ops.map(signature);
  const repeats = repeatsByPeriod(marks);
  const position = new Map<OpId, number>(ops.map((op, index) => [op.id, index]));
  const known = new Map<number, Run | undefined>();
  const bestAt = (start: number): Run | undefined => {
    if (!known.has(start)) known.set(start, searchAt(start));
    return known.get(start);
  };
  const searchAt = (start: number): Run | undefined => {
    let best: Run | undefined;
    for (let size = 1; size <= Math.min(MAX_SIZE, (ops.length - start) >> 1); size++) {
      const count = Math.floor(repeats[size]![start]! / size) + 1;
      if (count < 2 || covered({ size, count }) <= covered(best)) continue;
      const run = new Matcher(sequence, position, start, size).run(count);
      if (run !== undefined && covered(run) > covered(best)) best = run;
    }
    return best;
  };
  const runs: Run[] = [];
  for (let at = 0; at < ops.length; ) {
    const run = bestAt(at);
    if (run === undefined) {
      at++;
      continue;
    }
    // Another beginning within the first group may cover more.
    let better = run;
    for (let next = at + 1; next < at + run.size; next++) {
      const other = bestAt(next);
      if (covered(other) > covered(better)) better = other!;
    }
    runs.push(better);
    at = better.start + better.size * better.count;
  }
  return runs;
}

const covered = (run: Pick<Run, 'size' | 'count'> | undefined): number =>
  run === undefined ? 0 : run.size * run.count;

/** What has to be equal at once: operator, attributes, how many inputs and outputs. Ops with graphs equal none. */
function signature(op: Op, index: number): string {
  if (op.attributes.some(({ kind }) => kind === 'graph' || kind === 'graphs')) return `graph ${index}`;
  const attributes = op.attributes.map(attributeText).sort().join();
  return `${op.type} ${op.inputs.map((id) => (id === NO_VALUE ? 0 : 1)).join('')} ${op.outputs.length} ${attributes}`;
}

const attributeText = (attribute: Attribute): string =>
  `${attribute.name}=${
    attribute.kind === 'tensor'
      ? `${attribute.value.dtype} ${attribute.value.dims} ${attribute.value.range?.offset ?? JSON.stringify(attribute.value.proto, plain)}`
      : JSON.stringify(attribute.value, plain)
  }`;
const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? [...value] : value;

/** By period and position: how many marks from there on equal those one period later. */
function repeatsByPeriod(marks: readonly string[]): Int32Array[] {
  const rows: Int32Array[] = [new Int32Array(0)];
  for (let period = 1; period <= MAX_SIZE; period++) {
    const row = new Int32Array(marks.length + 1);
    for (let at = marks.length - period - 1; at >= 0; at--) {
      if (marks[at] === marks[at + period]) row[at] = row[at + 1]! + 1;
    }
    rows.push(row);
  }
  return rows;
}

interface Reads {
  readonly parameters: ReadonlyMap<ValueId, readonly ValueId[]>;
  /** Values that the first group reads from outside, and by which slot they are replaced later; -1: by none. */
  readonly outside: ReadonlyMap<ValueId, number>;
}

/** Compares the groups of one period from one beginning on with the first. */
class Matcher {
  readonly #sequence: Sequence;
  readonly #position: ReadonlyMap<OpId, number>;
  readonly #start: number;
  readonly #size: number;

  constructor(sequence: Sequence, position: ReadonlyMap<OpId, number>, start: number, size: number) {
    this.#sequence = sequence;
    this.#position = position;
    this.#start = start;
    this.#size = size;
  }

  /** The longest run of at most `count` groups that is worth a loop, or one a little shorter. */
  run(count: number): Run | undefined {
    const most = this.#alike(Math.min(count, MAX_GROUPS));
    for (const groups of new Set([most, most - 1, most - 2, 2])) {
      if (groups < 2 || groups > most || this.#size * groups < MIN_OPS) continue;
      if (groups === 2 && this.#size < LARGE_GROUP) continue;
      const run = this.#match(groups);
      if (run !== undefined) return run;
    }
    return undefined;
  }

  /** How many groups read alike: if some do, the first of them do. */
  #alike(count: number): number {
    const two = this.#reads(2);
    // What two groups do not have, more of them seldom have.
    if (two === undefined || two.parameters.size === 0 || ![...two.outside.values()].some((one) => one >= 0))
      return 1;
    if (!this.#closed(2, 1, new Set())) return 1;
    let [least, above] = [2, count + 1];
    while (above - least > 1) {
      const middle = least * 2 < above ? least * 2 : (least + above) >> 1;
      if (this.#reads(middle) === undefined) above = middle;
      else least = middle;
    }
    return least;
  }

  /** What the groups read: constants that differ, and values from outside the first one; undefined if not alike. */
  #reads(count: number): Reads | undefined {
    const { weightOf } = this.#sequence;
    const parameters = new Map<ValueId, readonly ValueId[]>();
    const outside = new Map<ValueId, number>();
    for (let offset = 0; offset < this.#size; offset++) {
      const ops = Array.from({ length: count }, (_, group) => this.#op(group, offset));
      for (const [index, id] of ops[0]!.inputs.entries()) {
        if (id === NO_VALUE) continue;
        const ids = ops.map((op) => op.inputs[index]!);
        if (weightOf(id) !== undefined) {
          if (!this.#constants(ids, parameters)) return undefined;
          continue;
        }
        const slot = this.#slotOf(ids);
        if (slot === undefined) return undefined;
        if (slot === 'inside') continue;
        if ((outside.get(id) ?? slot) !== slot) return undefined;
        outside.set(id, slot);
      }
    }
    return { parameters, outside };
  }

  #match(count: number): Run | undefined {
    const reads = this.#reads(count);
    if (reads === undefined) return undefined;
    const { parameters, outside } = reads;
    const slots = [...new Set([...outside.values()].filter((slot) => slot >= 0))];
    const carried = slots.map((slot) => {
      const initials = [...outside].filter(([, one]) => one === slot).map(([id]) => id);
      return { initials, made: Array.from({ length: count }, (_, group) => this.#made(group, slot)) };
    });
    if (parameters.size === 0 || carried.length === 0) return undefined;
    if (carried.some(({ initials }) => initials.length !== 1)) return undefined;
    const made = new Set(carried.map(({ made }) => made.at(-1)!));
    if (!this.#closed(count, count, made)) return undefined;
    return {
      start: this.#start,
      size: this.#size,
      count,
      parameters,
      carried: carried.map((one) => ({ initial: one.initials[0]!, made: one.made })),
    };
  }

  /** One constant per group: the same small one, or ones of one type that have names. */
  #constants(ids: readonly ValueId[], parameters: Map<ValueId, readonly ValueId[]>): boolean {
    const { weightOf, sameLiteral, hasName } = this.#sequence;
    const [first] = ids as [ValueId];
    const known = parameters.get(first);
    if (known !== undefined) return known.join() === ids.join();
    const weight = weightOf(first)!;
    const alike = ids.every((id) => {
      const other = weightOf(id);
      return other?.dtype === weight.dtype && other?.dims.join() === weight.dims.join();
    });
    if (!alike) return false;
    if (ids.every((id) => id === first || sameLiteral(first, id))) return true;
    if (!ids.every(hasName)) return false;
    parameters.set(first, ids);
    return true;
  }

  /**
   * How the groups read a value: `inside`, each its own; a slot, each that of the group before; -1, all one from
   * outside; undefined if they do not read it alike.
   */
  #slotOf(ids: readonly ValueId[]): number | 'inside' | undefined {
    const slots = ids.map((id) => this.#slot(id));
    const first = slots[0];
    if (first !== undefined && first.group === 0) {
      return slots.every((one, group) => one?.group === group && one.slot === first.slot)
        ? 'inside'
        : undefined;
    }
    const second = slots[1];
    if (second === undefined) return ids.every((id) => id === ids[0]) ? -1 : undefined;
    const before = slots.every(
      (one, group) => group === 0 || (one?.group === group - 1 && one.slot === second.slot),
    );
    return before ? second.slot : undefined;
  }

  /** Which group makes a value, and where in it; undefined if none of this run does. */
  #slot(id: ValueId): { readonly group: number; readonly slot: number } | undefined {
    const { def } = this.#sequence.model.value(id);
    if (def.kind !== 'op') return undefined;
    const at = this.#position.get(def.op);
    if (at === undefined || at < this.#start) return undefined;
    const offset = at - this.#start;
    return { group: Math.floor(offset / this.#size), slot: (offset % this.#size) * 64 + def.index };
  }

  #op(group: number, offset: number): Op {
    return this.#sequence.ops[this.#start + group * this.#size + offset]!;
  }
  #made(group: number, slot: number): ValueId {
    return this.#op(group, Math.floor(slot / 64)).outputs[slot % 64]!;
  }

  /** Whether what the first `checked` groups make is read by themselves, by the next one, or, of the last, is carried. */
  #closed(count: number, checked: number, last: ReadonlySet<ValueId>): boolean {
    const { model } = this.#sequence;
    for (let group = 0; group < checked; group++) {
      for (let offset = 0; offset < this.#size; offset++) {
        for (const id of this.#op(group, offset).outputs) {
          if (id === NO_VALUE || (group === count - 1 && last.has(id))) continue;
          for (const use of model.uses(id)) {
            const reader = use.kind === 'op' ? this.#position.get(use.op) : undefined;
            if (reader === undefined) return false;
            const by = Math.floor((reader - this.#start) / this.#size);
            if (by !== group && !(by === group + 1 && by < count)) return false;
          }
        }
      }
    }
    return true;
  }
}
