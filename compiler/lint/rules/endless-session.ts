import {
  attributeString,
  attributeStrings,
  CORE,
  dependenciesOf,
  type Model,
  type Op,
  roleCallOf,
  type ValueId,
} from '../../../ir/index.ts';
import { isCore, isGather } from '../../split/places.ts';
import { entryOps } from '../../split/seats.ts';
import { atOp } from '../about.ts';
import { rule } from '../rule.ts';

const model = (argument: string): string => `
import { entry, module, next, output, peer } from 'bytesandbrains';
const server = peer('server');
export default module('rounds', () => {
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    output('done', round.add(1n));
    next('round', { round: ${argument} }).when(round.less(50n));
  });
});`;

export const endlessSession = rule('endless-session', {
  level: 'warning',
  needs: 'recorded',
  summary: 'a flow follows in every flow, or nothing that decides about it ever changes',
  rationale:
    'A run ends when no flow is open. A next without a condition, or whose condition is made of constants and of arguments that every flow hands on as they were, never stops of itself: whoever called waits until somebody cancels, or a value is missing. What a service does for ever is better started by interval or an event. A condition changes if it depends on state, an input, a component, a collect, whether something is there, or an argument that some next gives anew; whether it ever becomes false is not decided.',
  *run({ model }) {
    const entries = entryOps(model);
    const given = changedArguments(model, entries);
    for (const op of model.opsOf()) {
      if (!isCore(op, CORE.next) || changes(model, op.inputs[0]!, given)) continue;
      const entry = attributeString(op, 'entry') ?? '';
      const always = isStarted(model, op.inputs[0]!);
      yield {
        message: always
          ? `next('${entry}') has no condition: the session never ends`
          : `what decides about next('${entry}') is the same in every flow: the session never ends, or has one flow`,
        hint: 'give it .when(…) with a count, such as an argument that grows: next(entry, { n: n.add(1n) }).when(n.less(50n))',
        ...atOp(model, op),
      };
    }
  },
  examples: {
    bad: { model: model('round') },
    good: { model: model('round.add(1n)') },
  },
});

const isInvoke = (model: Model, id: ValueId): Op | undefined => {
  const { def } = model.value(id);
  const op = def.kind === 'op' ? model.op(def.op) : undefined;
  return op !== undefined && isCore(op, CORE.invoke) ? op : undefined;
};

/** Whether it only says that a flow has begun. */
const isStarted = (model: Model, id: ValueId): boolean => isInvoke(model, id)?.outputs[0] === id;

/** Arguments that some flow of the session is given anew. */
function changedArguments(model: Model, entries: ReadonlyMap<string, Op>): ReadonlySet<ValueId> {
  const changed = new Set<ValueId>();
  for (const op of model.opsOf()) {
    if (!isCore(op, CORE.next)) continue;
    const target = entries.get(attributeString(op, 'entry') ?? '');
    const names = target === undefined ? undefined : attributeStrings(target, 'arguments');
    names?.forEach((_, index) => {
      const argument = target!.outputs[index + 1]!;
      if (op.inputs[index + 1] !== argument) changed.add(argument);
    });
  }
  return changed;
}

/** Whether anything that may be different in the next flow goes into it. */
function changes(model: Model, condition: ValueId, given: ReadonlySet<ValueId>): boolean {
  const seen = new Set<ValueId>();
  const open = [condition];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const { def, weight } = model.value(id);
    if (weight !== undefined || def.kind === 'initializer') continue;
    if (def.kind !== 'op' || given.has(id)) return true;
    const op = model.op(def.op);
    if (isCore(op, CORE.invoke)) continue;
    const tells = [CORE.stateRead, CORE.present, CORE.reason, CORE.view].some((type) => isCore(op, type));
    if (tells || isGather(op) || roleCallOf(op) !== undefined) return true;
    open.push(...dependenciesOf(model, op));
  }
  return false;
}
