// Constants that backends prepare when a session is made.

import type { Op, ValueId } from '../../ir/graph.ts';

/**
 * Operators whose operands, but for the first, backends pack when a session is made if they are constants. ONNX Runtime
 * then adds up in another order, also without optimizations.
 */
const packing = new Set(['Gemm', 'GRU', 'LSTM', 'MatMul']);
/** By how much packing moves a result, relative to its size: a few times what was measured. */
export const PACKING_TOLERANCE = 1e-5;

/** Whether the op reads the value where it would be packed. */
export const isPacked = (op: Op, id: ValueId): boolean =>
  packing.has(op.type) && op.inputs.indexOf(id, 1) > 0;
