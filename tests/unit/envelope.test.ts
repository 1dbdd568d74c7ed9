import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DataValue, tensorsOf } from '../../ir/data.ts';
import { decodeFrame, defaultLimits, encodeFrame, joinPieces, pieceBytes } from '../../runtime/index.ts';
import { decode, encode } from '../../runtime/proto/codec.ts';
import { isMissing } from '../../runtime/value.ts';
import { type EnvelopeInit, envelope, type FillInit, type PartInit } from '../../runtime/wire/envelope.ts';
import { type Decode, fillOf, valueOfFill } from '../../runtime/wire/fill.ts';
import { ALIGNMENT, type Payload, PREFIX_BYTES } from '../../runtime/wire/frame.ts';
import { EnvelopeSchema, FillSchema, PartSchema } from '../generated/envelope_pb.ts';

/** Every field of the envelope, reserved ones too, with a value that is not its default. */
const full = {
  deployment: 'deployment',
  sender: 'phone/3',
  incarnation: 7,
  sequence: 300,
  acknowledgements: [{ incarnation: 6, cumulative: 2 ** 40, selective: [5, 9, 300] }],
  flow: {
    initiated: { initiator: 'sérver', incarnation: 2, counter: 2 ** 53 - 1 },
    joint: undefined,
    under: ['head/1', 'phone/3'],
  },
  session: { initiated: undefined, joint: { class: 'workers', view: 4, n: 12 }, under: [] },
  step: 11,
  correlation: 99,
  remainingDeadlineNs: 0,
  rttReports: [{ peer: 'edge', smoothedNs: 40_000_000, variationNs: 5 }],
  cancel: { why: 'replaced', edges: [3, 4] },
  error: { code: 2, message: 'no such type', supported: [1, 2], edge: 0 },
  fills: [
    {
      edge: 0,
      component: undefined,
      seat: [0, 3],
      senderSeat: [1],
      typeHash: 2n ** 63n + 1n,
      dtype: 1,
      dims: [2, 0, 2 ** 33],
      codec: 3,
      trigger: true,
      missing: { reason: 2, peer: 'edge', edge: 0, detail: 'x'.repeat(200) },
      payloadOffset: 64,
      payloadLength: 2 ** 35,
      kind: 1,
      parts: [
        { kind: 0, dtype: 1, dims: [3, 2 ** 33], length: 2 ** 40, parts: [] },
        {
          kind: 2,
          dtype: 0,
          dims: [],
          length: 0,
          parts: [{ kind: 0, dtype: 7, dims: [], length: 8, parts: [] }],
        },
      ],
    },
    {
      edge: undefined,
      component: { component: 'dht', method: 'lookup' },
      seat: [],
      senderSeat: [],
      typeHash: 0n,
      dtype: 0,
      dims: [],
      codec: 0,
      trigger: false,
      missing: undefined,
      payloadOffset: 0,
      payloadLength: 0,
      kind: 0,
      parts: [],
    },
  ],
  trace: Uint8Array.from({ length: 25 }, (_, at) => at),
  link: {
    oldest: 298,
    windowBytes: 2 ** 33,
    probe: 4,
    echo: 2 ** 20,
    hello: {
      leastVersion: 0x100,
      mostVersion: 0x101,
      heard: 6,
      edges: [0, 300],
      edgeTypes: [1n, 2n ** 64n - 1n],
      messages: ['dht.lookup'],
      messageTypes: [7n],
    },
  },
};

const flowId = fc.oneof(
  fc.record({
    initiated: fc.record({ initiator: fc.string(), incarnation: fc.maxSafeNat(), counter: fc.maxSafeNat() }),
    under: fc.array(fc.string(), { maxLength: 3 }),
  }),
  fc.record({ joint: fc.record({ class: fc.string(), view: fc.maxSafeNat(), n: fc.maxSafeNat() }) }),
);
const { part } = fc.letrec<{ part: PartInit }>((tie) => ({
  part: fc.record({
    kind: fc.nat(5),
    dtype: fc.nat(30),
    dims: fc.array(fc.maxSafeNat(), { maxLength: 3 }),
    length: fc.maxSafeNat(),
    parts: fc.oneof({ maxDepth: 3 }, fc.constant([]), fc.array(tie('part'), { maxLength: 3 })),
  }),
}));
const someEnvelope: fc.Arbitrary<EnvelopeInit> = fc.record({
  deployment: fc.string(),
  sender: fc.string({ unit: 'grapheme' }),
  sequence: fc.maxSafeNat(),
  flow: flowId,
  session: flowId,
  remainingDeadlineNs: fc.maxSafeNat(),
  fills: fc.array(
    fc.record({
      edge: fc.nat(),
      dtype: fc.nat(30),
      dims: fc.array(fc.maxSafeNat(), { maxLength: 5 }),
      kind: fc.nat(5),
      parts: fc.array(part, { maxLength: 3 }),
    }),
  ),
});

