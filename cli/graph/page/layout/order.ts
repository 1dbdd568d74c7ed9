// The order inside ranks: sweeps that sort by the mean position of neighbours, and the best of what they find.

import type { Ranked, Segment } from './layered.ts';

export function orderRanks(ranked: Ranked): void {
  const { vertices, segments, ranks } = ranked;
  const above = neighbours(vertices.length, segments, 'to');
  const below = neighbours(vertices.length, segments, 'from');
  const position = new Float64Array(vertices.length);
  const settle = (rank: readonly number[]): void => {
    for (const [at, vertex] of rank.entries()) position[vertex] = at;
  };
  const sortRank = (rank: number[], by: readonly (readonly Segment[])[], end: 'from' | 'to'): void => {
    const wish = new Map(rank.map((vertex) => [vertex, meanOf(by[vertex]!, end, position, ranked)]));
    const placed = rank.filter((vertex) => wish.get(vertex) !== undefined);
    placed.sort((a, b) => wish.get(a)! - wish.get(b)! || position[a]! - position[b]!);
    // Whoever has no neighbour there keeps its place.
    let next = 0;
    for (const [at, vertex] of rank.entries()) {
      if (wish.get(vertex) !== undefined) rank[at] = placed[next++]!;
    }
    settle(rank);
  };
  for (const rank of ranks) settle(rank);
  const sweeps = vertices.length > 4000 ? 4 : vertices.length > 1000 ? 8 : 16;
  let best = Number.POSITIVE_INFINITY;
  let kept: number[][] = ranks.map((rank) => [...rank]);
  for (let sweep = 0; sweep < sweeps && best > 0; sweep++) {
    if (sweep % 2 === 0) for (const rank of ranks.slice(1)) sortRank(rank, above, 'from');
    else for (const rank of ranks.slice(0, -1).reverse()) sortRank(rank, below, 'to');
    const crossings = countCrossings(ranked, below, position);
    if (crossings < best) {
      best = crossings;
      kept = ranks.map((rank) => [...rank]);
    }
  }
  for (const [index, rank] of kept.entries()) ranks[index] = rank;
}

export function neighbours(count: number, segments: readonly Segment[], of: 'from' | 'to'): Segment[][] {
  const lists: Segment[][] = Array.from({ length: count }, () => []);
  for (const segment of segments) lists[segment[of]]!.push(segment);
  return lists;
}

/** Position of the end of a segment, with where on its vertex it is as a fraction. */
const endPosition = (
  segment: Segment,
  end: 'from' | 'to',
  position: Float64Array,
  { vertices }: Ranked,
): number => {
  const vertex = segment[end];
  const offset = end === 'from' ? segment.fromX : segment.toX;
  return position[vertex]! + (0.9 * offset) / Math.max(1, vertices[vertex]!.width);
};

function meanOf(
  list: readonly Segment[],
  end: 'from' | 'to',
  position: Float64Array,
  ranked: Ranked,
): number | undefined {
  if (list.length === 0) return undefined;
  let [sum, weight] = [0, 0];
  for (const segment of list) {
    const own = end === 'from' ? segment.toX : segment.fromX;
    sum += endPosition(segment, end, position, ranked) - own * 1e-4;
    weight++;
  }
  return sum / weight;
}

function countCrossings(
  ranked: Ranked,
  below: readonly (readonly Segment[])[],
  position: Float64Array,
): number {
  let crossings = 0;
  for (const rank of ranked.ranks) {
    const ends: { from: number; to: number }[] = [];
    for (const vertex of rank) {
      for (const segment of below[vertex]!) {
        ends.push({
          from: endPosition(segment, 'from', position, ranked),
          to: endPosition(segment, 'to', position, ranked),
        });
      }
    }
    if (ends.length > 1)
      crossings += inversions(ends.sort((a, b) => a.from - b.from || a.to - b.to).map(({ to }) => to));
  }
  return crossings;
}

/** Pairs in the wrong order, counted while merging. */
function inversions(list: readonly number[]): number {
  let count = 0;
  let from = [...list];
  let into = new Array<number>(list.length);
  for (let width = 1; width < list.length; width *= 2) {
    for (let start = 0; start < list.length; start += 2 * width) {
      const [middle, end] = [Math.min(start + width, list.length), Math.min(start + 2 * width, list.length)];
      let [a, b] = [start, middle];
      for (let at = start; at < end; at++) {
        if (a < middle && (b >= end || from[a]! <= from[b]!)) into[at] = from[a++]!;
        else {
          count += middle - a;
          into[at] = from[b++]!;
        }
      }
    }
    [from, into] = [into, from];
  }
  return count;
}
