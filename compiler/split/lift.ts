// Constants that hold weights become initializers, so that they are stored once and reach a backend as weights.
//
//   w = Constant<value = float32[64, 3, 7, 7]>()        initializer w: float32[64, 3, 7, 7]
//   y = Conv(x, w)                                  →   y = Conv(x, w)

import {
  CORE,
  DOMAIN,
  findAttribute,
  type Model,
  type Op,
  type OpId,
  roleCallOf,
  setsOf,
  type Weight,
} from '../../ir/index.ts';
import { weightByteLength } from '../../ir/onnx/weights.ts';
import type { Placement } from '../pass.ts';

/** Smaller constants stay ops inside the segments that use them: an extra input costs more than it saves. */
const MIN_WEIGHT_BYTES = 64;

export function liftConstants(model: Model, { ops: places }: Placement): Model {
  const lifted = new Map<OpId, Weight>();
  const sets = new Set(places.flatMap((place) => (place === undefined ? [] : setsOf(place))));
  for (const op of model.opsOf()) {
    const weight = constantTensor(op);
    // A program's outputs are made by its ops, so a constant that is one stays an op.
    if (weight === undefined || isOutput(model, op)) continue;
    const isLarge = (weightByteLength(weight) ?? 0) >= MIN_WEIGHT_BYTES;
    if (isLarge || sets.has(op.outputs[0]!) || isReadByNode(model, op)) lifted.set(op.id, weight);
  }
  if (lifted.size === 0) return model;

  const editor = model.edit();
  const { ops, initializers } = model.mainGraph;
  for (const [id, weight] of lifted) {
    editor.setValue(model.op(id).outputs[0]!, { def: { kind: 'initializer' }, weight });
    editor.removeOp(id);
  }
  editor.setGraph(model.main, {
    ops: ops.filter((id) => !lifted.has(id)),
    initializers: [...initializers, ...[...lifted.keys()].map((id) => model.op(id).outputs[0]!)],
  });
  return editor.finish();
}

function constantTensor(op: Op): Weight | undefined {
  if (op.domain !== '' || op.type !== 'Constant') return undefined;
  const attribute = findAttribute(op, 'value');
  return attribute?.kind === 'tensor' ? attribute.value : undefined;
}

const isOutput = (model: Model, op: Op): boolean =>
  model.uses(op.outputs[0]!).some((use) => use.kind === 'output' && use.graph === model.main);

/** A state's initial value, and what a component is asked with, the node takes from the program's weights. */
const isReadByNode = (model: Model, op: Op): boolean =>
  model.uses(op.outputs[0]!).some((use) => {
    if (use.kind !== 'op') return false;
    const user = model.op(use.op);
    return roleCallOf(user) !== undefined || (user.domain === DOMAIN.core && user.type === CORE.stateRead);
  });
