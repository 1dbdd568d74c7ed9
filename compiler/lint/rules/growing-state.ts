import {
  attributeString,
  CORE,
  type Dim,
  dependenciesOf,
  type Model,
  type Op,
  type OpId,
  type ValueId,
} from '../../../ir/index.ts';
import { isCore } from '../../split/places.ts';
import { atOp, whereMade } from '../about.ts';
import { rule } from '../rule.ts';

const model = (kept: string): string => `
import { bool, concat, float32, input, module, on, output, peer, state } from 'bytesandbrains';
const phone = peer('phone');
export default module('history', () => {
  const x = input('x', float32, [4], { at: phone });
  const loud = input('loud', bool, [4], { at: phone });
  const seen = state('seen', [0, 0, 0, 0], { at: phone });
  const all = on(phone, () => concat([seen.read(), x.compress(loud, { axis: 0 })], { axis: 0 }));
  seen.assign(${kept});
  output('y', on(phone, () => all.reduceMax()));
});`;
const topology = '{ "version": 1, "classes": { "phone": {} } }';

/** Ops whose result can be longer than any of their operands. */
const lengthening = new Set(['Concat', 'ConcatFromSequence', 'Pad', 'Tile']);

export const growingState = rule('growing-state', {
  level: 'warning',
  needs: 'typed',
  summary: 'state is assigned a longer version of itself, and no size bounds it',
  rationale:
    'A dimension of the state has no size that stays, and what is assigned is the state with something appended: each flow makes it longer, until its peer has no memory left. Keep a window of known length. Not seen is growth to a size that inference does not know through ops other than Concat, Pad and Tile.',
  *run({ model }) {
    const reads = readsByKey(model);
    for (const op of model.opsOf()) {
      const value = op.inputs[0];
      if (!isCore(op, CORE.stateAssign) || value === undefined) continue;
      const key = attributeString(op, 'key') ?? '';
      const own = reads.get(key) ?? [];
      if (own.length === 0 || !isUnbounded(model, value, own[0]!)) continue;
      const longer = appended(model, value, own);
      if (longer === undefined) continue;
      yield {
        message: `${key} is assigned itself with more appended, and its length has no bound`,
        hint: 'keep the last ones only: .slice(…), and .as(dtype, shape) to say how many these are',
        ...atOp(model, op),
        related: [
          { message: `${key} is read`, at: model.op(own[0]!).at },
          { message: `${longer.type} makes it longer`, at: whereMade(model, longer.outputs[0]!) },
        ],
      };
    }
  },
  examples: {
    bad: { model: model('all'), topology },
    good: { model: model('on(phone, () => all.slice([-4], [2 ** 31 - 1]).as(float32, [4]))'), topology },
  },
});

function readsByKey(model: Model): ReadonlyMap<string, readonly OpId[]> {
  const reads = new Map<string, OpId[]>();
  for (const op of model.opsOf()) {
    if (!isCore(op, CORE.stateRead)) continue;
    const key = attributeString(op, 'key') ?? '';
    reads.set(key, [...(reads.get(key) ?? []), op.id]);
  }
  return reads;
}

/** Whether some dimension of what is assigned is neither a size nor the state's own. */
function isUnbounded(model: Model, value: ValueId, read: OpId): boolean {
  const [assigned, kept] = [dimsOf(model, value), dimsOf(model, model.op(read).outputs[0]!)];
  return (
    assigned?.some((dim, axis) => typeof dim !== 'number' && (dim === null || dim !== kept?.[axis])) === true
  );
}

function dimsOf(model: Model, id: ValueId): readonly Dim[] | undefined {
  const { type } = model.value(id);
  return type?.kind === 'tensor' ? type.dims : undefined;
}

/** An op that appends to what was read, on the way from there to the value. */
function appended(model: Model, value: ValueId, reads: readonly OpId[]): Op | undefined {
  // From the value back to the reads, then, of what lies there, what the reads go into.
  const before = new Set<OpId>();
  const open = [value];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const { def } = model.value(id);
    if (def.kind !== 'op' || before.has(def.op)) continue;
    before.add(def.op);
    open.push(...dependenciesOf(model, model.op(def.op)));
  }
  const from = new Set<ValueId>();
  for (const op of model.opsOf()) {
    if (!before.has(op.id)) continue;
    const reached = reads.includes(op.id) || dependenciesOf(model, op).some((id) => from.has(id));
    if (!reached) continue;
    if (op.domain === '' && lengthening.has(op.type)) return op;
    for (const id of op.outputs) from.add(id);
  }
  return undefined;
}
