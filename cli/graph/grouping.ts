// Which ops of a page collapse together: the author's scopes, and blocks where there are too few of them.
//
// Siblings never depend on each other in a circle, so that any set of collapsed groups is still a graph that can be
// drawn from top to bottom: a scope that data leaves and comes back to is shown in parts.

import type { PageGroup } from './page/data.ts';

export interface Member {
  /** Index of the region's group; -1: none. */
  readonly region: number;
  readonly peer: number;
  readonly path: readonly string[];
  readonly type: string;
  /** Members that this one depends on. */
  readonly needs: readonly number[];
}

export interface Grouped {
  readonly groups: readonly PageGroup[];
  /** Innermost group of each member; -1: none. */
  readonly groupOf: readonly number[];
}

/** What is drawn as one when everything at its depth is collapsed: a single op, or a part of a scope. */
interface Unit {
  readonly title: string | undefined;
  readonly members: readonly number[];
}

/** Siblings up to this many need no blocks. */
const MOST_SIBLINGS = 40;

/** Groups `members` below `regions`; `wantsBlocks`: break long rows of siblings up. */
export function groupMembers(
  members: readonly Member[],
  regions: readonly PageGroup[],
  wantsBlocks: boolean,
): Grouped {
  const grouping = new Grouping(members, regions, wantsBlocks);
  const order = topological(members.map(({ needs }) => needs));
  const byRegion = new Map<number, number[]>();
  for (const index of order) {
    const { region } = members[index]!;
    const list = byRegion.get(region);
    if (list === undefined) byRegion.set(region, [index]);
    else list.push(index);
  }
  for (const [region, list] of byRegion) grouping.divide(list, 0, region);
  return grouping;
}

class Grouping {
  readonly groups: PageGroup[];
  readonly groupOf: number[];
  readonly #members: readonly Member[];
  readonly #wantsBlocks: boolean;

  constructor(members: readonly Member[], regions: readonly PageGroup[], wantsBlocks: boolean) {
    this.#members = members;
    this.#wantsBlocks = wantsBlocks;
    this.groups = [...regions];
    this.groupOf = members.map(() => -1);
  }

  /** Puts `list`, in topological order, into groups below `parent` by the part of their path at `depth`. */
  divide(list: readonly number[], depth: number, parent: number): void {
    const units = this.#units(list, depth);
    // A frame around everything says nothing.
    if (units.length === 1 && units[0]!.title !== undefined) return this.divide(list, depth + 1, parent);
    const isLong = this.#wantsBlocks && units.length > MOST_SIBLINGS;
    for (const block of isLong ? this.#blocks(units) : [units]) {
      const home = isLong
        ? this.#addGroup(
            'block',
            undefined,
            block.flatMap(({ members }) => members),
            parent,
          )
        : parent;
      for (const { title, members } of block) {
        if (title === undefined) for (const member of members) this.groupOf[member] = home;
        else this.divide(members, depth + 1, this.#addGroup('scope', title, members, home));
      }
    }
  }

  #addGroup(
    kind: 'scope' | 'block',
    title: string | undefined,
    members: readonly number[],
    parent: number,
  ): number {
    const types = histogram(members.map((member) => this.#members[member]!.type));
    const count = `${members.length} ops`;
    const peers = new Set(members.map((member) => this.#members[member]!.peer));
    const peer = peers.size === 1 ? [...peers][0]! : -1;
    return (
      this.groups.push({
        kind,
        title: title ?? types,
        detail: title === undefined ? count : `${count}: ${types}`,
        parent,
        peer,
        step: -1,
        fragment: -1,
      }) - 1
    );
  }

  #units(list: readonly number[], depth: number): Unit[] {
    const byName = new Map<string, number[]>();
    for (const member of list) {
      const name = this.#members[member]!.path[depth];
      if (name === undefined) continue;
      const of = byName.get(name);
      if (of === undefined) byName.set(name, [member]);
      else of.push(member);
    }
    const units: { title: string | undefined; members: number[] }[] = [];
    const unitOf = new Map<number, number>();
    const started = new Map<string, number>();
    for (const member of list) {
      const name = this.#members[member]!.path[depth];
      const isAlone = name === undefined || byName.get(name)!.length < 2;
      const unit = isAlone ? undefined : started.get(name);
      if (unit === undefined) {
        const index = units.push({ title: isAlone ? undefined : name, members: [member] }) - 1;
        unitOf.set(member, index);
        if (!isAlone) started.set(name, index);
      } else {
        units[unit]!.members.push(member);
        unitOf.set(member, unit);
      }
    }
    const parts = this.#inParts(units, unitOf);
    return this.#sorted(parts);
  }

  /** Splits scopes that depend on each other in a circle by how often data has crossed between them. */
  #inParts(units: readonly Unit[], unitOf: ReadonlyMap<number, number>): Unit[] {
    const circle = components(this.#needsOfUnits(units, unitOf));
    const size = new Map<number, number>();
    for (const one of circle) size.set(one, (size.get(one) ?? 0) + 1);
    const level = new Map<number, number>();
    const parts = new Map<string, { title: string | undefined; members: number[] }>();
    for (const [index, { title, members }] of units.entries()) {
      if (size.get(circle[index]!) === 1) parts.set(`${index}`, { title, members: [...members] });
    }
    const involved = [...unitOf].filter(([, unit]) => size.get(circle[unit]!)! > 1);
    for (const [member, unit] of involved) {
      let most = 0;
      for (const need of this.#members[member]!.needs) {
        const from = unitOf.get(need);
        if (from === undefined || circle[from] !== circle[unit]) continue;
        most = Math.max(most, level.get(need)! + (from === unit ? 0 : 1));
      }
      level.set(member, most);
      const key = `${unit} ${most}`;
      const part = parts.get(key);
      if (part === undefined) parts.set(key, { title: units[unit]!.title, members: [member] });
      else part.members.push(member);
    }
    return [...parts.values()].map((part) =>
      part.members.length === 1 ? { ...part, title: undefined } : part,
    );
  }

  #needsOfUnits(units: readonly Unit[], unitOf: ReadonlyMap<number, number>): Set<number>[] {
    return units.map(({ members }, index) => {
      const needs = new Set<number>();
      for (const member of members) {
        for (const need of this.#members[member]!.needs) {
          const from = unitOf.get(need);
          if (from !== undefined && from !== index) needs.add(from);
        }
      }
      return needs;
    });
  }

  #sorted(units: readonly Unit[]): Unit[] {
    return topological(this.#unitNeeds(units)).map((index) => units[index]!);
  }

  #unitNeeds(units: readonly Unit[]): readonly number[][] {
    const unitOf = new Map<number, number>();
    for (const [index, { members }] of units.entries()) {
      for (const member of members) unitOf.set(member, index);
    }
    return this.#needsOfUnits(units, unitOf).map((needs) => [...needs]);
  }

  /** Cuts a sorted row of units into blocks of similar size where few values are alive. */
  #blocks(units: readonly Unit[]): Unit[][] {
    const count = units.length;
    const target = Math.min(64, Math.max(16, Math.round(1.2 * Math.sqrt(count))));
    const alive = aliveBetween(this.#unitNeeds(units));
    // best[i]: cheapest cut of the first i units; from[i]: where its last block starts.
    const best = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
    const from = new Int32Array(count + 1);
    best[0] = 0;
    for (let end = 1; end <= count; end++) {
      for (let start = Math.max(0, end - 2 * target); start < end; start++) {
        const uneven = Math.abs(end - start - target) / target;
        const cost = best[start]! + uneven * uneven * 2 + (end === count ? 0 : alive[end]! - 0.5);
        if (cost < best[end]!) {
          best[end] = cost;
          from[end] = start;
        }
      }
    }
    const blocks: Unit[][] = [];
    for (let end = count; end > 0; end = from[end]!) blocks.unshift(units.slice(from[end]!, end));
    return blocks;
  }
}

