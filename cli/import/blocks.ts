// Whether blocks that follow each other can be one loop: they read alike, differ in constants that have names, and each
// gives the next what it goes on with.

import { type Model, NO_VALUE, type Op, type OpId, type ValueId, type Weight } from '../../ir/index.ts';

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

/** Fewer ops are as readable one by one. */
const MIN_OPS = 6;
/** Groups of at least so many ops are worth a loop of two. */
const LARGE_GROUP = 8;

interface Reads {
  readonly parameters: ReadonlyMap<ValueId, readonly ValueId[]>;
  /** Values that the first group reads from outside, and by which slot they are replaced later; -1: by none. */
  readonly outside: ReadonlyMap<ValueId, number>;
}

/** Whether so many ops are better read as a loop. */
export const isWorthLoop = (size: number, count: number): boolean =>
  size * count >= MIN_OPS && count >= (size < LARGE_GROUP ? 3 : 2);

/** Compares the groups of one period from one beginning on with the first. */
export class Matcher {
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

  /** The run of `count` groups, or of one less; undefined if there is none, which two groups tell mostly. */
  run(count: number): Run | undefined {
    if (!this.#hasTwo()) return undefined;
    for (const groups of [count, count - 1]) {
      if (!isWorthLoop(this.#size, groups)) continue;
      const run = this.#match(groups);
      if (run !== undefined) return run;
    }
    return undefined;
  }

  /** Whether the first two groups read alike: what they do not have, more of them do not have either. */
  #hasTwo(): boolean {
    if (!this.#closed(2, 1, new Set())) return false;
    const two = this.#reads(2);
    return two !== undefined && two.parameters.size > 0 && [...two.outside.values()].some((one) => one >= 0);
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
