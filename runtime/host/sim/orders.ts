// The orders of a run's events that can make a difference: what happens at one peer depends on what happened there before,
// and what happens at different peers at once comes to the same in either order. Of all orders that give every peer the
// same in the same order, one is run (Abdulla et al. 2014, Optimal dynamic partial order reduction: source sets and sleep
// sets). Where two events of a peer could have come the other way round, that is tried next, from the beginning.

/** How many events of each peer are before, or are, something; by peer. */
export type Clock = ReadonlyMap<string, number>;

/** Something that may be next. */
export interface Candidate {
  /** The same in every run that has the same beginning. */
  readonly id: number;
  readonly peer: string;
  /** What had to happen before it could. */
  readonly after: Clock;
}

interface Step extends Candidate {
  /** Of those of its peer, from 1. */
  readonly count: number;
  readonly clock: Clock;
  /** Where it was chosen; undefined: there was nothing to choose. */
  readonly junction: Junction | undefined;
}

/** A point at which something was chosen. */
interface Junction {
  taken: Candidate;
  readonly tried: Set<number>;
  readonly todo: Map<number, Candidate>;
  /** What leads to nothing new here: an order with it first was run before. */
  readonly asleep: ReadonlyMap<number, Candidate>;
}

export const joined = (a: Clock, b: Clock): Clock => {
  if (a.size === 0) return b;
  const both = new Map(a);
  for (const [peer, count] of b) if (count > (both.get(peer) ?? 0)) both.set(peer, count);
  return both;
};

/** All orders of one beginning, one run after another. */
export class Orders {
  /** Points that were reached, each once. */
  states = 0;
  /** The longest run's events, by peer. */
  readonly longest = new Map<string, number>();
  readonly #path: Junction[] = [];

  /** Points at which something else is to be tried. */
  get left(): number {
    return this.#path.reduce((sum, { todo }) => sum + todo.size, 0);
  }

  /** Goes back to the last point at which something is left to try; false: there is none. */
  advance(): boolean {
    for (let last = this.#path.at(-1); last !== undefined; last = this.#path.at(-1)) {
      const [next] = last.todo.values();
      if (next !== undefined) {
        last.todo.delete(next.id);
        last.tried.add(next.id);
        last.taken = next;
        return true;
      }
      this.#path.pop();
    }
    return false;
  }

  run(): Order {
    return new Order(this.#path, this);
  }
}

/** One run. */
export class Order {
  readonly #path: Junction[];
  readonly #orders: Orders;
  readonly #steps: Step[] = [];
  readonly #last = new Map<string, Step>();
  #depth = 0;
  #asleep: ReadonlyMap<number, Candidate> = new Map();
  /** All that has happened so far is before all that comes. */
  #floor: Clock = new Map();

  constructor(path: Junction[], orders: Orders) {
    this.#path = path;
    this.#orders = orders;
  }

  /** How often something has happened at a peer. */
  countAt(peer: string): number {
    return this.#last.get(peer)?.count ?? 0;
  }

  /** What had happened, as far as the last event of a peer knows. */
  clockAt(peer: string): Clock {
    return this.#last.get(peer)?.clock ?? this.#floor;
  }

  /** Of all that has happened. */
  get everything(): Clock {
    return [...this.#last.values()].reduce<Clock>((sum, { clock }) => joined(sum, clock), this.#floor);
  }

  /** Which of these is next; undefined: whatever is, it was run before. */
  choose(candidates: readonly Candidate[]): Candidate | undefined {
    let junction = this.#path[this.#depth];
    if (junction === undefined) {
      const taken = candidates.find(({ id }) => !this.#asleep.has(id));
      if (taken === undefined) return undefined;
      junction = { taken, tried: new Set([taken.id]), todo: new Map(), asleep: this.#asleep };
      this.#path.push(junction);
    }
    const isLast = ++this.#depth === this.#path.length;
    if (isLast) this.#orders.states++;
    const { id } = junction.taken;
    const taken = candidates.find((one) => one.id === id);
    if (taken === undefined) throw new Error('a run that is not what it was before');
    this.#sleep(junction, taken, candidates);
    this.#race(taken);
    this.#add(taken, junction);
    return taken;
  }

  /** What cannot be chosen, and comes when nothing else is left: after everything. */
  wait(peer: string): void {
    this.#floor = this.everything;
    this.#add({ id: -1, peer, after: this.#floor }, undefined);
    this.#floor = this.everything;
  }

  /** It could have been next, and never will be: so that it is tried before what prevents it. */
  prevented(candidate: Candidate): void {
    this.#race(candidate);
  }

  #add({ id, peer, after }: Candidate, junction: Junction | undefined): void {
    const before = this.#last.get(peer);
    const count = (before?.count ?? 0) + 1;
    const clock = new Map(joined(this.#floor, before === undefined ? after : joined(before.clock, after)));
    clock.set(peer, count);
    const step = { id, peer, after, count, clock, junction };
    this.#steps.push(step);
    this.#last.set(peer, step);
    const { longest } = this.#orders;
    if (count > (longest.get(peer) ?? 0)) longest.set(peer, count);
  }

  #sleep({ asleep, tried }: Junction, taken: Candidate, candidates: readonly Candidate[]): void {
    const now = new Map<number, Candidate>();
    for (const one of asleep.values()) if (one.peer !== taken.peer) now.set(one.id, one);
    for (const one of candidates)
      if (one.id !== taken.id && tried.has(one.id) && one.peer !== taken.peer) now.set(one.id, one);
    this.#asleep = now;
  }

  /** What happened last at its peer might have come after it. */
  #race(next: Candidate): void {
    const before = this.#last.get(next.peer);
    const after = joined(this.#floor, next.after);
    if (before?.junction === undefined || (after.get(next.peer) ?? 0) >= before.count) return;
    const { peer, count, junction } = before;
    const from = this.#steps.indexOf(before);
    // What would be there without it, and then the next one.
    const others: { readonly one: Candidate; readonly clock: Clock; readonly count: number }[] = this.#steps
      .slice(from + 1)
      .filter(({ clock }) => (clock.get(peer) ?? 0) < count)
      .map((step) => ({ one: step, clock: step.clock, count: step.count }));
    others.push({ one: next, clock: after, count: Number.POSITIVE_INFINITY });
    const firsts = others.filter(
      ({ clock }, index) =>
        !others.slice(0, index).some(({ one, count: at }) => (clock.get(one.peer) ?? 0) >= at),
    );
    const { tried, todo, asleep } = junction;
    if (firsts.some(({ one: { id } }) => tried.has(id) || todo.has(id) || asleep.has(id))) return;
    const [{ one }] = firsts as [(typeof firsts)[number]];
    todo.set(one.id, one);
  }
}
