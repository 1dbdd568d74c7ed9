// Sequences whose parts are known: what is taken from one, or made of it, is said of the parts themselves. What is done to
// each part, and a loop that carries sequences for so many steps as are known, is written out.

import { Copier } from '../../ir/copy.ts';
import {
  attributeInt,
  capturesOf,
  findAttribute,
  type Graph,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type ValueId,
} from '../../ir/index.ts';
import { constantOf, readWeight } from '../../ir/onnx/index.ts';
import { type Builder, int } from './builder.ts';

/** Steps of a loop that are written out at most. */
const MOST_STEPS = 1000;

/** The parts of a sequence, if it is known how they were put together. */
function partsOf(editor: ModelEditor, b: Builder, id: ValueId): readonly ValueId[] | undefined {
  const { def } = editor.value(id);
  const op = def.kind === 'op' ? editor.op(def.op) : undefined;
  if (op?.domain !== '') return undefined;
  const [sequence, second, third] = op.inputs as ValueId[];
  const inner = (): ValueId[] | undefined => partsOf(editor, b, sequence!)?.slice();
  const placed = (given: ValueId | undefined, last: number): number | undefined => {
    if (!given) return last;
    const at = b.numbers(given)?.[0];
    return at === undefined || at >= 0 ? at : at + last + (op.type === 'SequenceInsert' ? 0 : 1);
  };
  switch (op.type) {
    case 'SequenceConstruct':
      return op.inputs;
    case 'SequenceEmpty':
      return [];
    case 'Identity':
    case 'Optional':
    case 'OptionalGetElement':
      return inner();
    case 'SequenceInsert': {
      const parts = inner();
      const at = parts && placed(third, parts.length);
      return at === undefined ? undefined : parts!.toSpliced(at, 0, second!);
    }
    case 'SequenceErase': {
      const parts = inner();
      const at = parts && placed(second, parts.length - 1);
      return at === undefined ? undefined : parts!.toSpliced(at, 1);
    }
    default:
      return undefined;
  }
}

/** Pieces of a tensor along an axis, if it is known how many. */
function piecesOf(b: Builder, op: Op): readonly ValueId[] | undefined {
  const [input, split] = op.inputs as [ValueId, ValueId | undefined];
  const rank = b.rank(input);
  const given = attributeInt(op, 'axis', 0);
  const axis = given < 0 ? given + rank : given;
  const size = b.dims(input)[axis];
  const listed = split ? b.numbers(split) : [1];
  if (listed === undefined) return undefined;
  const type = split && b.typeOf(split);
  const isList = type?.kind === 'tensor' && type.dims?.length === 1;
  let sizes = listed;
  if (!isList) {
    if (typeof size !== 'number') return undefined;
    const each = listed[0]!;
    sizes = Array.from({ length: Math.ceil(size / each) }, (_, at) => Math.min(each, size - at * each));
  }
  const parts =
    sizes.length === 1 ? [input] : b.ops('Split', [input, b.list(sizes)], sizes.length, int('axis', axis));
  if (split || attributeInt(op, 'keepdims', 1) !== 0) return parts;
  return parts.map((part) => b.op('Squeeze', [part, b.list([axis])]));
}

/** The op's results in terms of parts; undefined if the parts are not known. */
export function expandSequence(editor: ModelEditor, b: Builder, op: Op): readonly ValueId[] | undefined {
  if (op.type === 'SplitToSequence') {
    const pieces = piecesOf(b, op);
    return pieces && [b.op('SequenceConstruct', pieces)];
  }
  if (op.type === 'SequenceMap') return mapped(editor, b, op);
  if (op.type === 'Loop') return unrolled(editor, b, op);
  if (op.type === 'OptionalGetElement') {
    const { def } = editor.value(op.inputs[0]!);
    const source = def.kind === 'op' ? editor.op(def.op) : undefined;
    const held = source?.domain === '' && source.type === 'Optional' ? source.inputs[0] : undefined;
    if (held) return [held];
    return b.typeOf(op.inputs[0]!)?.kind === 'optional' ? undefined : [op.inputs[0]!];
  }
  const parts = partsOf(editor, b, op.inputs[0]!);
  if (parts === undefined) return undefined;
  if (op.type === 'ConcatFromSequence') {
    const axis = attributeInt(op, 'axis', 0);
    const joined =
      attributeInt(op, 'new_axis', 0) === 0
        ? parts
        : parts.map((part) => b.op('Unsqueeze', [part, b.list([axis])]));
    return [b.op('Concat', joined, int('axis', axis))];
  }
  const at = b.numbers(op.inputs[1] ?? NO_VALUE)?.[0];
  const part = at === undefined ? undefined : parts.at(at);
  return part === undefined ? undefined : [part];
}

