// One level of a graph, drawn from top to bottom in ranks: who is in which rank, in which order, where.
//
// Sugiyama's method. All links of one value share one line as far as they go together. Inside a rank a line is
// vertical, between ranks it is an S; since nothing else is between ranks, lines never cross a box.

import { orderRanks } from './order.ts';
import { placeRanks } from './place.ts';

export interface LayerNode {
  readonly width: number;
  readonly height: number;
  /** Ends of lines that go on outside: they lie on the upper or lower border. */
  readonly border?: 'top' | 'bottom';
  /** Whether lines that end here end with an arrow head. */
  readonly hasArrows: boolean;
}

export interface LayerLink {
  readonly from: number;
  readonly to: number;
  /** Where the line leaves and arrives, from the middle of the node. */
  readonly fromX: number;
  readonly toX: number;
  /** Links of the same node and key share their line. */
  readonly key: number;
  /** Whether the line may be moved along the upper side of its target. */
  readonly spreads: boolean;
}

/** The line of one value. Each list holds x1, y1, x2, y2 for each of its pieces. */
export interface LayerRoute {
  readonly key: number;
  /** From above to below: straight, or an S. */
  readonly down: number[];
  /** From left to right. */
  readonly across: number[];
  /** First to the right, then down. */
  readonly inwards: number[];
  /** First down, then to the right. */
  readonly outwards: number[];
  /** x, y for each arrow head that points down, and to the right. */
  readonly tips: number[];
  readonly sideTips: number[];
}

export const emptyRoute = (key: number): LayerRoute => ({
  key,
  down: [],
  across: [],
  inwards: [],
  outwards: [],
  tips: [],
  sideTips: [],
});

export interface Layered {
  /** Left and top of each node. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
  readonly routes: readonly LayerRoute[];
}

/** A node, or the passage of a line through a rank. */
export interface Vertex {
  readonly rank: number;
  readonly width: number;
  readonly height: number;
  readonly isLine: boolean;
}

/** From a vertex to one in the next rank. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly fromX: number;
  toX: number;
  readonly key: number;
  readonly spreads: boolean;
}

export interface Ranked {
  readonly vertices: readonly Vertex[];
  readonly segments: readonly Segment[];
  /** Vertices by rank; sorted in place by `orderRanks`. */
  readonly ranks: number[][];
}

/** Between a rank and the next. */
const RANK_GAP = 26;
const MOST_RANK_GAP = 90;

export function layoutLayer(nodes: readonly LayerNode[], links: readonly LayerLink[]): Layered {
  const rank = rankNodes(nodes, links);
  const ranked = withLines(nodes, links, rank);
  orderRanks(ranked);
  spreadArrivals(ranked);
  const centre = placeRanks(ranked);
  return drawn(nodes, ranked, centre);
}

/** Longest paths from the top, then each node down to its readers if that shortens more lines than it lengthens. */
function rankNodes(nodes: readonly LayerNode[], links: readonly LayerLink[]): Int32Array {
  const count = nodes.length;
  const rank = new Int32Array(count);
  const outs: number[][] = nodes.map(() => []);
  const ins: number[][] = nodes.map(() => []);
  for (const { from, to } of links) {
    outs[from]!.push(to);
    ins[to]!.push(from);
  }
  const first = nodes.some(({ border }) => border === 'top') ? 1 : 0;
  const missing = Int32Array.from(ins, (list) => list.length);
  const order: number[] = [];
  for (let node = 0; node < count; node++) {
    if (missing[node] === 0) order.push(node);
    rank[node] = nodes[node]!.border === 'top' ? 0 : first;
  }
  for (let at = 0; at < order.length; at++) {
    for (const to of outs[order[at]!]!) {
      rank[to] = Math.max(rank[to]!, rank[order[at]!]! + 1);
      if (--missing[to]! === 0) order.push(to);
    }
  }
  for (const node of order.toReversed()) {
    if (nodes[node]!.border !== undefined || outs[node]!.length === 0) continue;
    if (
      new Set(outs[node]).size < new Set(ins[node]).size ||
      (ins[node]!.length > 0 && outs[node]!.length < 2)
    ) {
      continue;
    }
    let lowest = Number.POSITIVE_INFINITY;
    for (const to of outs[node]!)
      if (nodes[to]!.border !== 'bottom') lowest = Math.min(lowest, rank[to]! - 1);
    if (Number.isFinite(lowest) && lowest > rank[node]!) rank[node] = lowest;
  }
  let last = first;
  for (let node = 0; node < count; node++) {
    if (nodes[node]!.border === undefined) last = Math.max(last, rank[node]! + 1);
  }
  for (let node = 0; node < count; node++) if (nodes[node]!.border === 'bottom') rank[node] = last;
  return rank;
}