/** How many results are still needed at each place between units, by the index of the unit after it. */
function aliveBetween(needs: readonly (readonly number[])[]): Float64Array {
  const last = needs.map((_, index) => index);
  for (const [index, list] of needs.entries()) {
    for (const need of list) last[need] = Math.max(last[need]!, index);
  }
  const alive = new Float64Array(needs.length + 1);
  for (const [index, end] of last.entries()) {
    for (let at = index + 1; at <= end; at++) alive[at]!++;
  }
  return alive;
}

/** The most frequent types: `Conv ×12, Relu ×8 …`. */
export function histogram(types: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const shown = sorted.slice(0, 3).map(([type, count]) => (count === 1 ? type : `${type} ×${count}`));
  return `${shown.join(', ')}${sorted.length > 3 ? ' …' : ''}`;
}

/** Indices so that needs come first, otherwise in their own order. What is in a circle stays in its order, last. */
function topological(needs: readonly (readonly number[])[]): number[] {
  const readers: number[][] = needs.map(() => []);
  const missing = needs.map((list, index) => {
    for (const need of list) readers[need]!.push(index);
    return list.length;
  });
  const order: number[] = [];
  const done = new Uint8Array(needs.length);
  const visit = (start: number): void => {
    const ready = [start];
    while (ready.length > 0) {
      const index = ready.shift()!;
      done[index] = 1;
      order.push(index);
      for (const reader of readers[index]!) {
        // Those further up in the order are reached by the loop below.
        if (--missing[reader]! === 0 && reader < next && done[reader] === 0) ready.push(reader);
      }
    }
  };
  let next = 0;
  for (let found = true; found; ) {
    found = false;
    for (next = 0; next < needs.length; next++) {
      if (done[next] === 1 || missing[next]! > 0) continue;
      found = true;
      visit(next);
    }
  }
  for (let index = 0; index < needs.length; index++) if (done[index] === 0) order.push(index);
  return order;
}

/** Strongly connected components: for each node the number of its component (Tarjan, without recursion). */
function components(needs: readonly ReadonlySet<number>[]): Int32Array {
  const component = new Int32Array(needs.length).fill(-1);
  const index = new Int32Array(needs.length).fill(-1);
  const low = new Int32Array(needs.length);
  const stack: number[] = [];
  let [counter, found] = [0, 0];
  for (let root = 0; root < needs.length; root++) {
    if (index[root]! >= 0) continue;
    const path: { readonly node: number; readonly rest: Iterator<number> }[] = [];
    const open = (node: number): void => {
      index[node] = low[node] = counter++;
      stack.push(node);
      path.push({ node, rest: needs[node]!.values() });
    };
    open(root);
    while (path.length > 0) {
      const { node, rest } = path.at(-1)!;
      const step = rest.next();
      if (step.done !== true) {
        if (index[step.value]! < 0) open(step.value);
        else if (component[step.value]! < 0) low[node] = Math.min(low[node]!, index[step.value]!);
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) low[above.node] = Math.min(low[above.node]!, low[node]!);
      if (low[node] !== index[node]) continue;
      for (let top = stack.pop()!; ; top = stack.pop()!) {
        component[top] = found;
        if (top === node) break;
      }
      found++;
    }
  }
  return component;
}
