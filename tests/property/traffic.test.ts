// The plan's figures of a message against frames as the runtime makes them: payload to the byte, headers within the bound.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Edge, elementCount, trafficOf } from '../../ir/index.ts';
import { encodeFrame, pieceBytes, type Value } from '../../runtime/index.ts';
import { fillOf } from '../../runtime/wire/fill.ts';
import { payloadBytes } from '../../runtime/wire/frame.ts';

const MOST = Number.MAX_SAFE_INTEGER;
const peer = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const dim = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('N', null));
const number = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(MOST));

const field = fc.record({
  id: fc.oneof(fc.nat(300), fc.constant(2 ** 32 - 1)),
  shape: fc.array(dim, { maxLength: 4 }),
  dtype: fc.constantFrom('float32', 'int64', 'bool', 'bfloat16', 'uint4'),
  /** Of what is open. */
  size: fc.integer({ min: 0, max: 9 }),
  state: fc.constantFrom('there', 'there', 'declined', 'trigger'),
});

test('a frame has the payload of its plan, and a header within the bound', () => {
  fc.assert(
    fc.property(
      fc.array(field, { minLength: 1, maxLength: 6 }),
      fc.array(peer, { minLength: 2, maxLength: 2 }),
      fc.tuple(number, number, number, number),
      (fields, [a, b], [incarnation, sequence, counter, step]) => {
        const edges = fields.map(
          ({ id, shape, dtype, state }): Edge => ({
            id,
            value: 'x',
            kind: state === 'trigger' ? 'trigger' : 'send',
            from: { class: 'a', binder: 'single' },
            to: { class: 'b', binder: 'single' },
            dtype: dtype as Edge['dtype'],
            shape,
            bytes: null,
            codec: 'raw',
            envelope: 0,
            deadlineNs: 0,
          }),
        );
        const members = { a: [a!], b: [b!] };
        const [planned] = trafficOf(edges, members, () => false).messages;
        const values = fields.map(({ shape, dtype, size, state }): Value => {
          if (state === 'declined') return { reason: 'declined', peer: b! };
          const dims = shape.map((one) => (typeof one === 'number' ? one : size));
          const bits = { float32: 32, int64: 64, bool: 8, bfloat16: 16, uint4: 4 }[dtype]!;
          const bytes = new Uint8Array(Math.ceil((elementCount(dims)! * bits) / 8));
          return { dtype, dims, bytes } as Value;
        });
        const flow = { initiated: { initiator: b!, incarnation, counter } };
        const pieces = encodeFrame(
          {
            deployment: '0'.repeat(64),
            sender: a!,
            incarnation,
            sequence,
            flow,
            session: flow,
            step,
            fills: values.map((value, at) => fillOf(edges[at]!.id, value, edges[at]!.kind === 'trigger')),
          },
          values.map((value, at) =>
            'bytes' in value && edges[at]!.kind !== 'trigger' ? value.bytes : undefined,
          ),
        );
        const payload = payloadBytes(pieces);
        const exact = fields.every(({ state }) => state !== 'declined');
        if (typeof planned!.payloadBytes === 'number' && exact) expect(payload).toBe(planned!.payloadBytes);
        expect(pieceBytes(pieces) - payload).toBeLessThanOrEqual(planned!.headerBytes!);
      },
    ),
    { numRuns: 500 },
  );
});
