// prune: takes out ops whose results reach no output, no state and no flow to come.
//
//   y = Relu(x)        y = Relu(x)
//   z = Tanh(x)   →    return y
//   return y

import {
  CORE,
  DOMAIN,
  dependenciesOf,
  type Model,
  type Op,
  type OpId,
  roleCallOf,
  setsOf,
  type ValueId,
} from '../../ir/index.ts';
import { pass } from '../pass.ts';

export const prune = pass('prune', {
  needs: 'differentiated',
  gives: 'simplified',
  run: (compilation) => ({ ...compilation, level: 'simplified', model: withoutDeadOps(compilation.model) }),
});

/** Core ops that are there for what they do, not for what they give. */
const effects: readonly string[] = [CORE.stateAssign, CORE.invoke, CORE.next, CORE.start];

/** What a component is asked or told may change it; a query does not. */
const hasEffect = (op: Op): boolean =>
  op.domain === DOMAIN.core ? effects.includes(op.type) : (roleCallOf(op)?.kind ?? 'query') !== 'query';

function withoutDeadOps(model: Model): Model {
  const live = liveOps(model);
  const { ops } = model.mainGraph;
  if (live.size === ops.length) return model;
  const editor = model.edit();
  // Their values stay in the tables: nothing refers to them, and ids of others must not move.
  for (const id of ops) if (!live.has(id)) editor.removeOp(id);
  editor.setGraph(model.main, { ops: ops.filter((id) => live.has(id)) });
  return editor.finish();
}

function liveOps(model: Model): ReadonlySet<OpId> {
  const live = new Set<OpId>();
  const open: OpId[] = [];
  const need = (id: OpId): void => {
    if (live.has(id)) return;
    live.add(id);
    open.push(id);
  };
  const read = (value: ValueId): void => {
    const { def } = model.value(value);
    if (def.kind === 'op') need(def.op);
  };
  model.mainGraph.outputs.forEach(read);
  for (const op of model.opsOf()) if (hasEffect(op)) need(op.id);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const op = model.op(id);
    dependenciesOf(model, op).forEach(read);
    // Who takes part is read by no op, but decides where this one runs.
    if (op.place !== undefined) setsOf(op.place).forEach(read);
  }
  return live;
}
