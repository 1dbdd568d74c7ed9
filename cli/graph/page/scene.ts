// What is to be drawn of a graph: which groups stand open, which boxes that leaves, and what runs between them.

import type { PageCrossing, PageGraph, PageOp } from './data.ts';
import { shortened, textWidth } from './dom.ts';
import type { Item, Wire } from './layout/nested.ts';

/** What an item of the scene stands for. */
export type Meaning =
  | { readonly kind: 'op'; readonly op: number }
  | { readonly kind: 'group'; readonly group: number; readonly isOpen: boolean }
  | { readonly kind: 'crossing'; readonly crossings: readonly number[] };

export interface Scene {
  readonly items: readonly Item[];
  readonly meanings: readonly Meaning[];
  readonly wires: readonly Wire[];
  /** The item that shows an op: its own box, or that of the collapsed group around it. */
  readonly itemOfOp: readonly number[];
  readonly itemOfGroup: ReadonlyMap<number, number>;
  readonly itemOfCrossing: ReadonlyMap<number, number>;
}

/** More values than this between two fragments are drawn as one. */
const MOST_CROSSINGS = 6;

export const opText = ({ type, brief }: PageOp): readonly [string, string] => [
  shortened(type, 30),
  shortened(brief, 26),
];

export function crossingText(graph: PageGraph, crossings: readonly number[]): readonly [string, string] {
  const list = crossings.map((index) => graph.crossings[index]!);
  const first = list[0]!;
  if (list.length > 1) return [`${list.length} values`, `edges ${list.map(({ edge }) => edge).join(', ')}`];
  const facts = [shortened(first.type, 34), first.bytes, first.deadline === '' ? '' : `≤ ${first.deadline}`];
  return [shortened(first.value, 34), facts.filter((fact) => fact !== '').join(' · ')];
}

export function buildScene(graph: PageGraph, open: ReadonlySet<number>): Scene {
  const items: Item[] = [];
  const meanings: Meaning[] = [];
  const add = (item: Item, meaning: Meaning): number => {
    meanings.push(meaning);
    return items.push(item) - 1;
  };
  const itemOfGroup = new Map<number, number>();
  // The item that a group's content belongs to; a group inside a collapsed one is the collapsed one.
  const home = graph.groups.map(() => -1);
  for (const [index, group] of graph.groups.entries()) {
    const above = group.parent < 0 ? -1 : home[group.parent]!;
    const isHidden = group.parent >= 0 && items[above]?.header === undefined;
    if (isHidden) {
      home[index] = above;
      continue;
    }
    const isOpen = open.has(index);
    const width =
      52 +
      Math.max(
        textWidth(group.title, 'title') + (isOpen ? textWidth(group.detail, 'detail') + 12 : 0),
        isOpen ? 0 : textWidth(shortened(group.detail, 44), 'detail'),
      );
    const item: Item = isOpen
      ? { parent: above, width, height: 0, header: 26 }
      : { parent: above, width, height: 46 };
    home[index] = add(item, { kind: 'group', group: index, isOpen });
    itemOfGroup.set(index, home[index]!);
  }
  const itemOfOp = graph.ops.map((op, index) => {
    const around = op.group < 0 ? -1 : home[op.group]!;
    if (around >= 0 && items[around]!.header === undefined) return around;
    return add({ parent: around, ...opSize(op) }, { kind: 'op', op: index });
  });
  const itemOfCrossing = new Map<number, number>();
  for (const list of bundles(graph.crossings)) {
    const [first, second] = crossingText(graph, list);
    const width = 26 + Math.max(textWidth(first, 'type'), textWidth(second, 'brief'));
    const item = add({ parent: -1, width, height: 40 }, { kind: 'crossing', crossings: list });
    for (const crossing of list) itemOfCrossing.set(crossing, item);
  }
  const wires = wiresOf(graph, itemOfOp, home, itemOfCrossing);
  return { items, meanings, wires, itemOfOp, itemOfGroup, itemOfCrossing };
}

