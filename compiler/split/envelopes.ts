// Envelopes: which values that cross to one place travel together.
//
//   batch 0 → features 0 ┐            a fragment that changes no state sends what it has as it goes, so
//   batch 1 → features 1 ┘            each leaves by itself, and the server begins with the first
//
// All that a fragment which changes state sends leaves when it commits: in one envelope. Of another one, values leave apart
// where each waits for something that the others do not wait for: what a component gives, or what an envelope brings. Where one
// waits for all that another does and for more, they go together, since a frame costs more than a little time. The fields of a
// collected record travel together, whichever fragments made them.

import { CORE, type OpId, roleCallOf, type ValueId } from '../../ir/index.ts';
import { isUpdate } from './calls.ts';
import type { Levels } from './fragments.ts';
import {
  type Crossing,
  isCore,
  isGather,
  type PlacedGraph,
  type PlaceNumber,
  placeOfValue,
  setToSend,
} from './places.ts';
import { SetPool } from './set-pool.ts';

export interface Envelopes {
  /** Which envelope a crossing travels in, from 0. */
  of(crossing: Crossing): number;
  /** What names the envelope that brings a value to a place. */
  bringing(value: ValueId, to: PlaceNumber): string;
}

/** Fragments that assign state or update a component, as `PLACE@LEVEL`. */
export function assigningFragments({ model, opPlace }: PlacedGraph, levels: Levels): ReadonlySet<string> {
  const found = new Set<string>();
  for (const op of model.opsOf())
    if (isCore(op, CORE.stateAssign) || isUpdate(op)) found.add(`${opPlace[op.id]}@${levels[op.id]}`);
  return found;
}

export function groupCrossings(
  graph: PlacedGraph,
  levels: Levels,
  crossings: readonly Crossing[],
): Envelopes {
  const names = new Naming(graph, levels).nameAll(crossings);
  const numbers = new Map<string, number>();
  const numberOf = (name: string): number => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  };
  const byCrossing = new Map(crossings.map((one) => [one, numberOf(names.of(one))]));
  return {
    of: (crossing) => byCrossing.get(crossing)!,
    bringing: (value, to) => names.bringing(value, to),
  };
}

class Naming {
  readonly #graph: PlacedGraph;
  readonly #levels: Levels;
  readonly #assigning: ReadonlySet<string>;
  readonly #pool = new SetPool();
  readonly #sources = new Map<string, number>();
  /** By OpId: what it waits for within its fragment. */
  readonly #awaits: Int32Array;
  /** By value and receiver. */
  readonly #names = new Map<string, string>();

  constructor(graph: PlacedGraph, levels: Levels) {
    this.#graph = graph;
    this.#levels = levels;
    this.#assigning = assigningFragments(graph, levels);
    this.#awaits = new Int32Array(graph.model.opLimit);
  }

  /** Level by level, since what a fragment waits for came in envelopes of lower ones. */
  nameAll(crossings: readonly Crossing[]): this {
    const ops = new Map<number, OpId[]>();
    for (const { id } of this.#graph.model.opsOf())
      if (this.#graph.constant[id] !== 1) append(ops, this.#levels[id]!, id);
    const leaving = new Map<number, Crossing[]>();
    for (const crossing of crossings)
      if (!this.#isField(crossing)) append(leaving, this.#levelOf(crossing.value), crossing);
    for (const level of [...new Set([...ops.keys(), ...leaving.keys()])].sort((a, b) => a - b)) {
      for (const id of ops.get(level) ?? []) this.#awaits[id] = this.#awaitedBy(id);
      const beside = new Map<string, Crossing[]>();
      for (const one of leaving.get(level) ?? []) append(beside, this.#wholeName(one.value, one.to), one);
      for (const [name, together] of beside) this.#nameApart(name, together);
    }
    return this;
  }

  of(crossing: Crossing): string {
    return this.#isField(crossing) ? `collect ${crossing.op}` : this.bringing(crossing.value, crossing.to);
  }

  bringing(value: ValueId, to: PlaceNumber): string {
    return this.#names.get(`${value}>${to}`) ?? this.#wholeName(value, to);
  }

  #nameApart(name: string, together: readonly Crossing[]): void {
    const [{ from, value }] = together as [Crossing];
    const isOne = together.length === 1 || this.#assigning.has(`${from}@${this.#levelOf(value)}`);
    if (isOne) return;
    const pool = this.#pool;
    const sets = together.map((one) => this.#awaitedToSend(one));
    const largest = [...new Set(sets)].filter(
      (set, _, all) => !all.some((other) => other !== set && pool.contains(other, set)),
    );
    for (const [at, { value, to }] of together.entries()) {
      const group = largest.findIndex((set) => pool.contains(set, sets[at]!));
      if (group > 0) this.#names.set(`${value}>${to}`, `${name}#${group}`);
    }
  }

  #awaitedToSend(crossing: Crossing): number {
    const set = setToSend(this.#graph, crossing);
    const own = this.#awaitedFor(crossing.value, crossing.from, this.#levelOf(crossing.value));
    if (set === undefined || this.#graph.isConstant(set)) return own;
    return this.#pool.union(own, this.#awaitedFor(set, crossing.from, this.#levelOf(crossing.value)));
  }

  #awaitedBy(id: OpId): number {
    const op = this.#graph.model.op(id);
    const here = this.#graph.opPlace[id]!;
    let set = roleCallOf(op) === undefined ? this.#pool.empty : this.#source(`op ${id}`);
    for (const value of this.#graph.needs[id]!)
      set = this.#pool.union(set, this.#awaitedFor(value, here, this.#levels[id]!));
    return set;
  }

  /** What a fragment waits for before a value is there. */
  #awaitedFor(value: ValueId, here: PlaceNumber, level: number): number {
    if (placeOfValue(this.#graph, value) !== here) return this.#source(this.bringing(value, here));
    const { def } = this.#graph.model.value(value);
    return def.kind === 'op' && this.#levels[def.op] === level ? this.#awaits[def.op]! : this.#pool.empty;
  }

  #source(name: string): number {
    const number = this.#sources.get(name) ?? this.#sources.size;
    this.#sources.set(name, number);
    return this.#pool.of(number);
  }

  #wholeName(value: ValueId, to: PlaceNumber): string {
    return `${placeOfValue(this.#graph, value)}>${to}@${this.#levelOf(value)}`;
  }

  #levelOf(value: ValueId): number {
    const { def } = this.#graph.model.value(value);
    return def.kind === 'op' ? this.#levels[def.op]! : 0;
  }

  #isField({ op }: Crossing): boolean {
    return op !== undefined && isGather(this.#graph.model.op(op));
  }
}

function append<Key, One>(lists: Map<Key, One[]>, key: Key, one: One): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [one]);
  else list.push(one);
}
