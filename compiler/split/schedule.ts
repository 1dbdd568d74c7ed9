// The schedule of one place: which receives, segments, core ops and sends its program holds, and in which order.

import { type Edge, isOurDomain, type OpId, type ValueId } from '../../ir/index.ts';
import { isFold } from './folds.ts';
import type { Levels } from './fragments.ts';
import {
  type Crossing,
  isGather,
  isSpread,
  type PlacedGraph,
  type PlaceNumber,
  placeOfValue,
  setToReceive,
  setToSend,
} from './places.ts';
import type { Grouping } from './segments.ts';

/** A crossing or trigger with the number that both its ends know. */
export interface NumberedCrossing extends Omit<Crossing, 'value'> {
  readonly edge: Edge;
  /** Absent on trigger edges. */
  readonly value?: ValueId;
}

export interface SplitGraph {
  readonly graph: PlacedGraph;
  readonly levels: Levels;
  readonly grouping: Grouping;
  readonly crossings: readonly NumberedCrossing[];
  /** Ops from this id on are not the author's: the split made them. */
  readonly authored: number;
}

/** Something that takes one line in a program's schedule. */
export interface Item {
  readonly kind: 'recv' | 'segment' | 'core' | 'send';
  readonly level: number;
  /** Orders items of one level: a producer's key is below its consumer's. */
  readonly order: readonly [coreDepth: number, rank: number, sources: number, position: number];
  /** Ops of a segment in graph order; the op of a core item. */
  readonly ops: readonly OpId[];
  readonly crossing?: NumberedCrossing;
}

/** Within one core depth: what arrives, what computes, what the engine does, what leaves. */
const RANK = { arrive: 0, segment: 1, core: 2, send: 3 } as const;

export interface Schedule {
  readonly items: readonly Item[];
  /** Values that something other than the segment that makes them reads. */
  readonly exported: ReadonlySet<ValueId>;
}

export function scheduleOf(split: SplitGraph, place: PlaceNumber): Schedule {
  return new Scheduler(split, place).schedule();
}

class Scheduler {
  readonly #split: SplitGraph;
  readonly #place: PlaceNumber;
  /** Ops that compute constants which something other than a segment's op reads here, with the level of that. */
  readonly #constantRoots: ReadonlyMap<OpId, number>;

  constructor(split: SplitGraph, place: PlaceNumber) {
    this.#split = split;
    this.#place = place;
    this.#constantRoots = this.#findConstantRoots();
  }