/** The content of a body once more, where the op is, with these inputs: its outputs. */
function inline(editor: ModelEditor, b: Builder, op: Op, body: Graph, inputs: readonly ValueId[]): ValueId[] {
  const outside = capturesOf(editor, op).map((one) => [one, one] as const);
  const copier = new Copier(editor, editor, outside, (name) => b.unique(name));
  body.inputs.forEach((input, at) => {
    copier.bind(input, inputs[at]!);
  });
  for (const one of body.initializers) copier.bind(one, b.constant(readWeight(editor.value(one).weight!)));
  for (const one of body.ops) b.copy(copier, one);
  return body.outputs.map((one) => copier.value(one));
}

const bodyOf = (editor: ModelEditor, op: Op): Graph | undefined => {
  const attribute = findAttribute(op, 'body');
  return attribute?.kind === 'graph' ? editor.graph(attribute.value) : undefined;
};

/** A body for each part of the first input; other inputs are sequences as long, or tensors for all. */
function mapped(editor: ModelEditor, b: Builder, op: Op): readonly ValueId[] | undefined {
  const body = bodyOf(editor, op);
  const lists = op.inputs.map((one) =>
    b.typeOf(one)?.kind === 'sequence' ? (partsOf(editor, b, one) ?? []) : undefined,
  );
  const count = lists[0]?.length ?? 0;
  const isKnown = lists.every((list) => list === undefined || list.length === count);
  // Of no parts, the results have none of which the type is known.
  if (body === undefined || count === 0 || !isKnown) return undefined;
  const results = Array.from({ length: count }, (_, at) =>
    inline(
      editor,
      b,
      op,
      body,
      op.inputs.map((one, input) => lists[input]?.[at] ?? one),
    ),
  );
  return op.outputs.map((_, output) =>
    b.op(
      'SequenceConstruct',
      results.map((one) => one[output]!),
    ),
  );
}

/** Whether a loop carries a sequence: its gradient's loop could not keep those of each step. */
export const carriesSequences = (model: Pick<ModelEditor, 'value'>, op: Op): boolean =>
  op.type === 'Loop' && op.inputs.slice(2).some((one) => model.value(one).type?.kind === 'sequence');

/** A loop without a condition, for a number of steps that is known. */
function unrolled(editor: ModelEditor, b: Builder, op: Op): readonly ValueId[] | undefined {
  const body = bodyOf(editor, op);
  const [trips, given] = op.inputs as [ValueId, ValueId];
  const count = trips === NO_VALUE ? undefined : b.numbers(trips)?.[0];
  if (body === undefined || count === undefined || count > MOST_STEPS) return undefined;
  if (!(given === NO_VALUE || isTrue(editor, given)) || !goesOn(editor, body)) return undefined;
  const always = b.constant({ dtype: 'bool', dims: [], bytes: Uint8Array.of(1) });
  let states: readonly ValueId[] = op.inputs.slice(2);
  const scans: ValueId[][] = body.outputs.slice(1 + states.length).map(() => []);
  for (let step = 0; step < count; step++) {
    const [, ...results] = inline(editor, b, op, body, [b.scalarOf(step, 'int64'), always, ...states]);
    states = results.slice(0, states.length);
    for (const [at, one] of results.slice(states.length).entries()) scans[at]!.push(one);
  }
  // Nobody knows what slices there would have been.
  if (count < 1 && scans.length > 0) return undefined;
  return [
    ...states,
    ...scans.map((slices) =>
      b.op(
        'Concat',
        slices.map((one) => b.op('Unsqueeze', [one, b.list([0])])),
        int('axis', 0),
      ),
    ),
  ];
}

function isTrue(editor: ModelEditor, id: ValueId): boolean {
  const { def, weight } = editor.value(id);
  const source = def.kind === 'op' ? editor.op(def.op) : undefined;
  const held = def.kind === 'initializer' ? weight : source && constantOf(source);
  return held !== undefined && readWeight(held).bytes[0] === 1;
}

/** Whether the body always asks for another step: it hands on the condition that it is given, or says so. */
function goesOn(editor: ModelEditor, body: Graph): boolean {
  let [at] = body.outputs as [ValueId];
  for (;;) {
    if (at === body.inputs[1] || isTrue(editor, at)) return true;
    const { def } = editor.value(at);
    const source = def.kind === 'op' ? editor.op(def.op) : undefined;
    if (source?.domain !== '' || source.type !== 'Identity') return false;
    at = source.inputs[0]!;
  }
}
