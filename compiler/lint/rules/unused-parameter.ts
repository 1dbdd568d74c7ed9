import { CORE, dependenciesOf, type Model, roleCallOf, setsOf, type ValueId } from '../../../ir/index.ts';
import { isCore } from '../../split/places.ts';
import { atValue } from '../about.ts';
import { rule } from '../rule.ts';

export const unusedParameter = rule('unused-parameter', {
  level: 'warning',
  needs: 'recorded',
  summary: 'no output and no state depends on an input or a weight',
  rationale:
    'Callers must provide the input, or the file carries the weight, for nothing. Often an op reads the wrong value.',
  *run({ model }) {
    const needed = neededValues(model);
    const { inputs, initializers } = model.mainGraph;
    for (const id of new Set([...inputs, ...initializers])) {
      if (needed.has(id)) continue;
      const what = model.value(id).weight === undefined ? 'input' : 'weight';
      yield {
        message: `no output and no state depends on ${what} ${model.value(id).name}`,
        hint: `use it, or take it out`,
        ...atValue(model, id),
      };
    }
  },
  examples: {
    bad: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('unused', () => {
  const x = input('x', float32, [4]);
  const mask = input('mask', float32, [4]);
  output('y', x.relu());
});`,
    },
    good: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('used', () => {
  const x = input('x', float32, [4]);
  const mask = input('mask', float32, [4]);
  output('y', x.relu().mul(mask));
});`,
    },
  },
});

/** Values that an output, an assignment to state, what a component is told, or the next flow is computed from. */
function neededValues(model: Model): ReadonlySet<ValueId> {
  const needed = new Set<ValueId>();
  const open: ValueId[] = [];
  const need = (id: ValueId): void => {
    if (needed.has(id)) return;
    needed.add(id);
    open.push(id);
  };
  model.mainGraph.outputs.forEach(need);
  for (const op of model.opsOf()) {
    // A state's initial value counts too, however the state is used.
    const isKept = isCore(op, CORE.stateAssign) || isCore(op, CORE.stateRead);
    // So does what decides whether a flow follows, and what it is given.
    if (isKept || isCore(op, CORE.next) || isCore(op, CORE.start)) op.inputs.forEach(need);
    // And what a component is told or asked, which it may keep.
    if ((roleCallOf(op)?.kind ?? 'query') !== 'query') op.inputs.forEach(need);
    // And who takes part.
    if (op.place !== undefined) setsOf(op.place).forEach(need);
  }
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const { def } = model.value(id);
    if (def.kind === 'op') dependenciesOf(model, model.op(def.op)).forEach(need);
  }
  return needed;
}