  schedule(): Schedule {
    const exported = this.#exported();
    const isRead = ({ kind, ops }: Item): boolean =>
      kind !== 'segment' ||
      ops.some((id) => this.#split.graph.model.op(id).outputs.some((value) => exported.has(value)));
    const items = [...this.#opItems().filter(isRead), ...this.#crossingItems()];
    return { items: items.sort(inOrder), exported };
  }

  #opItems(): Item[] {
    const { graph, levels, grouping } = this.#split;
    const segments = new Map<string, { ops: OpId[]; item: Omit<Item, 'ops'> }>();
    const items: Item[] = [];
    const addToSegment = (op: OpId, level: number, order: Item['order']): void => {
      const key = this.#segmentKey(op)!;
      const segment = segments.get(key);
      if (segment !== undefined) segment.ops.push(op);
      else segments.set(key, { ops: [op], item: { kind: 'segment', level, order } });
    };
    graph.model.mainGraph.ops.forEach((id, position) => {
      const root = this.#constantRoots.get(id);
      if (root !== undefined) addToSegment(id, root, [0, RANK.segment, -1, position]);
      const op = graph.model.op(id);
      if (!this.#isHere(id) || isSpread(op)) return;
      const level = levels[id]!;
      const depth = grouping.coreDepth[id]!;
      if (isOurDomain(op.domain)) {
        const rank = isGather(op) ? RANK.arrive : RANK.core;
        items.push({ kind: 'core', level, order: [depth, rank, 0, position], ops: [id] });
      } else {
        addToSegment(id, level, [depth, RANK.segment, grouping.sizeOf(grouping.missing[id]!), position]);
      }
    });
    for (const { ops, item } of segments.values()) items.push({ ...item, ops });
    return items;
  }

  #crossingItems(): Item[] {
    const { levels, grouping, crossings, graph } = this.#split;
    const receiveLevels = this.#receiveLevels();
    const items: Item[] = [];
    crossings.forEach((crossing, position) => {
      if (crossing.to === this.#place && !isGathered(crossing)) {
        const level = receiveLevels.get(crossing.edge.id) ?? 0;
        items.push({ kind: 'recv', level, order: [-1, RANK.arrive, 0, position], ops: [], crossing });
      }
      if (crossing.from === this.#place) {
        let [level, depth] = [0, 0];
        for (const value of sentWith(graph, crossing)) {
          const { def } = graph.model.value(value);
          if (graph.isConstant(value)) continue;
          const isHere = placeOfValue(graph, value) === this.#place;
          if (def.kind !== 'op' && isHere) continue;
          const made = def.kind === 'op' ? levels[def.op]! : 0;
          // A peer set that came from where it was made is there one level later, before anything else.
          const one = isHere ? made : made + 1;
          const two = isHere && def.kind === 'op' ? grouping.coreDepth[def.op]! : 0;
          if (one > level || (one === level && two > depth)) [level, depth] = [one, two];
        }
        items.push({ kind: 'send', level, order: [depth, RANK.send, 0, position], ops: [], crossing });
      }
    });
    return items;
  }

  /** A receive belongs to the fragment of its first reader. */
  #receiveLevels(): Map<number, number> {
    const { graph, levels, crossings } = this.#split;
    const edgeOf = new Map<ValueId, number>();
    for (const crossing of crossings) {
      if (crossing.to !== this.#place || isGathered(crossing) || crossing.value === undefined) continue;
      // A Broadcast op's readers read its output, not the value that crosses.
      const read =
        crossing.op === undefined ? crossing.value : this.#split.graph.model.op(crossing.op).outputs[0]!;
      edgeOf.set(read, crossing.edge.id);
    }
    const found = new Map<number, number>();
    for (const op of this.#split.graph.model.opsOf()) {
      if (!this.#isHere(op.id) || isGather(op)) continue;
      for (const value of graph.needs[op.id]!) {
        const edge = edgeOf.get(value);
        if (edge === undefined) continue;
        found.set(edge, Math.min(levels[op.id]!, found.get(edge) ?? Number.POSITIVE_INFINITY));
      }
    }
    // What nobody here computes with only passes through to an output, or says who takes part: after the fragment
    // that sent it.
    const sets = this.#receivedSets();
    for (const { edge, value } of crossings) {
      if (value === undefined || (found.has(edge.id) && !sets.has(value))) continue;
      const { def } = this.#split.graph.model.value(value);
      found.set(edge.id, (def.kind === 'op' ? levels[def.op]! : 0) + 1);
    }
    return found;
  }

  /** Peer sets that sends and receives of this place take. */
  #receivedSets(): Set<ValueId> {
    const { graph, crossings } = this.#split;
    const sets = crossings.flatMap((crossing) => [
      ...(crossing.from === this.#place ? [setToSend(graph, crossing)] : []),
      ...(crossing.to === this.#place ? [setToReceive(graph, crossing)] : []),
    ]);
    return new Set(sets.filter((set) => set !== undefined));
  }

  /** Values made here that a send, a core op, another segment or an output reads. */
  #exported(): Set<ValueId> {
    const { graph, crossings } = this.#split;
    const needed = new Set<ValueId>();
    for (const crossing of crossings)
      if (crossing.from === this.#place) for (const value of sentWith(graph, crossing)) needed.add(value);
    for (const set of this.#receivedSets()) needed.add(set);
    this.#split.graph.model.mainGraph.outputs.forEach((value, index) => {
      if (graph.outputPlace[index] === this.#place) needed.add(value);
    });
    for (const op of this.#split.graph.model.opsOf()) {
      if (!this.#isHere(op.id)) continue;
      const key = this.#segmentKey(op.id);
      const read = isFold(op) ? [...op.inputs, ...graph.needs[op.id]!] : op.inputs;
      for (const value of isOurDomain(op.domain) ? read : graph.needs[op.id]!) {
        const { def } = this.#split.graph.model.value(value);
        if (def.kind === 'op' && (key === undefined || this.#segmentKey(def.op) !== key)) needed.add(value);
      }
    }
    return needed;
  }

  /** Equal for ops of one segment; undefined for core ops. */
  #segmentKey(op: OpId): string | undefined {
    if (isOurDomain(this.#split.graph.model.op(op).domain)) return undefined;
    const { levels, grouping, graph } = this.#split;
    if (graph.constant[op] === 1) return `constant ${this.#constantRoots.get(op)}`;
    return `${levels[op]} ${grouping.coreDepth[op]} ${grouping.missing[op]}`;
  }

  /** Constants that core ops or the program's outputs read cannot be copied into a segment that uses them. */
  #findConstantRoots(): Map<OpId, number> {
    const { graph, levels } = this.#split;
    const roots = new Map<OpId, number>();
    const add = (value: ValueId, level: number): void => {
      const { def } = this.#split.graph.model.value(value);
      if (def.kind !== 'op' || graph.constant[def.op] !== 1) return;
      roots.set(def.op, Math.min(level, roots.get(def.op) ?? level));
    };
    for (const op of this.#split.graph.model.opsOf()) {
      if (!this.#isHere(op.id) || !isOurDomain(op.domain)) continue;
      // A fold finds what it begins with before its fragment does.
      for (const value of op.inputs) add(value, isFold(op) ? 0 : levels[op.id]!);
    }
    for (const set of this.#receivedSets()) add(set, 0);
    this.#split.graph.model.mainGraph.outputs.forEach((value, index) => {
      if (graph.outputPlace[index] === this.#place) add(value, 0);
    });
    return roots;
  }

  #isHere(op: OpId): boolean {
    return this.#split.graph.constant[op] !== 1 && this.#split.graph.opPlace[op] === this.#place;
  }
}

/** Whether a Collect takes it, and no Recv. */
export const isGathered = ({ kind }: Pick<Crossing, 'kind'>): boolean =>
  kind === 'collect' || kind === 'exchange';

/**
 * The inputs of a crossing's Send: the value, of a scatter whom its rows are for, and the peer set that its receivers are
 * bound to. Of a trigger only that set.
 */
export function sentWith(graph: PlacedGraph, crossing: NumberedCrossing): readonly ValueId[] {
  const { value, kind, op } = crossing;
  const set = setToSend(graph, crossing);
  const sets = set === undefined ? [] : [set];
  if (value === undefined) return sets;
  if (kind !== 'scatter') return [value, ...sets];
  const { inputs } = graph.model.op(op!);
  return inputs.length > 1 ? inputs : [value, ...sets];
}

function inOrder(a: Item, b: Item): number {
  if (a.level !== b.level) return a.level - b.level;
  for (const [index, key] of a.order.entries()) if (key !== b.order[index]) return key - b.order[index]!;
  return 0;
}