const frameOf = (value: EnvelopeInit, payloads: readonly Payload[]): Uint8Array => {
  const pieces = encodeFrame(value, payloads);
  const bytes = new Uint8Array(pieceBytes(pieces));
  joinPieces(pieces, bytes);
  return bytes;
};

describe('the envelope', () => {
  test('every field round-trips, the reserved ones too', () => {
    expect(decode(envelope, encode(envelope, full))).toEqual(full);
  });

  test('is what envelope.proto says, in both directions', () => {
    const bytes = encode(envelope, full);
    const theirs = fromBinary(EnvelopeSchema, bytes);
    expect(theirs.$unknown).toBeUndefined();
    expect(theirs.fills[0]!.missing!.detail).toHaveLength(200);
    expect(theirs.session!.kind).toMatchObject({ case: 'joint', value: { class: 'workers', view: 4n } });
    expect(toBinary(EnvelopeSchema, theirs)).toEqual(bytes);
    expect(decode(envelope, toBinary(EnvelopeSchema, theirs))).toEqual(full);
    // Each field of the schema is in the table: a new one would come back as unknown or be lost.
    const names = (list: readonly { readonly name: string; readonly localName?: string }[]) =>
      list.map((field) => field.localName ?? field.name).sort();
    const fill = envelope.fields.find(({ name }) => name === 'fills')!.table!;
    const partTable = fill.fields.find(({ name }) => name === 'parts')!.table!;
    expect(names(envelope.fields)).toEqual(names(EnvelopeSchema.fields));
    expect(names(fill.fields)).toEqual(names(FillSchema.fields));
    expect(names(partTable.fields)).toEqual(names(PartSchema.fields));
  });

  test('random envelopes have the bytes of the generated messages', () => {
    fc.assert(
      fc.property(someEnvelope, (value) => {
        const bytes = encode(envelope, value);
        expect(toBinary(EnvelopeSchema, fromBinary(EnvelopeSchema, bytes))).toEqual(bytes);
        expect(encode(envelope, decode(envelope, bytes))).toEqual(bytes);
      }),
    );
  });

  test('a number of eight bytes may be what makes the memory grow that it is written to', () => {
    const long = { ...full.error, message: 'x'.repeat(2 ** 20) };
    for (let length = 230; length < 260; length++) {
      // Memory beyond 1 MiB is not kept: the next message begins with little.
      encode(envelope, { error: long });
      const fills = [{ missing: { reason: 2, peer: 'x'.repeat(length) } }, { edge: 1, typeHash: 2n ** 63n }];
      expect(decode(envelope, encode(envelope, { fills })).fills[1]!.typeHash).toBe(2n ** 63n);
    }
  });

  test('fields of a later version are passed over', () => {
    const bytes = encode(envelope, { sender: 'a' });
    const later = new Uint8Array([...bytes, 0xfa, 0x0f, 2, 1, 2, 0xf8, 0x0f, 1]);
    expect(decode(envelope, later).sender).toBe('a');
    expect(create(EnvelopeSchema).sender).toBe('');
  });
});

