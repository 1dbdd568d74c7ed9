// Models below opset 7, whose operators had broadcasting of their own, in the forms of opset 7; for what means the
// same there.
//
//   y = Add<broadcast = 1, axis = 1>(x: [2, 3, 4], b: [3])   opset 6
//   y = Add(x, Unsqueeze<axes = [1]>(b))                     opset 7

import {
  type Attribute,
  attributeInt,
  type Model,
  type ModelEditor,
  type Op,
  type OpId,
  type ValueId,
} from '../../ir/index.ts';
import { schemaOf } from '../../ir/ops/schema.ts';

const OPSET = 7;

/** How an op is written in opset 7: attributes that went, and a dimension list for its second input. */
interface Form {
  readonly without: readonly string[];
  /** Axes of size 1 that the second input gets. */
  readonly unsqueeze?: readonly number[];
}

/** The model in opset 7; the same if it is not older, or if an op has no such form. `infer` gives types. */
export function withoutLegacy(model: Model, infer: (model: Model) => Model): Model {
  const opset = model.header.opsets.get('') ?? OPSET;
  if (opset >= OPSET) return model;
  const typed = infer(model);
  const forms = new Map<OpId, Form>();
  for (const op of model.allOps()) {
    if (op.domain !== '') continue;
    const [before, after] = [schemaOf('', op.type, opset), schemaOf('', op.type, OPSET)];
    if (before === undefined || after === undefined) return model;
    if (before.since === after.since) continue;
    const form = formOf(typed, op);
    if (form === undefined) return model;
    forms.set(op.id, form);
  }
  const editor = model.edit();
  for (const graph of model.graphs) {
    const ops = graph.ops.flatMap((id) => rewrite(editor, model.op(id), forms.get(id)));
    if (ops.length > graph.ops.length) editor.setGraph(graph.id, { ops });
  }
  editor.header = { ...model.header, opsets: new Map([...model.header.opsets, ['', OPSET]]) };
  return editor.finish();
}

function rewrite(editor: ModelEditor, op: Op, form: Form | undefined): OpId[] {
  if (form === undefined) return [op.id];
  const attributes = op.attributes.filter(({ name }) => !form.without.includes(name));
  const axes = form.unsqueeze ?? [];
  if (axes.length === 0) {
    editor.setOp(op.id, { attributes });
    return [op.id];
  }
  const [first, second] = op.inputs as [ValueId, ValueId];
  const wide = editor.addValue(op.graph, { name: `${editor.value(second).name}_${op.id}_wide` });
  const added: Attribute = { name: 'axes', kind: 'ints', value: axes.map(BigInt) };
  const unsqueeze = editor.addOp(op.graph, {
    type: 'Unsqueeze',
    inputs: [second],
    outputs: [wide],
    attributes: [added],
  });
  editor.setOp(op.id, { attributes, inputs: [first, wide] });
  return [unsqueeze, op.id];
}

const IN_PLACE = 'consumed_inputs';
const BROADCASTING = new Set('Add Sub Mul Div Pow And Or Xor Equal Greater Less'.split(' '));

/** undefined: it means something else in opset 7. */
function formOf(model: Model, op: Op): Form | undefined {
  if (BROADCASTING.has(op.type)) return broadcast(model, op);
  switch (op.type) {
    case 'AveragePool':
      return { without: [] };
    case 'Gemm':
      return { without: ['broadcast'] };
    case 'BatchNormalization':
    case 'Dropout':
      return attributeInt(op, 'is_test', 0) === 1 ? { without: ['is_test', IN_PLACE] } : undefined;
    case 'PRelu':
      return slope(model, op);
    default:
      return undefined;
  }
}

const dimsOf = (model: Model, id: ValueId): readonly unknown[] | undefined => {
  const { type, weight } = model.value(id);
  return weight?.dims ?? (type?.kind === 'tensor' ? type.dims : undefined);
};

/** The second operand stood at `axis` of the first one, by default at its end. */
function broadcast(model: Model, op: Op): Form | undefined {
  const without = ['broadcast', 'axis', IN_PLACE];
  const axis = attributeInt(op, 'axis');
  if (attributeInt(op, 'broadcast', 0) === 0 || axis === undefined) return { without };
  const [rank, own] = op.inputs.map((id) => dimsOf(model, id)?.length);
  if (rank === undefined || own === undefined || axis < 0) return undefined;
  const behind = rank - axis - own;
  return { without, unsqueeze: Array.from({ length: Math.max(0, behind) }, (_, at) => own + at) };
}

/** One slope for all, or one for each channel. */
function slope(model: Model, op: Op): Form | undefined {
  const [dims, slopes] = op.inputs.map((id) => dimsOf(model, id));
  if (dims === undefined || slopes?.length !== 1) return undefined;
  const behind = slopes[0] === 1 ? 0 : dims.length - 2;
  return { without: [IN_PLACE], unsqueeze: Array.from({ length: Math.max(0, behind) }, (_, at) => 1 + at) };
}
