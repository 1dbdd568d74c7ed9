// What computes one op now, from inputs that are known: constant folding is given one by whoever has a backend.

import type { Op } from './graph.ts';
import type { Tensor } from './types.ts';

/**
 * The outputs of a plain ONNX op in order, from its inputs in order (undefined: omitted). `opset` is the version of
 * the op's domain in the graph it stands in. Undefined if it cannot: the operator is not known or draws random
 * numbers, holds graphs or references, makes no tensors, or refuses these inputs. Throws nothing, and keeps the inputs as they are.
 */
export type Evaluator = (
  op: Op,
  inputs: readonly (Tensor | undefined)[],
  opset: number,
) => readonly (Tensor | undefined)[] | undefined;
