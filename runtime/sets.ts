// What the node itself computes: of peer sets, string tensors of peer ids, ordered, each once; digests; and what tells a
// flow at a member from all others.

import { CORE } from '../ir/names.ts';
import { packStrings, type Tensor, unpackStrings } from '../ir/types.ts';
import { digestOf } from './digest.ts';
import { type FlowId, flowKey } from './flow-id.ts';

/** The ids in a tensor, each once. What is no list of strings is empty. */
export function idsIn({ dtype, dims, bytes }: Tensor): readonly string[] {
  if (dtype !== 'string' || dims.length > 1) return [];
  return [...new Set(unpackStrings(bytes, dims[0] ?? 1))];
}

export const peerSet = (ids: readonly string[]): Tensor => ({
  dtype: 'string',
  dims: [ids.length],
  bytes: packStrings(ids),
});

/** Those of `a`, then those of `b` that are not among them. */
export const union = (a: Tensor, b: Tensor): Tensor => peerSet([...new Set([...idsIn(a), ...idsIn(b)])]);

export const intersect = (a: Tensor, b: Tensor): Tensor => {
  const others = new Set(idsIn(b));
  return peerSet(idsIn(a).filter((id) => others.has(id)));
};

export const without = (a: Tensor, b: Tensor): Tensor => {
  const others = new Set(idsIn(b));
  return peerSet(idsIn(a).filter((id) => !others.has(id)));
};

export const first = (a: Tensor): Tensor => peerSet(idsIn(a).slice(0, 1));

/** Where each of `a` stands in `b`; -1: it does not. int64[k] */
export function positions(a: Tensor, b: Tensor): Tensor {
  const at = new Map(idsIn(b).map((id, index) => [id, index]));
  const found = BigInt64Array.from(idsIn(a), (id) => BigInt(at.get(id) ?? -1));
  return { dtype: 'int64', dims: [found.length], bytes: new Uint8Array(found.buffer) };
}

/** What an op gives, by its type. `members`: of a View, the class as it is seen now. */
export interface NodeKernel {
  readonly inputs: number;
  readonly run: (
    inputs: readonly Tensor[],
    around: { readonly peer: string; readonly members: readonly string[]; readonly id: FlowId },
  ) => Tensor;
}

const of = (run: (a: Tensor) => Tensor): NodeKernel => ({ inputs: 1, run: ([a]) => run(a!) });
const ofTwo = (run: (a: Tensor, b: Tensor) => Tensor): NodeKernel => ({
  inputs: 2,
  run: ([a, b]) => run(a!, b!),
});

export const nodeKernels: Readonly<Record<string, NodeKernel>> = {
  [CORE.view]: { inputs: 0, run: (_, { members }) => peerSet(members) },
  [CORE.self]: { inputs: 0, run: (_, { peer }) => peerSet([peer]) },
  [CORE.union]: ofTwo(union),
  [CORE.intersect]: ofTwo(intersect),
  [CORE.without]: ofTwo(without),
  [CORE.positions]: ofTwo(positions),
  [CORE.first]: of(first),
  [CORE.digest]: of(digestOf),
  [CORE.flow]: { inputs: 0, run: (_, { peer, id }) => digestOf(peerSet([flowKey(id), peer])) },
};
