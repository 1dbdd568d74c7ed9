// Static neighbourhoods: degrees, connection, and weights that average.

import { describe, expect, test } from 'vitest';
import {
  type Graph,
  isConnected,
  mixingWeights,
  randomNeighbours,
  randomRegular,
  ring,
  ringNeighbours,
  torus,
  torusNeighbours,
} from '../../stdlib/selectors/index.ts';
import { float32sOf, int64, strings, stringsOf } from '../../stdlib/tensors.ts';
import { Bench } from '../support/node-component.ts';

const isSymmetric = (graph: Graph): boolean =>
  graph.every((neighbours, one) => neighbours.every((other) => graph[other]!.includes(one)));
const isSimple = (graph: Graph): boolean =>
  graph.every((of, one) => new Set(of).size === of.length && !of.includes(one));

/** One less the second largest absolute eigenvalue of a symmetric doubly stochastic matrix, by power iteration. */
function spectralGap(matrix: readonly (readonly number[])[]): number {
  let vector = matrix.map((_, at) => Math.sin(at * at + 1));
  let factor = 0;
  for (let round = 0; round < 5000; round++) {
    const mean = vector.reduce((sum, one) => sum + one, 0) / vector.length;
    const norm = Math.hypot(...vector.map((one) => one - mean));
    const unit = vector.map((one) => (one - mean) / norm);
    vector = matrix.map((row) => row.reduce((sum, one, at) => sum + one * unit[at]!, 0));
    factor = Math.hypot(...vector);
  }
  return 1 - factor;
}

describe.each([
  ['a ring', ring(), 10, 2],
  ['a ring of 4', ring(4), 11, 4],
  ['the smallest ring of 4', ring(4), 5, 4],
  ['a torus', torus(), 36, 4],
  ['a torus of two rows', torus(), 10, 3],
  ['a random graph of 3', randomRegular(3, 1), 50, 3],
  ['a random graph of 4', randomRegular(4, 7), 101, 4],
  ['a dense random graph', randomRegular(17, 2), 20, 17],
  ['a complete one', randomRegular(5, 3), 6, 5],
  ['a random cycle', randomRegular(2, 4), 30, 2],
])('%s', (_, neighbourhood, members, degree) => {
  const graph = neighbourhood(members);

  test('is simple, symmetric, connected, and of one degree', () => {
    expect(graph).toHaveLength(members);
    expect([isSimple(graph), isSymmetric(graph), isConnected(graph)]).toEqual([true, true, true]);
    expect(new Set(graph.map((of) => of.length))).toEqual(new Set([degree]));
  });

  test('has weights that add up to 1 in each row and column, and that average in the end', () => {
    const weights = mixingWeights(graph);
    for (const [one, row] of weights.entries()) {
      expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
      expect(weights.reduce((sum, other) => sum + other[one]!, 0)).toBeCloseTo(1, 12);
      expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
      expect(row[one]).toBeCloseTo(1 / (degree + 1), 12);
    }
    expect(spectralGap(weights)).toBeGreaterThan(1e-4);
  });
});

test('the gap of a ring is what its eigenvalues are known to be', () => {
  // Of a circulant matrix with 1/3 on three diagonals: (1 + 2 cos(2πk/n)) / 3.
  expect(spectralGap(mixingWeights(ring()(12)))).toBeCloseTo(1 - (1 + 2 * Math.cos(Math.PI / 6)) / 3, 10);
});

test('weights of unequal degrees are those of Metropolis and Hastings', () => {
  // A star of three: the middle one has degree 2.
  const weights = mixingWeights([[1, 2], [0], [0]]);
  const third = 1 / 3;
  const expected = [
    [third, third, third],
    [third, 2 * third, 0],
    [third, 0, 2 * third],
  ];
  for (const [at, row] of weights.entries())
    for (const [to, one] of row.entries()) expect(one).toBeCloseTo(expected[at]![to]!, 15);
});

test('the same seed draws the same graph, another one another', () => {
  expect(randomRegular(4, 7)(40)).toEqual(randomRegular(4, 7)(40));
  expect(randomRegular(4, 8)(40)).not.toEqual(randomRegular(4, 7)(40));
});

test('a random graph mixes nearly as well as any can, a ring of as many much worse', () => {
  // Friedman 2008: the second eigenvalue of nearly all graphs of degree d is at most 2 √(d - 1) + ε.
  const best = (4 - 2 * Math.sqrt(3)) / 5;
  for (const seed of [1, 2, 3, 4, 5]) {
    const gap = spectralGap(mixingWeights(randomRegular(4, seed)(100)));
    expect(gap).toBeGreaterThan(0.8 * best);
    expect(gap).toBeLessThan(1.5 * best);
  }
  expect(spectralGap(mixingWeights(ring(4)(100)))).toBeLessThan(0.1 * best);
});

test.each([
  [() => ring(3), 'an even number of neighbours'],
  [() => ring(4)(4), 'a ring of 4 members has no 4 neighbours'],
  [() => torus()(13), '13 members do not fill a torus'],
  [() => torus()(4), '4 members do not fill a torus'],
  [() => randomRegular(1, 1), 'from 2, not 1'],
  [() => randomRegular(3, 1)(9), 'no graph of 9 members with 3 neighbours'],
  [() => randomRegular(4, 1)(4), 'no graph of 4 members with 4 neighbours'],
])('what there is not is refused: %s', (make, reason) => {
  expect(make).toThrow(reason);
});

describe('as selectors', () => {
  const members = { peer: Array.from({ length: 12 }, (_, at) => `p${at}`) };
  const options = { class: 'peer' };

  test.each([
    ['ring', () => ringNeighbours(), ['p1', 'p11']],
    ['torus', torusNeighbours, ['p1', 'p3', 'p4', 'p8']],
    ['random', () => randomNeighbours({ degree: 3, seed: 5 }), undefined],
  ] as const)('members of a %s know their neighbours, and choose each other', (_, make, first) => {
    const near = members.peer.map((peer) => {
      const bench = new Bench(make(), peer, members);
      return stringsOf(bench.call('Select', [int64(12)], { options })[0], '');
    });
    if (first !== undefined) expect(near[0]).toEqual(first);
    for (const [at, peers] of near.entries())
      for (const other of peers) expect(near[members.peer.indexOf(other)]).toContain(`p${at}`);
  });

  test('weights are asked for those that have answered; the member makes up for the others', () => {
    const bench = new Bench(torusNeighbours(), 'p0', members);
    const mix = (...peers: readonly string[]) =>
      bench.call('Mix', [strings(peers)], { options }).map((one) => [...float32sOf(one, '')]);
    const fifth = Math.fround(0.2);
    const [weights, own] = mix('p1', 'p3', 'p4', 'p8');
    expect(weights).toEqual([fifth, fifth, fifth, fifth]);
    expect(own![0]).toBeCloseTo(0.2, 6);
    const [some, more] = mix('p3', 'p7');
    expect(some).toEqual([fifth, 0]);
    expect(more![0]).toBeCloseTo(0.8, 6);
    expect(mix()[1]).toEqual([1]);
  });

  test('who is no member, or has no such class, is told so', () => {
    const bench = new Bench(torusNeighbours(), 'server', members);
    expect(() => bench.call('Select', [int64(2)], { options })).toThrow('server is no peer');
    expect(() => bench.call('Select', [int64(2)], { options: { class: 'x' } })).toThrow(
      'there is no class x',
    );
  });
});
