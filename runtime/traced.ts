// Where a number that is not finite came from, in words that its sender knows too.

import type { Call, SeatProgram } from './instruction.ts';
import type { NotFinite } from './io.ts';

/** What came into a segment from another peer is named after its edge. */
export function traced(
  { instructions }: SeatProgram,
  call: Call,
  { inputIndex, ...found }: NotFinite,
): NotFinite {
  const slot = inputIndex === undefined ? undefined : call.inputs[inputIndex];
  const maker = slot === undefined ? undefined : instructions.find(({ outputs }) => outputs.includes(slot));
  const edge =
    maker?.kind === 'recv'
      ? maker.edge
      : maker?.kind === 'collect'
        ? maker.edges[maker.outputs.indexOf(slot!)]
        : undefined;
  return edge === undefined ? found : { ...found, input: edge.value };
}
