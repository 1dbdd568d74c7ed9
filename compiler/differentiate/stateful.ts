// Operators that carry a state from call to call, in other operators: LinearAttention and CausalConvWithState (opset 27).

import {
  attributeFloat,
  attributeInt,
  attributeString,
  NO_VALUE,
  type Op,
  type ValueId,
} from '../../ir/index.ts';
import { type Builder, int, ints } from './builder.ts';

const inputsOf = (op: Op, count: number): ValueId[] =>
  Array.from({ length: count }, (_, at) => op.inputs[at] ?? NO_VALUE);
const joined = (b: Builder, ...parts: readonly ValueId[]): ValueId => b.op('Concat', parts, int('axis', 0));
const sizeAt = (b: Builder, value: ValueId, axis: number): ValueId =>
  b.op('Shape', [value], int('start', axis), int('end', axis + 1));

/** A loop over steps: of each head the state, keys by values, decays, is written to and read. */
export function linearAttention(b: Builder, op: Op): readonly ValueId[] {
  const [query, key, value, past, decay, beta] = inputsOf(op, 6) as [
    ValueId,
    ValueId,
    ValueId,
    ValueId,
    ValueId,
    ValueId,
  ];
  const [readers, heads] = [attributeInt(op, 'q_num_heads', 1), attributeInt(op, 'kv_num_heads', 1)];
  const dtype = past === NO_VALUE ? b.dtype(query) : b.dtype(past);
  const like = past === NO_VALUE ? query : past;
  const typed = (one: ValueId): ValueId => (b.dtype(one) === dtype ? one : b.cast(one, dtype));
  const apart = (one: ValueId, ...sizes: readonly number[]): ValueId =>
    b.op('Reshape', [typed(one), b.list([0, 0, ...sizes])]);
  const slices = {
    query: apart(query, heads, readers / heads, -1),
    key: apart(key, heads, -1),
    value: apart(value, heads, -1),
    ...(decay !== NO_VALUE && { decay: apart(decay, heads, -1) }),
    ...(beta !== NO_VALUE && { beta: apart(beta, -1, 1) }),
  };
  const state =
    past !== NO_VALUE
      ? past
      : b.op('Expand', [
          b.scalar(0, like),
          joined(
            b,
            sizeAt(b, query, 0),
            b.list([heads]),
            sizeAt(b, slices.key, 3),
            sizeAt(b, slices.value, 3),
          ),
        ]);
  const given = attributeFloat(op, 'scale') ?? 0;
  const scale =
    given !== 0
      ? b.scalar(given, like)
      : b.op('Reciprocal', [b.op('Sqrt', [b.cast(sizeAt(b, slices.key, 3), dtype)])]);
  const body = attentionStep(b, Object.keys(slices), scale);
  const count = Object.keys(slices).length;
  const [present, rows] = b.ops(
    'Scan',
    [state, ...Object.values(slices)],
    2,
    { name: 'body', kind: 'graph', value: body },
    int('num_scan_inputs', count),
    ints('scan_input_axes', new Array<number>(count).fill(1)),
    ints('scan_output_axes', [1]),
  ) as [ValueId, ValueId];
  const y = b.op('Reshape', [rows, b.list([0, 0, -1])]);
  return [dtype === b.dtype(query) ? y : b.cast(y, b.dtype(query)), present];
}

/** From a state [batch, heads, keys, values] and a step's slices: the next state, and what is read. */
function attentionStep(b: Builder, names: readonly string[], scale: ValueId) {
  const body = b.subgraph('linear_attention');
  const inputs = ['state', ...names].map((name, index) =>
    b.editor.addValue(body.graph, { name: b.unique(`attention/${name}`), def: { kind: 'input', index } }),
  );
  const [state, query, key, value] = inputs as [ValueId, ValueId, ValueId, ValueId];
  const slice = (name: string): ValueId | undefined => inputs.slice(1)[names.indexOf(name)];
  const [decay, beta] = [slice('decay'), slice('beta')];
  const wide = (one: ValueId, axis: number): ValueId => body.op('Unsqueeze', [one, b.list([axis])]);
  const kept = decay === undefined ? state : body.op('Mul', [state, wide(body.op('Exp', [decay]), -1)]);
  const row = wide(value, 2);
  // Only what the state does not know yet.
  const news =
    beta === undefined
      ? row
      : body.op('Mul', [wide(beta, -1), body.sub(row, body.op('MatMul', [wide(key, 2), kept]))]);
  const next = body.add(kept, body.op('Mul', [wide(key, 3), news]));
  const read = body.op('MatMul', [body.op('Mul', [query, scale]), next]);
  b.editor.setGraph(body.graph, { inputs, outputs: [next, read], ops: body.made });
  return body.graph;
}

/** A convolution of each channel over what came before and what comes now. */
export function causalConvolution(b: Builder, op: Op): readonly ValueId[] {
  const [x, w, bias, past] = inputsOf(op, 4) as [ValueId, ValueId, ValueId, ValueId];
  const channels = b.dims(w)[0];
  if (typeof channels !== 'number') return b.refuse('the number of its channels is not known');
  const lead = b.sub(sizeAt(b, w, 2), b.list([1]));
  const before =
    past !== NO_VALUE
      ? past
      : b.op('Expand', [b.scalar(0, x), joined(b, b.op('Shape', [x], int('end', 2)), lead)]);
  const whole = b.op('Concat', [before, x], int('axis', 2));
  const plain = b.op('Conv', [whole, w, bias], int('group', channels));
  const activated = (attributeString(op, 'activation') ?? 'none') !== 'none';
  return [
    activated ? b.op('Mul', [plain, b.op('Sigmoid', [plain])]) : plain,
    b.op('Slice', [whole, sizeAt(b, x, 2), b.list([Number.MAX_SAFE_INTEGER]), b.list([2])]),
  ];
}
