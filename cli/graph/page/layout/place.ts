// Where vertices lie across: sweeps in which each rank moves as near to its neighbours as order and widths allow.
//
// The best positions of one rank are a problem of isotonic regression, which pooling solves exactly.

import type { Ranked, Segment } from './layered.ts';
import { neighbours } from './order.ts';

const BOX_GAP = 18;
const LINE_GAP = 12;
/** Higher than any box of an op. */
const LARGE = 60;

/** Centres of all vertices. */
export function placeRanks({ vertices, segments, ranks }: Ranked): Float64Array {
  const above = neighbours(vertices.length, segments, 'to');
  const below = neighbours(vertices.length, segments, 'from');
  const centre = new Float64Array(vertices.length);
  const shift = ranks.map((rank) => shifts(rank, vertices));
  for (const [r, rank] of ranks.entries()) {
    const middle = (shift[r]!.at(-1) ?? 0) / 2;
    for (const [at, vertex] of rank.entries()) centre[vertex] = shift[r]![at]! - middle;
  }
  // Straight long lines are worth more than boxes right below each other.
  const weight = ({ from, to }: Segment): number =>
    vertices[from]!.isLine ? (vertices[to]!.isLine ? 8 : 3) : vertices[to]!.isLine ? 3 : 1;
  const sweep = (r: number, useAbove: boolean, useBelow: boolean): void => {
    const rank = ranks[r]!;
    const wishes: number[] = [];
    const weights: number[] = [];
    for (const vertex of rank) {
      // Boxes keep near the axis, large ones most: a row of frames that values leave elsewhere than they enter
      // would drift aside.
      const { isLine, height } = vertices[vertex]!;
      const pull = isLine ? 0.001 : height > LARGE ? 1 : 0.1;
      let [sum, total] = [isLine ? centre[vertex]! * pull : 0, pull];
      if (useAbove) {
        for (const one of above[vertex]!) {
          sum += weight(one) * (centre[one.from]! + one.fromX - one.toX);
          total += weight(one);
        }
      }
      if (useBelow) {
        for (const one of below[vertex]!) {
          sum += weight(one) * (centre[one.to]! + one.toX - one.fromX);
          total += weight(one);
        }
      }
      wishes.push(sum / total);
      weights.push(total);
    }
    const found = isotonic(
      wishes.map((wish, at) => wish - shift[r]![at]!),
      weights,
    );
    for (const [at, vertex] of rank.entries()) centre[vertex] = found[at]! + shift[r]![at]!;
  };
  const rounds = vertices.length > 4000 ? 6 : 12;
  for (let round = 0; round < rounds; round++) {
    const both = round >= rounds - 4;
    for (let r = 0; r < ranks.length; r++) sweep(r, true, both);
    for (let r = ranks.length - 1; r >= 0; r--) sweep(r, both, true);
  }
  for (let r = 0; r < ranks.length; r++) sweep(r, true, false);
  return centre;
}

/** How far right of the first of its rank each centre is at least. */
function shifts(rank: readonly number[], vertices: Ranked['vertices']): number[] {
  let at = 0;
  return rank.map((vertex, index) => {
    if (index === 0) return 0;
    const [a, b] = [vertices[rank[index - 1]!]!, vertices[vertex]!];
    at += (a.width + b.width) / 2 + (a.isLine || b.isLine ? LINE_GAP : BOX_GAP);
    return at;
  });
}

/** The ascending numbers nearest to `wishes` (least squares; pools of adjacent violators). */
function isotonic(wishes: readonly number[], weights: readonly number[]): number[] {
  const pools: { sum: number; weight: number; count: number }[] = [];
  for (const [index, wish] of wishes.entries()) {
    let pool = { sum: wish * weights[index]!, weight: weights[index]!, count: 1 };
    for (
      let last = pools.at(-1);
      last !== undefined && last.sum / last.weight > pool.sum / pool.weight;
      last = pools.at(-1)
    ) {
      pools.pop();
      pool = { sum: last.sum + pool.sum, weight: last.weight + pool.weight, count: last.count + pool.count };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, weight, count }) => new Array<number>(count).fill(sum / weight));
}
