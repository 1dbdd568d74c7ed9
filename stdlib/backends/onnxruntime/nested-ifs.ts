// Whether a model is one whose Ifs ONNX Runtime must not fold.
//
// ONNX Runtime (1.30) puts the branch that a constant condition chooses in the place of its If, and on some models
// the process dies of it, with a segmentation fault while loading: of the voice detector silero, versions 5 and 6,
// given inputs of known sizes, which make conditions deep inside constant. What is common to them is an If in a
// branch of another.

import { decode } from '../../../runtime/proto/codec.ts';
import { attributeGraphs, calls, graphNodes, segmentModel } from '../../../runtime/proto/onnx.ts';

/** Whether an If is in a branch of another If, however deep. What is no model is left to ONNX Runtime to refuse. */
export function hasNestedIfs(model: Uint8Array): boolean {
  try {
    return search((decode(segmentModel, model).graph?.node ?? []).map((bytes) => ({ bytes, inIf: false })));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function search(open: { readonly bytes: Uint8Array; readonly inIf: boolean }[]): boolean {
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { opType, attribute } = decode(calls, next.bytes);
    const isIf = opType === 'If';
    if (isIf && next.inIf) return true;
    for (const { g, graphs } of attribute.map((one) => decode(attributeGraphs, one))) {
      for (const graph of [...g, ...graphs]) {
        for (const bytes of decode(graphNodes, graph).node) open.push({ bytes, inIf: next.inIf || isIf });
      }
    }
  }
  return false;
}
