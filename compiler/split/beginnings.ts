// When a fragment that only reads state begins: a node takes its reads when all is there that ops of its number wait for.
//
//   B = read · h0 = B f0 ┐            f0 and f1 come apart, in envelopes of their own. With the number of h0, h1 would keep
//              h1 = B f1 ┘            h0 waiting for f1; so it gets another one, and is plain data flow
//
// The fragment is what its reads' first users need, each in the author's order. A fragment that changes state, or asks a component
// that the program changes, begins when all is there, as ever.

import { CORE, type OpId, roleCallOf, type ValueId } from '../../ir/index.ts';
import { componentKey, isAsk, isUpdate } from './calls.ts';
import { isCore, isGather } from './places.ts';
import type { Item, SplitGraph } from './schedule.ts';
import { sentWith } from './schedule.ts';

/** Items of a place that do not belong to the fragment of their level, but come after its beginning. */
export function itemsBehind(split: SplitGraph, items: readonly Item[]): ReadonlySet<Item> {
  const levels = new Map<number, Item[]>();
  for (const item of items) levels.set(item.level, [...(levels.get(item.level) ?? []), item]);
  const found = new Set<Item>();
  const makers = makersOf(split, items);
  const changed = changedComponents(split);
  for (const level of levels.values())
    if (
      level.some((item) => hasOp(split, item, CORE.stateRead)) &&
      !level.some((one) => claims(split, changed, one))
    )
      for (const item of new Level(split, level, makers).behind()) found.add(item);
  return found;
}

class Level {
  readonly #split: SplitGraph;
  readonly #items: readonly Item[];
  readonly #makers: ReadonlyMap<ValueId, Item>;
  /** What an item needs of its level, itself too; what it waits for among that. */
  readonly #needs = new Map<Item, ReadonlySet<Item>>();

  constructor(split: SplitGraph, items: readonly Item[], makers: ReadonlyMap<ValueId, Item>) {
    this.#split = split;
    this.#items = items;
    this.#makers = makers;
    const own = new Set(items);
    for (const item of items) {
      const all = new Set([item]);
      if (!isWait(split, item))
        for (const value of takenBy(split, item)) {
          const maker = this.#makers.get(value);
          if (maker === undefined || !own.has(maker)) continue;
          for (const one of this.#needs.get(maker) ?? [maker]) all.add(one);
        }
      this.#needs.set(item, all);
    }
  }

  behind(): readonly Item[] {
    const beginning = new Set<Item>();
    for (const read of this.#items.filter((item) => hasOp(this.#split, item, CORE.stateRead))) {
      const first = this.#items.find(
        (item) => this.#needs.get(item)!.has(read) && this.#envelopes([item]).size > 0,
      );
      if (first === undefined) return [];
      for (const one of [read, ...this.#needs.get(first)!]) beginning.add(one);
    }
    if (this.#envelopes([...beginning]).size === this.#envelopes(this.#items).size) return [];
    return this.#items.filter((item) => !beginning.has(item) && !isWait(this.#split, item));
  }

  /** What brings what these wait for. */
  #envelopes(items: readonly Item[]): ReadonlySet<string> {
    const waits = items
      .flatMap((item) => [...this.#needs.get(item)!])
      .filter((one) => isWait(this.#split, one));
    return new Set(
      waits.map(({ crossing, ops }) => (crossing ? `${crossing.edge.envelope}` : `op ${ops[0]}`)),
    );
  }
}

const opsOf = ({ graph }: SplitGraph, { ops }: Item) => ops.map((id: OpId) => graph.model.op(id));
const hasOp = (split: SplitGraph, item: Item, type: string): boolean =>
  item.kind === 'core' && opsOf(split, item).some((op) => isCore(op, type));
const isWait = (split: SplitGraph, item: Item): boolean =>
  item.kind === 'recv' || opsOf(split, item).some((op) => isGather(op) || isAsk(op));

/** Whether it claims more than reads do. */
const claims = (split: SplitGraph, changed: ReadonlySet<string>, item: Item): boolean =>
  opsOf(split, item).some(
    (op) =>
      isCore(op, CORE.stateAssign) ||
      isUpdate(op) ||
      (roleCallOf(op) !== undefined && changed.has(componentKey(split.graph, op))),
  );

const changedComponents = ({ graph }: SplitGraph): ReadonlySet<string> =>
  new Set([...graph.model.opsOf()].filter(isUpdate).map((op) => componentKey(graph, op)));

function takenBy(split: SplitGraph, item: Item): readonly ValueId[] {
  const { graph } = split;
  if (item.crossing !== undefined) return sentWith(graph, item.crossing);
  return item.ops.flatMap((id) => graph.needs[id]!);
}

/** By value: what makes it here, or brings it. */
function makersOf({ graph }: SplitGraph, items: readonly Item[]): ReadonlyMap<ValueId, Item> {
  const makers = new Map<ValueId, Item>();
  for (const item of items) {
    for (const id of item.ops) for (const value of graph.model.op(id).outputs) makers.set(value, item);
    const { crossing, kind } = item;
    if (kind !== 'recv' || crossing?.value === undefined) continue;
    makers.set(crossing.op === undefined ? crossing.value : graph.model.op(crossing.op).outputs[0]!, item);
  }
  return makers;
}
