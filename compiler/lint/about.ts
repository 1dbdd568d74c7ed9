// Where findings point: the author's line of an op, a value, a field of the topology.

import { describeOp, type Model, type Op, type Position, type ValueId } from '../../ir/index.ts';
import type { Problem } from './rule.ts';

/** The line that made a value, as far as the author's file says. */
export function whereMade(model: Model, id: ValueId): Position | undefined {
  const { def, at } = model.value(id);
  return (def.kind === 'op' ? model.op(def.op).at : at) ?? undefined;
}

/** Points at an op. What has no line of its own is at least in a file. */
export const atOp = (model: Model, op: Op): Pick<Problem, 'at' | 'op'> => ({
  at: op.at ?? { file: model.header.file },
  op: describeOp(model, op),
});

/** Points at a value, where it is made. */
export const atValue = (model: Model, id: ValueId): Pick<Problem, 'at' | 'value'> => ({
  at: whereMade(model, id) ?? { file: model.header.file },
  value: model.value(id).name,
});
