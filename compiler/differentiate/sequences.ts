// Sequences whose parts are known: what is taken from one, or made of it, is said of the parts themselves.

import { attributeInt, type ModelEditor, NO_VALUE, type Op, type ValueId } from '../../ir/index.ts';
import { type Builder, int } from './builder.ts';

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
