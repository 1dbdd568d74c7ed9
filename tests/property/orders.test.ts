// The orders that exploring tries, held against all there are: peers that tell each other things, where what a peer
// tells depends on all that it was told before, in order.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, Orders } from '../../runtime/host/sim/orders.ts';

interface System {
  readonly peers: number;
  readonly first: readonly number[];
  /** By what a peer knows so far: to whom it writes. */
  readonly replies: readonly (readonly number[])[];
}

interface Message {
  readonly id: number;
  readonly to: number;
  readonly from: string;
}

/** How far from a call a message is that makes nobody write. */
const DEPTH = 2;

/** What everyone was told, in order: two runs that agree in it are the same to every peer. */
class Course {
  readonly heard: string[];
  waiting: Message[];
  #ids = 0;
  readonly #system: System;

  constructor(system: System) {
    this.#system = system;
    this.heard = Array.from({ length: system.peers }, () => '');
    this.waiting = system.first.map((to, at) => ({ id: this.#ids++, to, from: `call ${at}` }));
  }

  take(id: number): readonly Message[] {
    const message = this.waiting.find((one) => one.id === id)!;
    this.waiting = this.waiting.filter((one) => one !== message);
    const { to, from } = message;
    this.heard[to] += `${from};`;
    let hash = 7;
    for (const letter of this.heard[to]!) hash = (hash * 31 + letter.charCodeAt(0)) % 65521;
    const told = this.#system.replies[hash % this.#system.replies.length]!;
    // A bound that is each message's own: how far it is from a call.
    if (from.split('>').length > DEPTH) return [];
    const made = told.map((peer, at) => ({
      id: this.#ids++,
      to: peer % this.#system.peers,
      from: `${from}>${hash}.${at}`,
    }));
    this.waiting.push(...made);
    return made;
  }

  get outcome(): string {
    return this.heard.join('\n');
  }
}

const MOST = 700;

/** All outcomes; undefined: there are too many orders to go through. */
function everyOutcome(system: System): Set<string> | undefined {
  const outcomes = new Set<string>();
  let runs = 0;
  const replayed = (path: readonly number[]): Course => {
    const course = new Course(system);
    for (const id of path) course.take(id);
    return course;
  };
  const go = (path: readonly number[]): boolean => {
    const course = replayed(path);
    if (course.waiting.length === 0) {
      outcomes.add(course.outcome);
      return ++runs <= MOST;
    }
    return course.waiting.every(({ id }) => go([...path, id]));
  };
  return go([]) ? outcomes : undefined;
}

/** Outcomes of the runs that exploring makes, each run once. */
function explored(system: System): readonly string[] {
  const outcomes: string[] = [];
  const orders = new Orders();
  do {
    const course = new Course(system);
    const order = orders.run();
    const after = new Map<number, Candidate['after']>();
    for (;;) {
      const candidates = course.waiting.map(({ id, to }) => ({
        id,
        peer: `${to}`,
        after: after.get(id) ?? new Map<string, number>(),
      }));
      if (candidates.length === 0) {
        outcomes.push(course.outcome);
        break;
      }
      const chosen = order.choose(candidates);
      // Every run that begins so was made.
      if (chosen === undefined) break;
      for (const { id } of course.take(chosen.id)) after.set(id, order.clockAt(chosen.peer));
    }
  } while (orders.advance());
  return outcomes;
}

const systems: fc.Arbitrary<System> = fc.record({
  peers: fc.integer({ min: 1, max: 3 }),
  first: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 }),
  replies: fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }), {
    minLength: 1,
    maxLength: 5,
  }),
});

test('every outcome of any order is tried, and none twice', () => {
  let compared = 0;
  let most = 0;
  fc.assert(
    fc.property(systems, (drawn) => {
      const system = { ...drawn, first: drawn.first.map((peer) => peer % drawn.peers) };
      const all = everyOutcome(system);
      if (all === undefined) return;
      const tried = explored(system);
      expect([...tried].sort()).toEqual([...all].sort());
      compared++;
      most = Math.max(most, tried.length);
    }),
    { seed: 1, numRuns: 120 },
  );
  expect(compared).toBeGreaterThan(60);
  expect(most).toBeGreaterThan(50);
});