/** Turns links over several ranks into lines through them. */
function withLines(nodes: readonly LayerNode[], links: readonly LayerLink[], rank: Int32Array): Ranked {
  const vertices: Vertex[] = nodes.map(({ width, height }, node) => ({
    rank: rank[node]!,
    width,
    height,
    isLine: false,
  }));
  const segments: Segment[] = [];
  const lines = new Map<string, number>();
  for (const { from, to, fromX, toX, key, spreads } of links) {
    // A link against the direction can only come from a circle: it has no line.
    if (rank[from]! >= rank[to]!) continue;
    let [at, atX] = [from, fromX];
    for (let r = rank[from]! + 1; r < rank[to]!; r++) {
      const name = `${from} ${key} ${r}`;
      let line = lines.get(name);
      if (line === undefined) {
        line = vertices.push({ rank: r, width: 2, height: 0, isLine: true }) - 1;
        lines.set(name, line);
        segments.push({ from: at, to: line, fromX: atX, toX: 0, key, spreads: false });
      }
      [at, atX] = [line, 0];
    }
    segments.push({ from: at, to, fromX: atX, toX, key, spreads });
  }
  const ranks: number[][] = [];
  for (const [vertex, { rank: r }] of vertices.entries()) {
    while (ranks.length <= r) ranks.push([]);
    ranks[r]!.push(vertex);
  }
  return { vertices, segments, ranks };
}

/** Lines that end at one box arrive side by side, in the order of where they come from. */
function spreadArrivals({ vertices, segments, ranks }: Ranked): void {
  const position = new Int32Array(vertices.length);
  for (const rank of ranks) for (const [at, vertex] of rank.entries()) position[vertex] = at;
  const arriving = new Map<number, Segment[]>();
  for (const segment of segments) {
    if (!segment.spreads) continue;
    const list = arriving.get(segment.to);
    if (list === undefined) arriving.set(segment.to, [segment]);
    else list.push(segment);
  }
  for (const [to, list] of arriving) {
    if (list.length < 2) continue;
    list.sort((a, b) => position[a.from]! - position[b.from]! || a.fromX - b.fromX);
    const room = Math.max(0, vertices[to]!.width - 28);
    const step = Math.min(16, room / (list.length - 1));
    for (const [at, segment] of list.entries()) segment.toX += (at - (list.length - 1) / 2) * step;
  }
}

function drawn(
  nodes: readonly LayerNode[],
  { vertices, segments, ranks }: Ranked,
  centre: Float64Array,
): Layered {
  let [left, right] = [0, 0];
  if (vertices.length > 0) [left, right] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [vertex, { width }] of vertices.entries()) {
    left = Math.min(left, centre[vertex]! - width / 2);
    right = Math.max(right, centre[vertex]! + width / 2);
  }
  const gaps = ranks.map(() => RANK_GAP);
  for (const { from, to, fromX, toX } of segments) {
    const aside = Math.abs(centre[from]! + fromX - centre[to]! - toX);
    const r = vertices[from]!.rank;
    gaps[r] = Math.max(gaps[r]!, Math.min(MOST_RANK_GAP, RANK_GAP + aside * 0.07));
  }
  const tops: number[] = [];
  const bottoms: number[] = [];
  let y = 0;
  for (const [r, rank] of ranks.entries()) {
    const height = rank.reduce((most, vertex) => Math.max(most, vertices[vertex]!.height), 0);
    tops.push(y);
    bottoms.push(y + height);
    // Rows of mere border points need less room.
    y += height + (r === ranks.length - 1 ? 0 : height === 0 ? gaps[r]! * 0.6 : gaps[r]!);
  }
  const top = (vertex: number): number => {
    const { rank, height, isLine } = vertices[vertex]!;
    return isLine ? tops[rank]! : (tops[rank]! + bottoms[rank]! - height) / 2;
  };
  const routes = new Map<string, LayerRoute>();
  const passed = new Set<number>();
  const piece = (pieces: number[], x1: number, y1: number, x2: number, y2: number): void => {
    if (x1 !== x2 || y1 !== y2) pieces.push(x1 - left, y1, x2 - left, y2);
  };
  for (const { from, to, fromX, toX, key } of segments) {
    const [a, b] = [vertices[from]!, vertices[to]!];
    const name = String(key);
    let route = routes.get(name);
    if (route === undefined) {
      route = emptyRoute(key);
      routes.set(name, route);
    }
    const [x1, x2] = [centre[from]! + fromX, centre[to]! + toX];
    if (!a.isLine) piece(route.down, x1, top(from) + a.height, x1, bottoms[a.rank]!);
    piece(route.down, x1, bottoms[a.rank]!, x2, tops[b.rank]!);
    if (b.isLine) {
      if (!passed.has(to)) piece(route.down, x2, tops[b.rank]!, x2, bottoms[b.rank]!);
      passed.add(to);
    } else {
      piece(route.down, x2, tops[b.rank]!, x2, top(to));
      if (nodes[to]!.hasArrows) route.tips.push(x2 - left, top(to));
    }
  }
  return {
    x: Float64Array.from(nodes, ({ width }, node) => centre[node]! - width / 2 - left),
    y: Float64Array.from(nodes, (_, node) => top(node)),
    width: right - left,
    height: y,
    routes: [...routes.values()],
  };
}
