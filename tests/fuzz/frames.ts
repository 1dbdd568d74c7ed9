// Frames as an attacker would make them: valid ones changed field by field, envelopes of any content, wrong
// lengths, rubbish.

import fc from 'fast-check';
import { isTensor, tensorsOf } from '../../ir/data.ts';
import { encodeFrame, joinPieces, pieceBytes } from '../../runtime/index.ts';
import type { EnvelopeInit, PartInit } from '../../runtime/wire/envelope.ts';
import { fillOf } from '../../runtime/wire/fill.ts';
import { PREFIX_BYTES } from '../../runtime/wire/frame.ts';
import { EnvelopeSchema } from '../generated/envelope_pb.ts';
import { DEPLOYMENT } from '../sim/programs.ts';
import { someValue } from '../support/random-values.ts';
import { recordedFrames } from './deployment.ts';
import { byteChange, changed, changedBytes, parseWire, wireChange, writeWire } from './wire-tree.ts';

export const peerId = fc.constantFrom('a', 'b', 'c/0', 'c/1', 'z', '', '__proto__');
const small = fc.nat(5);
const large = fc.oneof({ weight: 5, arbitrary: small }, { weight: 1, arbitrary: fc.maxSafeNat() });
const flowId = fc.record({
  initiated: fc.record({
    initiator: fc.oneof({ weight: 6, arbitrary: fc.constant('a') }, { weight: 1, arbitrary: peerId }),
    incarnation: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: large }),
    counter: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 8 }) },
      { weight: 1, arbitrary: fc.maxSafeNat() },
    ),
  }),
});
const longText = fc.oneof(
  { weight: 8, arbitrary: fc.string({ maxLength: 10, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 200_000 }).map((count) => 'x'.repeat(count)) },
);
/** Of what is no tensor; some as they should be. */
const { part } = fc.letrec<{ part: PartInit }>((tie) => ({
  part: fc.record(
    {
      kind: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, 1, 2, 3) }, { weight: 1, arbitrary: small }),
      dtype: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(1, 7) }, { weight: 1, arbitrary: fc.nat(30) }),
      dims: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom([], [1], [2]) },
        { weight: 1, arbitrary: fc.array(large, { maxLength: 70, size: '+1' }) },
      ),
      length: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, 4, 8) }, { weight: 1, arbitrary: large }),
      parts: fc.oneof(
        { maxDepth: 3 },
        fc.constant([]),
        fc.array(tie('part'), { maxLength: 3 }),
        fc.integer({ min: 1, max: 40 }).map(nestedParts),
      ),
    },
    { requiredKeys: ['kind'] },
  ),
}));
/** An optional value in one in one … */
function nestedParts(depth: number): PartInit[] {
  let inner: PartInit = { dtype: 1, dims: [], length: 4 };
  for (let level = 0; level < depth; level++) inner = { kind: 2, parts: [inner] };
  return [inner];
}
const fill = fc.record(
  {
    edge: fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: large }),
    dtype: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(30) }),
    dims: fc.oneof(
      { weight: 4, arbitrary: fc.constant([2]) },
      { weight: 1, arbitrary: fc.array(large, { maxLength: 70, size: '+1' }) },
    ),
    trigger: fc.boolean(),
    kind: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(1, 2, 3) }, { weight: 1, arbitrary: small }),
    parts: fc.array(part, { maxLength: 4 }),
    codec: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: small }),
    seat: fc.oneof(
      { weight: 9, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(large, { maxLength: 3 }) },
    ),
    missing: fc.record({ reason: fc.nat(9), peer: longText, detail: longText, edge: large }),
  },
  { requiredKeys: ['edge', 'dtype', 'dims'] },
);
const envelope: fc.Arbitrary<EnvelopeInit> = fc.record(
  {
    deployment: fc.oneof(
      { weight: 12, arbitrary: fc.constant(DEPLOYMENT) },
      { weight: 1, arbitrary: longText },
    ),
    sender: fc.oneof(
      { weight: 6, arbitrary: fc.constant('a') },
      { weight: 2, arbitrary: peerId },
      { weight: 1, arbitrary: longText },
    ),
    incarnation: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: large }),
    flow: flowId,
    sequence: large,
    cancel: fc.record({ why: longText }),
    error: fc.record({ code: large, message: longText, supported: fc.array(large, { maxLength: 3 }) }),
    fills: fc.array(fill, { maxLength: 4 }),
  },
  { requiredKeys: ['deployment', 'sender', 'incarnation', 'flow', 'fills'] },
);

