// Which places no arriving value would ever wake.
//
// A peer learns of a flow from the first frame of it. A place is woken if some envelope to it leaves without
// anything that this very place has to send first; so the flow is played through without values, from the entries,
// and whoever is still asleep when nothing moves any more needs a trigger: from where its entry begins, or from where the
// peer set is made that it is bound to, or from who bound it.

import type { OpId, ValueId } from '../../ir/index.ts';
import {
  arriving,
  boundAt,
  boundBy,
  type Crossing,
  isCrossing,
  type PlacedGraph,
  type PlaceNumber,
  placeOfValue,
  setToReceive,
  setToSend,
} from './places.ts';
import { seatsOf, workingPlaces } from './seats.ts';

export interface Wake {
  readonly from: PlaceNumber;
  readonly to: PlaceNumber;
}

/** Places to trigger, in the order in which they would be found asleep. `entries`: where the flows of each begin. */
export function placesToTrigger(
  graph: PlacedGraph,
  crossings: readonly Crossing[],
  envelopeOf: (crossing: Crossing) => number,
  entries: ReadonlyMap<string, PlaceNumber>,
): readonly Wake[] {
  const play = new Play(graph, crossings, envelopeOf);
  const working = workingPlaces(graph);
  const asked: Wake[] = [];
  for (const entry of entries.values()) play.wake(entry);
  for (;;) {
    const asleep = working.filter((place) => !play.awake.has(place));
    if (asleep.length === 0) return asked;
    // Who can begin by itself may wake the others.
    const to = asleep.find((place) => play.canBegin(place)) ?? asleep[0]!;
    const set = boundBy(graph, to);
    const from =
      boundAt(graph, to) ??
      (set === undefined ? entries.get(seatsOf(graph).entries[to]!) : placeOfValue(graph, set));
    if (from !== undefined) asked.push({ from, to });
    play.wake(to);
  }
}

class Play {
  readonly awake = new Set<PlaceNumber>();
  readonly #graph: PlacedGraph;
  /** Values that each op of the main graph still waits for, by OpId. */
  readonly #left: Int32Array;
  /** Ops that wait for an arrival: at a place, or at the collect or broadcast for which alone a value crosses. */
  readonly #readers = new Map<string, OpId[]>();
  /** Ops whose values are all there, but whose place sleeps; and inputs that enter there. */
  readonly #pending = new Map<PlaceNumber, { ops: OpId[]; inputs: ValueId[] }>();
  readonly #crossingsOf = new Map<ValueId, Crossing[]>();
  readonly #envelopes = new Map<number, { left: number; crossings: Crossing[] }>();
  readonly #envelopeOf: (crossing: Crossing) => number;
  /** Peer sets, by the places that know them, and what waits for that. */
  readonly #knownSets = new Set<string>();
  readonly #awaitingSets = new Map<string, (() => void)[]>();
  #ready: OpId[] = [];

  constructor(
    graph: PlacedGraph,
    crossings: readonly Crossing[],
    envelopeOf: (crossing: Crossing) => number,
  ) {
    this.#graph = graph;
    this.#envelopeOf = envelopeOf;
    this.#left = new Int32Array(graph.model.opLimit);
    for (const crossing of crossings) {
      append(this.#crossingsOf, crossing.value, crossing);
      const envelope = this.#envelopes.get(envelopeOf(crossing)) ?? { left: 0, crossings: [] };
      envelope.left++;
      envelope.crossings.push(crossing);
      this.#envelopes.set(envelopeOf(crossing), envelope);
    }
    for (const id of graph.model.mainGraph.ops) {
      if (graph.constant[id] === 1) continue;
      const one = graph.model.op(id);
      const needs = arriving(graph, one);
      const place = graph.opPlace[id]!;
      this.#left[id] = needs.length;
      const op = isCrossing(one) ? id : undefined;
      for (const value of needs) append(this.#readers, arrival(value, place, op), id);
      if (needs.length === 0) this.#waiting(place).ops.push(id);
    }
    graph.model.mainGraph.inputs.forEach((value, index) => {
      if (!graph.isConstant(value)) this.#waiting(graph.inputPlace[index]!).inputs.push(value);
    });
  }

  canBegin(place: PlaceNumber): boolean {
    const waiting = this.#pending.get(place);
    return waiting !== undefined && waiting.ops.length + waiting.inputs.length > 0;
  }

  wake(place: PlaceNumber): void {
    this.#begin(place);
    for (let id = this.#ready.pop(); id !== undefined; id = this.#ready.pop()) {
      const { model } = this.#graph;
      for (const output of model.op(id).outputs) this.#made(output);
    }
  }

  #waiting(place: PlaceNumber): { ops: OpId[]; inputs: ValueId[] } {
    const waiting = this.#pending.get(place) ?? { ops: [], inputs: [] };
    this.#pending.set(place, waiting);
    return waiting;
  }

  #begin(place: PlaceNumber): void {
    if (this.awake.has(place)) return;
    this.awake.add(place);
    const { ops, inputs } = this.#waiting(place);
    this.#ready.push(...ops);
    for (const input of inputs) this.#made(input);
  }

  /** A value is there, at its place. */
  #made(value: ValueId): void {
    if (value === 0) return;
    this.#arrive(value, placeOfValue(this.#graph, value), undefined);
    for (const crossing of this.#crossingsOf.get(value) ?? []) {
      this.#once(setToSend(this.#graph, crossing), crossing.from, () => this.#send(crossing));
    }
  }

  #send(crossing: Crossing): void {
    const envelope = this.#envelopes.get(this.#envelopeOf(crossing))!;
    if (--envelope.left > 0) return;
    for (const crossing of envelope.crossings) {
      const { value, to, op } = crossing;
      this.#begin(to);
      this.#once(setToReceive(this.#graph, crossing), to, () => this.#arrive(value, to, op));
    }
  }

  /** Does something when a place knows a set. */
  #once(set: ValueId | undefined, place: PlaceNumber, run: () => void): void {
    if (set === undefined || this.#graph.isConstant(set)) {
      run();
      return;
    }
    const key = arrival(set, place, undefined);
    if (this.#knownSets.has(key)) run();
    else append(this.#awaitingSets, key, run);
  }

  #arrive(value: ValueId, place: PlaceNumber, op: OpId | undefined): void {
    const key = arrival(value, place, op);
    for (const id of this.#readers.get(key) ?? []) {
      if (--this.#left[id]! > 0) continue;
      if (this.awake.has(place)) this.#ready.push(id);
      else this.#waiting(place).ops.push(id);
    }
    if (op !== undefined) return;
    this.#knownSets.add(key);
    for (const run of this.#awaitingSets.get(key) ?? []) run();
    this.#awaitingSets.delete(key);
  }
}

const arrival = (value: ValueId, place: PlaceNumber, op: OpId | undefined): string =>
  `${value}@${place}${op === undefined ? '' : `/${op}`}`;

function append<K, V>(lists: Map<K, V[]>, key: K, item: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