function opSize(op: PageOp): { readonly width: number; readonly height: number } {
  const [type, brief] = opText(op);
  if (op.kind === 'op') {
    const text = textWidth(type, 'type') + (brief === '' ? 0 : textWidth(brief, 'brief') + 8);
    return { width: Math.max(56, text + 22), height: 26 };
  }
  return { width: 30 + Math.max(textWidth(type, 'type'), textWidth(brief, 'brief')), height: 38 };
}

/** Values that travel together, if there are too many to show each. */
function bundles(crossings: readonly PageCrossing[]): number[][] {
  const together = new Map<string, number[]>();
  for (const [index, { fromRegion, toRegion, kind }] of crossings.entries()) {
    const key = `${fromRegion} ${toRegion} ${kind}`;
    const list = together.get(key);
    if (list === undefined) together.set(key, [index]);
    else list.push(index);
  }
  return [...together.values()].flatMap((list) =>
    list.length > MOST_CROSSINGS ? [list] : list.map((index) => [index]),
  );
}

function wiresOf(
  graph: PageGraph,
  itemOfOp: readonly number[],
  home: readonly number[],
  itemOfCrossing: ReadonlyMap<number, number>,
): Wire[] {
  const wires = new Map<string, Wire>();
  const connect = (from: number, to: number, key: number): void => {
    if (from !== to) wires.set(`${from} ${to} ${key}`, { from, to, key });
  };
  const maker = new Map<number, number>();
  const readers = new Map<number, number[]>();
  for (const [index, op] of graph.ops.entries()) {
    for (const value of op.outputs) if (value >= 0) maker.set(value, itemOfOp[index]!);
    for (const value of new Set([...op.inputs, ...op.captures])) {
      const list = readers.get(value);
      if (list === undefined) readers.set(value, [itemOfOp[index]!]);
      else list.push(itemOfOp[index]!);
    }
  }
  for (const [value, list] of readers) {
    const from = maker.get(value);
    if (from !== undefined) for (const to of list) connect(from, to, value);
  }
  for (const [index, { from, to, fromRegion, toRegion }] of graph.crossings.entries()) {
    const item = itemOfCrossing.get(index)!;
    // A trigger comes from no op and goes to none: from fragment to fragment.
    connect(maker.get(from) ?? home[fromRegion]!, item, from < 0 ? -2 - index : from);
    for (const reader of readers.get(to) ?? [home[toRegion]!]) connect(item, reader, to);
  }
  return [...wires.values()];
}

/** Opens scopes from the outside in, a whole depth at a time, as long as there are not too many boxes. Blocks stay shut. */
export function openAtStart(graph: PageGraph, maxBoxes: number): Set<number> {
  const children = new Map<number, number>();
  for (const { parent } of graph.groups) children.set(parent, (children.get(parent) ?? 0) + 1);
  for (const { group } of graph.ops) children.set(group, (children.get(group) ?? 0) + 1);
  const open = new Set<number>();
  let boxes = children.get(-1) ?? 0;
  const openAll = (groups: readonly number[]): void => {
    for (const group of groups) {
      open.add(group);
      boxes += (children.get(group) ?? 0) - 1;
    }
  };
  const all = [...graph.groups.keys()];
  openAll(all.filter((group) => graph.groups[group]!.kind === 'region'));
  for (;;) {
    const next = all.filter((group) => {
      const { kind, parent } = graph.groups[group]!;
      return kind === 'scope' && !open.has(group) && (parent < 0 || open.has(parent));
    });
    const more = next.reduce((sum, group) => sum + (children.get(group) ?? 0) - 1, 0);
    if (next.length === 0 || boxes + more > maxBoxes) return open;
    openAll(next);
  }
}

/** All groups around a group or op, the outermost first. */
export function groupsAround(graph: PageGraph, group: number): number[] {
  const path: number[] = [];
  for (let at = group; at >= 0; at = graph.groups[at]!.parent) path.unshift(at);
  return path;
}