describe('the frame', () => {
  const payloads = [Uint8Array.of(1, 2, 3), new Uint8Array(130).fill(7)];
  const value = { sender: 'a', fills: [{ edge: 1 }, { edge: 2 }] };

  test('payloads are views at multiples of 64 bytes, and no byte is copied to send them', () => {
    const pieces = encodeFrame(value, payloads);
    expect(pieces).toContain(payloads[0]);
    expect(pieces).toContain(payloads[1]);
    const bytes = frameOf(value, payloads);
    const decoded = decodeFrame(bytes, defaultLimits);
    if (!decoded.ok) throw new Error(decoded.error.message);
    decoded.frame.payloads.forEach((payload, index) => {
      expect(payload).toEqual(payloads[index]);
      expect(payload.buffer).toBe(bytes.buffer);
      expect(payload.byteOffset % ALIGNMENT).toBe(0);
    });
  });

  test('the tensors of one value are views at multiples of 64 bytes, too', () => {
    const tensor = (...bytes: number[]): DataValue => ({
      dtype: 'uint8',
      dims: [bytes.length],
      bytes: Uint8Array.from(bytes),
    });
    const sent: DataValue = { kind: 'sequence', values: [tensor(1, 2), tensor(), tensor(3)] };
    const fills = [fillOf(1, sent, false), fillOf(2, tensor(9), false)];
    const bytes = frameOf({ sender: 'a', fills }, [
      tensorsOf(sent).map((one) => one.bytes),
      Uint8Array.of(9),
    ]);
    const decoded = decodeFrame(bytes, defaultLimits);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const { envelope: received, payloads } = decoded.frame;
    const values = received.fills.map((fill, at) => valueOfFill(fill, payloads[at]!, defaultLimits));
    expect(values).toEqual([
      { kind: 'value', value: sent },
      { kind: 'value', value: tensor(9) },
    ]);
    for (const one of values)
      if (one.kind === 'value' && !isMissing(one.value))
        for (const { bytes: view } of tensorsOf(one.value)) {
          expect(view.buffer).toBe(bytes.buffer);
          if (view.length > 0) expect(view.byteOffset % ALIGNMENT).toBe(0);
        }
  });

  test('what is encoded is read by its codec alone, and only if it comes to what the fill says', () => {
    const half = { dtype: 'float32', dims: [2], bytes: Uint8Array.of(1, 2, 3, 4) } as const;
    const encoded = (fill: FillInit) => decode(envelope, encode(envelope, { fills: [fill] })).fills;
    const [fill] = encoded(fillOf(1, half, false, true));
    const read = (by?: Decode) => valueOfFill(fill!, half.bytes, defaultLimits, by);
    const whole = { ...half, bytes: new Uint8Array(8) };
    expect(read()).toMatchObject({ kind: 'type' });
    expect(read(() => whole)).toEqual({ kind: 'value', value: whole });
    expect(read(() => 'broken')).toEqual({ kind: 'malformed', message: 'broken' });
    for (const other of [half, { ...whole, dims: [1, 2] }, { ...whole, dtype: 'int32' as const }])
      expect(read(() => other)).toMatchObject({ kind: 'malformed' });
    const [huge] = encoded({ ...fillOf(1, half, false, true), dims: [2 ** 30, 2 ** 30] });
    expect(valueOfFill(huge!, half.bytes, defaultLimits, () => whole)).toMatchObject({ kind: 'malformed' });
  });

  test('an unknown wire version is told apart from garbage', () => {
    const bytes = frameOf(value, payloads);
    bytes[4] = 9;
    expect(decodeFrame(bytes, defaultLimits)).toMatchObject({ ok: false, error: { kind: 'version' } });
    bytes[0] = 0;
    expect(decodeFrame(bytes, defaultLimits)).toMatchObject({ ok: false, error: { kind: 'malformed' } });
  });

  test('every cut of a frame is an error', () => {
    const bytes = frameOf(value, payloads);
    for (let length = 0; length < bytes.length; length++)
      expect(decodeFrame(bytes.subarray(0, length), defaultLimits).ok).toBe(false);
  });

  test('payloads that overlap or lie outside are refused', () => {
    const at = (payloadOffset: number, payloadLength: number) => ({ edge: 1, payloadOffset, payloadLength });
    const wrong = [[at(0, 3), at(0, 3)], [at(64, 500)], [at(1, 2)], [at(2 ** 52, 2 ** 52)]];
    for (const fills of wrong) {
      const body = encode(envelope, { fills });
      const bytes = frameOf({ fills: [{ edge: 1 }] }, [new Uint8Array(200)]);
      const head = PREFIX_BYTES + body.length <= ALIGNMENT ? ALIGNMENT : 2 * ALIGNMENT;
      const forged = new Uint8Array(head + 200);
      forged.set(bytes.subarray(0, PREFIX_BYTES));
      forged.set(body, PREFIX_BYTES);
      const view = new DataView(forged.buffer);
      view.setUint32(8, body.length, true);
      view.setUint32(12, head, true);
      view.setBigUint64(16, BigInt(forged.length), true);
      expect(decodeFrame(forged, defaultLimits)).toMatchObject({ error: { message: /outside/ } });
    }
  });

  test('random and mutated bytes give a frame or an error, never an exception', () => {
    const bytes = frameOf({ ...full, fills: value.fills }, payloads);
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const mutated = bytes.slice();
        for (const { at, to } of changes) mutated[at] = to;
        decodeFrame(mutated, defaultLimits);
      }),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (random) => {
        expect(decodeFrame(random, defaultLimits).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});
