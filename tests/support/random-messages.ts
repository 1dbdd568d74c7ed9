// Random protobuf messages of any schema: every field may be there or not, unknown fields included.

import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';

// Few names, so that definitions and uses meet, and odd ones.
const text = fc.constantFrom(
  '',
  'a',
  'b',
  'x',
  'y',
  'ai.onnx',
  'ai.onnx.ml',
  'Größe',
  'a:0',
  'location',
  '7',
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.uint8Array({ minLength: 65, maxLength: 100 }),
  fc.constant(new Uint8Array(0)),
);
const unknown = fc.record({
  no: fc.integer({ min: 1000, max: 1020 }),
  wireType: fc.constant(2),
  data: fc.uint8Array({ maxLength: 5 }).map((data) => Uint8Array.from([data.length, ...data])),
});

/** Largest nesting; deeper messages are left out. */
const DEPTH = 6;

export function message(schema: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.fields) {
    if (field.oneof !== undefined) continue;
    const value = fieldValue(field, depth);
    if (value !== undefined) members[field.localName] = fc.option(value, { nil: undefined, freq: 2 });
  }
  for (const oneof of schema.oneofs) {
    const cases = oneof.fields.flatMap((field) => {
      const value = fieldValue(field, depth);
      return value === undefined ? [] : [value.map((one) => ({ case: field.localName, value: one }))];
    });
    if (cases.length > 0) members[oneof.localName] = fc.option(fc.oneof(...cases), { nil: undefined });
  }
  return fc
    .record({ fields: fc.record(members), unknown: fc.array(unknown, { maxLength: 2 }), odd: fc.nat(9) })
    .map(({ fields, unknown, odd }) => {
      const made = create(schema, fields as never) as Message;
      if (odd === 0 && unknown.length > 0) made.$unknown = unknown;
      return made;
    });
}

function fieldValue(field: DescField, depth: number): fc.Arbitrary<unknown> | undefined {
  const single = singleValue(field, depth);
  if (single === undefined || field.fieldKind !== 'list') return single;
  return fc.array(single, { maxLength: depth < 3 ? 4 : 2 });
}

function singleValue(field: DescField, depth: number): fc.Arbitrary<unknown> | undefined {
  if (field.message !== undefined) {
    if (depth >= DEPTH) return undefined;
    const { message: schema } = field;
    return fc.constant(undefined).chain(() => message(schema, depth + 1));
  }
  if (field.enum !== undefined) {
    // Data in other files needs those files; that has tests of its own.
    const values = field.enum.values.filter(({ name }) => name !== 'EXTERNAL').map(({ number }) => number);
    return fc.constantFrom(...values);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BYTES:
      return bytes;
    case ScalarType.INT64:
      return fc.oneof(
        fc.bigInt({ min: -3n, max: 30n }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      );
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case ScalarType.FLOAT:
      return fc.oneof(fc.float(), fc.constantFrom(Number.NaN, -0, Number.POSITIVE_INFINITY));
    case ScalarType.DOUBLE:
      return fc.double();
    default:
      return fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer());
  }
}
