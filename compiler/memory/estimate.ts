// What a peer needs at most to run its program, one flow of each entry at a time: what the manifest says of memory.

import { byteLengthOfType, type Members, type MemoryEstimate, tensorType } from '../../ir/index.ts';
import { weightByteLength } from '../../ir/onnx/weights.ts';
import type { Deployment, Program } from '../pass.ts';
import type { PlacedGraph } from '../split/places.ts';
import { heldAtOnce } from './held.ts';
import { Order } from './order.ts';
import { sizesOf } from './sizes.ts';

/** By program. `graph`: what was cut. */
export function memoryOf(
  deployment: Pick<Deployment, 'programs' | 'edges' | 'entries'>,
  graph: PlacedGraph,
  members: Members,
): (program: Program) => MemoryEstimate {
  const around = {
    ...deployment,
    members,
    order: new Order(deployment, members),
    sizes: sizesOf(graph, members),
  };
  return (program) => {
    const entries = new Set(program.seats?.map(({ entry }) => entry) ?? [undefined]);
    const held = [...entries].map((entry) => heldAtOnce(program, entry, around));
    const open = held.find((one) => typeof one === 'string');
    return {
      weightBytes: weightBytesOf(program),
      stateBytes: stateBytesOf(program, deployment, members),
      activationBytes: open === undefined ? held.reduce<number>((sum, one) => sum + Number(one), 0) : null,
      ...(open !== undefined && { openBecause: String(open) }),
    };
  };
}

const weightBytesOf = ({ model }: Program): number =>
  model.mainGraph.initializers.reduce((sum, id) => sum + (weightByteLength(model.value(id).weight!) ?? 0), 0);

/** Of one session; of all peers that start flows where each has its own. */
function stateBytesOf(
  { state }: Program,
  { entries }: Pick<Deployment, 'entries'>,
  members: Members,
): number {
  const starters = new Set(entries.map((entry) => entry.class));
  const peers = [...starters].reduce((sum, name) => sum + (members[name]?.length ?? 0), 0);
  return state.reduce((sum, { dtype, shape, scope }) => {
    const bytes = byteLengthOfType(tensorType(dtype ?? undefined, shape ?? undefined)) ?? 0;
    return sum + bytes * (scope === 'peer' ? peers : 1);
  }, 0);
}
