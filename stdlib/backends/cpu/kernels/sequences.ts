// Sequences and optionals.

import { Invalid, type OpContext, Unsupported, valueKernels } from '../kernel.ts';
import { axisOf, numbersOf } from '../loops/shape.ts';
import { fill, int64s, type NdArray, type Sequence, type Value } from '../value.ts';
import { stacked } from './control.ts';
import { concatenated, reshaped, sliced } from './movement.ts';

function tensorOf(value: Value | undefined): NdArray {
  if (value?.kind !== 'tensor') throw new Unsupported(value?.kind ?? 'a missing input');
  return value;
}

function itemsOf(value: Value | undefined): readonly Value[] {
  // ONNX lets an optional stand for the sequence in it.
  const held = value?.kind === 'optional' ? value.value : value;
  if (held?.kind !== 'sequence') throw new Unsupported(held?.kind ?? 'a missing input');
  return held.items;
}
const sequence = (items: readonly Value[]): Sequence => ({ kind: 'sequence', items });

/** A position of `count` ones, counted from the back where negative. */
function positionOf(given: Value | undefined, count: number, fallback: number): number {
  if (given === undefined) return fallback;
  const at = Number(tensorOf(given).data[0]);
  const found = at < 0 ? at + count : at;
  if (!(found >= 0 && found < Math.max(count, 1))) throw new Invalid(`position ${at} of ${count}`);
  return found;
}

function insert(_: OpContext, list: Value | undefined, item: Value | undefined, at?: Value): Sequence {
  const items = itemsOf(list);
  // The position after the last is one to insert at, and is not counted from the back.
  const given = at === undefined ? items.length : Number(tensorOf(at).data[0]);
  const position = given < 0 ? given + items.length : given;
  if (!(position >= 0 && position <= items.length)) throw new Invalid(`position ${given} of ${items.length}`);
  return sequence(items.toSpliced(position, 0, tensorOf(item)));
}

function at(_: OpContext, list: Value | undefined, position: Value | undefined): Value {
  const items = itemsOf(list);
  const found = items[positionOf(position, items.length, 0)];
  if (found === undefined) throw new Invalid('the sequence is empty');
  return found;
}

function splitToSequence(op: OpContext, input: Value | undefined, given?: Value): Sequence {
  const x = tensorOf(input);
  const axis = axisOf(op.int('axis', 0), x.dims.length);
  const size = x.dims[axis]!;
  const part = (start: number, count: number): NdArray => sliced(x, [{ axis, start, count, step: 1 }]);
  if (given === undefined) {
    const kept = op.int('keepdims', 1) === 1;
    return sequence(
      Array.from({ length: size }, (_, index) =>
        kept
          ? part(index, 1)
          : reshaped(
              part(index, 1),
              x.dims.filter((_, other) => other !== axis),
            ),
      ),
    );
  }
  const split = tensorOf(given);
  const [each] = numbersOf(split);
  const sizes =
    split.dims.length === 0
      ? Array.from({ length: Math.ceil(size / each!) }, (_, index) => Math.min(each!, size - index * each!))
      : numbersOf(split);
  let start = 0;
  return sequence(
    sizes.map((count) => {
      start += count;
      return part(start - count, count);
    }),
  );
}

function concatFromSequence(op: OpContext, list: Value | undefined): NdArray {
  const parts = itemsOf(list).map(tensorOf);
  if (parts.length === 0) throw new Invalid('the sequence is empty');
  const rank = parts[0]!.dims.length;
  return op.int('new_axis', 0) === 1
    ? stacked(parts, axisOf(op.int('axis', 0), rank + 1))
    : concatenated(parts, axisOf(op.int('axis', 0), rank));
}

function optionalElement(_: OpContext, input: Value | undefined): Value {
  const held = input?.kind === 'optional' ? input.value : input;
  if (held === undefined) throw new Invalid('the optional is empty');
  return held;
}

/** Runs the body once for each item of the first input; other sequences give their items, tensors go in whole. */
function sequenceMap(op: OpContext, ...inputs: readonly (Value | undefined)[]): readonly Sequence[] {
  const count = itemsOf(inputs[0]).length;
  const rows = Array.from({ length: count }, (_, index) =>
    op.body(
      'body',
      inputs.map((input) => (input?.kind === 'sequence' ? input.items[index] : input)),
    ),
  );
  return Array.from({ length: op.outputs }, (_, output) => sequence(rows.map((row) => row[output]!)));
}

export const sequences = valueKernels('', {
  SequenceConstruct: (_, ...items) => sequence(items.map(tensorOf)),
  SequenceEmpty: () => sequence([]),
  SequenceAt: at,
  SequenceInsert: insert,
  SequenceErase(_, list, position) {
    const items = itemsOf(list);
    return sequence(items.toSpliced(positionOf(position, items.length, items.length - 1), 1));
  },
  SequenceLength: (_, list) => int64s([itemsOf(list).length], []),
  SplitToSequence: splitToSequence,
  ConcatFromSequence: concatFromSequence,
  SequenceMap: sequenceMap,
  Optional: (_, value) => ({ kind: 'optional', value }),
  OptionalHasElement: (_, value) =>
    fill('bool', [], value !== undefined && (value.kind !== 'optional' || value.value !== undefined) ? 1 : 0),
  OptionalGetElement: optionalElement,
});
