// Seats: what each place of each entry is called in the programs, and which peers' program holds it.
//
//   round: server, round: phone.each, sync: phone.me   →   server, phone round/each, phone sync/me
//
// A class with one seat needs no name for it: its program is that seat. Where a peer is of several classes, the seats of all
// of them have names, and each its own: round/phone.each.

import {
  attributeString,
  CORE,
  type End,
  isMany,
  type Model,
  type Op,
  type Place,
  type Topology,
} from '../../ir/index.ts';
import { boundAt, isCore, type PlacedGraph, type PlaceNumber } from './places.ts';

/** The places where something happens, in the order of their numbers. */
export function workingPlaces({ model, constant, places, ...graph }: PlacedGraph): readonly PlaceNumber[] {
  const working = new Set<PlaceNumber>(graph.outputPlace);
  graph.inputPlace.forEach((place, index) => {
    if (model.value(model.mainGraph.inputs[index]!).weight === undefined) working.add(place);
  });
  for (const id of model.mainGraph.ops) if (constant[id] !== 1) working.add(graph.opPlace[id]!);
  // Flows start at one member, even if it only wakes others.
  // Who binds others takes part, if only to wake them.
  for (const place of working) {
    const around = boundAt({ places }, place);
    if (around !== undefined) working.add(around);
  }
  const only = (place: PlaceNumber): boolean => !isMany(places[place]!);
  const starter = [...working].some(only) ? -1 : places.findIndex((_, place) => only(place));
  if (starter >= 0 && entryOps(model).size === 0) working.add(starter);
  return [...working].sort((a, b) => a - b);
}

/** The authors' Invoke ops, by the entry that each begins. */
export function entryOps(model: Model): ReadonlyMap<string, Op> {
  const ops = [...model.opsOf()].filter((op) => isCore(op, CORE.invoke));
  return new Map(ops.map((op) => [attributeString(op, 'entry') ?? MAIN, op]));
}

/** The entry of a module that declares none. */
export const MAIN = 'main';

export interface Seats {
  /** By place number: `round/each`, `round/some.0`; for places where nothing happens, too. */
  readonly names: readonly string[];
  /** The entry whose flows pass through a place. */
  readonly entries: readonly string[];
  /** What edges say of a place. */
  end(place: PlaceNumber): End;
  /** The places of a class where something happens. */
  of(className: string): readonly PlaceNumber[];
  /** Whether a class's program says which seats there are. */
  named(className: string): boolean;
}

const known = new WeakMap<PlacedGraph, Seats>();

export function seatsOf(graph: PlacedGraph): Seats {
  const cached = known.get(graph);
  if (cached !== undefined) return cached;
  const seats = computeSeats(graph);
  known.set(graph, seats);
  return seats;
}

function computeSeats(graph: PlacedGraph): Seats {
  const only = [...entryOps(graph.model).keys()][0] ?? MAIN;
  const entries = graph.places.map(({ entry }) => entry ?? only);
  const counts = new Map<string, number>();
  const byClass = new Map<string, PlaceNumber[]>();
  for (const place of workingPlaces(graph)) {
    const name = graph.places[place]!.class;
    byClass.set(name, [...(byClass.get(name) ?? []), place]);
  }
  const names = graph.places.map(({ class: name, binder: { kind } }, place) => {
    const own = graph.shared.includes(name) ? `${name}.` : '';
    const seat = `${entries[place]}/${own}${kind}`;
    if (kind !== 'one' && kind !== 'some') return seat;
    const key = `${name} ${seat}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return `${seat}.${count}`;
  });
  const of = (className: string): readonly PlaceNumber[] => byClass.get(className) ?? [];
  const named = (name: string): boolean => of(name).length > 1 || graph.shared.includes(name);
  const end = (place: PlaceNumber): End => {
    const { class: name, binder } = graph.places[place]!;
    const within = classesAround(graph.places[place]!);
    return {
      class: name,
      binder: binder.kind,
      ...(named(name) && { seat: names[place]! }),
      ...(within.length > 0 && { within }),
    };
  };
  return { names, entries, end, of, named };
}

const classesAround = ({ within }: Place): readonly string[] =>
  within === undefined ? [] : [...classesAround(within), within.class];

/** A place as part of a value's name: its class, and the seat where that has several. */
export function placeLabel(graph: PlacedGraph, place: PlaceNumber): string {
  const { class: name, seat } = seatsOf(graph).end(place);
  return seat === undefined ? name : `${name}/${seat}`;
}

/** Equal for equal ends. */
export const endKey = ({ class: name, seat = '' }: End): string => `${name} ${seat}`;

/**
 * Where the flows of each entry start: at the author's Invoke; without one, where the first input enters, or at the first
 * one-member class that has work.
 */
export function entryPlaces(graph: PlacedGraph, topology: Topology): ReadonlyMap<string, PlaceNumber> {
  const authored = entryOps(graph.model);
  if (authored.size > 0) return new Map([...authored].map(([name, { id }]) => [name, graph.opPlace[id]!]));
  const place = callPlace(graph, topology);
  return new Map(place === undefined ? [] : [[MAIN, place]]);
}

function callPlace(graph: PlacedGraph, topology: Topology): PlaceNumber | undefined {
  const single = (number: PlaceNumber): boolean => !isMany(graph.places[number]!);
  const { model, inputPlace } = graph;
  const first = model.mainGraph.inputs.findIndex(
    (id, index) => model.value(id).weight === undefined && single(inputPlace[index]!),
  );
  if (first !== -1) return inputPlace[first];
  const classes = topology.classes.map((one) => one.name);
  const candidates = workingPlaces(graph)
    .filter(single)
    .map((number) => ({ number, order: classes.indexOf(graph.places[number]!.class) }))
    .sort((a, b) => a.order - b.order);
  return candidates[0]?.number;
}