const joined = (pieces: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(pieceBytes(pieces));
  joinPieces(pieces, bytes);
  return bytes;
};

/** The bytes of an envelope as a frame whose lengths are right, whatever the envelope is. */
function framed(body: Uint8Array, payload: Uint8Array): Uint8Array {
  const head = Math.ceil((PREFIX_BYTES + body.length) / 64) * 64;
  const bytes = new Uint8Array(head + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from('bbwf'));
  view.setUint16(4, 1, true);
  view.setUint32(8, body.length, true);
  view.setUint32(12, head, true);
  view.setUint32(16, bytes.length, true);
  bytes.set(body, PREFIX_BYTES);
  bytes.set(payload, head);
  return bytes;
}

/** What is no tensor, as it would be sent. */
const containers = fc.sample(someValue, { seed: 1, numRuns: 200 }).flatMap((value, at) => {
  if (isTensor(value)) return [];
  const flow = { initiated: { initiator: 'a', incarnation: 1, counter: 1 + (at % 8) } };
  const fills = [fillOf(at % 4, value, false)];
  const head = { deployment: DEPLOYMENT, sender: 'a', incarnation: 1, flow, fills };
  return [{ from: 'a', bytes: joined(encodeFrame(head, [tensorsOf(value).map(({ bytes }) => bytes)])) }];
});
const recorded = [...recordedFrames(), ...containers.slice(0, 40)];
const trees = recorded.map(({ bytes }) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = view.getUint32(8, true);
  return {
    tree: parseWire(EnvelopeSchema, bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length)),
    payload: bytes.subarray(view.getUint32(12, true)),
  };
});
const which = fc.nat(recorded.length - 1);

const payload = fc.oneof(fc.constant(new Uint8Array(8)), fc.uint8Array({ maxLength: 200, size: '+1' }));
const made = fc
  .record({ envelope, payloads: fc.array(payload, { maxLength: 4 }) })
  .map(({ envelope: one, payloads }) => {
    const { fills = [] } = one;
    return joined(
      encodeFrame(
        one,
        fills.map((_, at) => payloads[at] ?? new Uint8Array(8)),
      ),
    );
  });
const mutated = fc
  .record({ which, donor: which, changes: fc.array(wireChange, { maxLength: 5 }) })
  .map(({ which: at, donor, changes }) =>
    framed(writeWire(changed(trees[at]!.tree, trees[donor]!.tree, changes)), trees[at]!.payload),
  );
const broken = fc
  .record({
    base: fc.oneof(
      which.map((at) => recorded[at]!.bytes),
      made,
    ),
    changes: fc.array(byteChange, { minLength: 1, maxLength: 5 }),
  })
  .map(({ base, changes }) => changedBytes(base, changes, base));
/** A few bytes in the envelope for each object in memory. */
const flood = fc
  .record({
    field: fc.constantFrom(3, 5, 6, 11, 13, 14, 15, 1000),
    inner: fc.constantFrom([], [0x0a, 0], [0x1a, 3, 1, 1, 1], [0x3a, 3, 1, 1, 1]),
    n: fc.oneof({ weight: 20, arbitrary: fc.nat(5000) }, { weight: 1, arbitrary: fc.constant(170_000) }),
  })
  .map(({ field, inner, n }) => {
    const tag = field < 16 ? [field * 8 + 2] : [((field * 8 + 2) & 127) | 128, (field * 8 + 2) >> 7];
    const one = Uint8Array.from([...tag, inner.length, ...inner]);
    const body = new Uint8Array(one.length * n);
    for (let at = 0; at < n; at++) body.set(one, at * one.length);
    return framed(body, new Uint8Array(0));
  });

/** Any bytes, most of which get far. */
export const frameBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 120, arbitrary: made },
  { weight: 120, arbitrary: mutated },
  { weight: 50, arbitrary: broken },
  { weight: 40, arbitrary: which.map((at) => recorded[at]!.bytes) },
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 200, size: '+1' }) },
  { weight: 2, arbitrary: flood },
);
