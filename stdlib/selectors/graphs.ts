// Static neighbourhoods, for decentralised averaging (D-PSGD; Lian et al. 2017): who exchanges with whom, of n members in the
// order of their class, and with which weights. All are symmetric, connected and regular.

import { keyOf } from '../../ir/philox.ts';
import { Random } from '../../ir/random.ts';

/** By member, in the order of the class: its neighbours, ascending. */
export type Graph = readonly (readonly number[])[];
/** Throws RangeError where so many members have no such graph. */
export type Neighbourhood = (members: number) => Graph;

const ascending = (of: Iterable<number>): readonly number[] => [...new Set(of)].sort((a, b) => a - b);

/** The nearest `degree` on a ring, half of them on each side. Throws RangeError where that is no even number from 2. */
export function ring(degree = 2): Neighbourhood {
  if (!Number.isSafeInteger(degree) || degree < 2 || degree % 2 !== 0)
    throw new RangeError(`on a ring each has an even number of neighbours from 2, not ${degree}`);
  return (members) => {
    if (members <= degree)
      throw new RangeError(`a ring of ${members} members has no ${degree} neighbours for each`);
    const steps = Array.from({ length: degree / 2 }, (_, at) => at + 1);
    return Array.from({ length: members }, (_, one) =>
      ascending(steps.flatMap((step) => [(one + step) % members, (one - step + members) % members])),
    );
  };
}

/**
 * Rows and columns that both close to rings, as near to a square as the number of members allows: 4 neighbours for each, and
 * 3 where there are two rows.
 */
export function torus(): Neighbourhood {
  return (members) => {
    let rows = Math.floor(Math.sqrt(members));
    while (rows > 1 && members % rows !== 0) rows--;
    if (rows < 2 || members < 6)
      throw new RangeError(
        `${members} members do not fill a torus: rows and columns of two and three at least`,
      );
    const columns = members / rows;
    return Array.from({ length: members }, (_, one) => {
      const [row, column] = [Math.floor(one / columns), one % columns];
      const at = (r: number, c: number): number => ((r + rows) % rows) * columns + ((c + columns) % columns);
      return ascending([at(row - 1, column), at(row + 1, column), at(row, column - 1), at(row, column + 1)]);
    });
  };
}

/** Draws of a graph until one is simple and connected. */
const MOST_DRAWS = 10_000;

/**
 * Drawn: ends of edges are paired at random, and those that would be a loop or an edge twice anew (Steger & Wormald 1999,
 * Generating random regular graphs quickly: of large graphs each is about as likely). The same for the same seed.
 * Throws RangeError where the degree is no whole number from 2.
 */
export function randomRegular(degree: number, seed: number): Neighbourhood {
  if (!Number.isSafeInteger(degree) || degree < 2)
    throw new RangeError(`each has a number of neighbours from 2, not ${degree}`);
  return (members) => {
    if (members <= degree || (members * degree) % 2 !== 0)
      throw new RangeError(`there is no graph of ${members} members with ${degree} neighbours for each`);
    const random = new Random(keyOf(BigInt(seed)), (block) => [block, members, degree, 0x72656775]);
    // A dense one is what a thin one leaves out: that is quickly drawn.
    const thin = members - 1 - degree;
    for (let draw = 0; draw < MOST_DRAWS; draw++) {
      const graph =
        thin < degree ? complement(paired(members, thin, random)) : paired(members, degree, random);
      if (graph !== undefined && isConnected(graph)) return graph;
    }
    throw new RangeError(
      `no connected graph of ${members} members with ${degree} neighbours in ${MOST_DRAWS}`,
    );
  };
}

/** Undefined: the ends that are left cannot be paired. */
function paired(members: number, degree: number, random: Random): Graph | undefined {
  const graph = Array.from({ length: members }, () => new Set<number>());
  let ends = Array.from({ length: members * degree }, (_, at) => at % members);
  while (ends.length > 0) {
    for (let at = ends.length - 1; at > 0; at--) {
      const other = random.below(at + 1);
      [ends[at], ends[other]] = [ends[other]!, ends[at]!];
    }
    const left: number[] = [];
    for (let at = 0; at < ends.length; at += 2) {
      const [a, b] = [ends[at]!, ends[at + 1]!];
      if (a === b || graph[a]!.has(b)) left.push(a, b);
      else {
        graph[a]!.add(b);
        graph[b]!.add(a);
      }
    }
    const open = [...new Set(left)];
    const goesOn = open.some((a) => open.some((b) => a !== b && !graph[a]!.has(b)));
    if (left.length > 0 && !goesOn) return undefined;
    ends = left;
  }
  return graph.map(ascending);
}

const complement = (graph: Graph | undefined): Graph | undefined =>
  graph?.map((neighbours, one) => {
    const out = new Set([one, ...neighbours]);
    return graph.map((_, other) => other).filter((other) => !out.has(other));
  });

export function isConnected(graph: Graph): boolean {
  const reached = new Set([0]);
  // A set grows while it is walked.
  for (const one of reached) for (const other of graph[one]!) reached.add(other);
  return reached.size === graph.length;
}

/**
 * Metropolis–Hastings weights: 1 / (1 + the larger of the two degrees) for neighbours, and what is left to 1 for oneself, so
 * that rows and columns add up to 1 (Xiao & Boyd 2004, Fast linear iterations for distributed averaging, section 4;
 * in this form Xiao, Boyd & Lall 2005). Row i is what member i counts each for. float64[n][n]
 */
export function mixingWeights(graph: Graph): readonly (readonly number[])[] {
  return graph.map((neighbours, one) => {
    const row = graph.map(() => 0);
    for (const other of neighbours) row[other] = mixingWeight(graph, one, other);
    row[one] = 1 - row.reduce((sum, weight) => sum + weight, 0);
    return row;
  });
}

export const mixingWeight = (graph: Graph, one: number, other: number): number =>
  1 / (1 + Math.max(graph[one]!.length, graph[other]!.length));
