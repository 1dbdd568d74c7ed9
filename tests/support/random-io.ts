// Random inputs and outputs of a node, of every kind.

import fc from 'fast-check';
import type { InitiatedFlowId, Input, Missing, NodeEvent, Output, Value } from '../../runtime/index.ts';
import { missingReasons } from '../../runtime/index.ts';
import { someValue } from './random-values.ts';

const text = fc.oneof(
  fc.constantFrom('', 'main', 'phone/3', '__proto__', 'constructor'),
  fc.string({ unit: 'binary' }),
);
const natural = fc.oneof(fc.nat(300), fc.maxSafeNat());
const bytes = fc.uint8Array({ maxLength: 40 });
const flag = fc.boolean();

export const someFlowId: fc.Arbitrary<InitiatedFlowId> = fc.record({
  kind: fc.constant('initiated' as const),
  initiator: text,
  incarnation: natural,
  counter: natural,
});
const missing: fc.Arbitrary<Missing> = fc.record(
  { reason: fc.constantFrom(...missingReasons), peer: text, edge: fc.nat(9), detail: text },
  { requiredKeys: ['reason', 'peer'] },
);
const value: fc.Arbitrary<Value> = fc.oneof(someValue, missing);
const values = fc.dictionary(text, value, { maxKeys: 3 });
const notFinite = fc.record(
  { value: text, op: text, at: text, input: text, inputIndex: fc.nat(3) },
  { requiredKeys: ['value'] },
);

export const someInput: fc.Arbitrary<Input> = fc.oneof(
  fc.record(
    { type: fc.constant('frame' as const), from: text, bytes, vouched: flag, owned: flag },
    { requiredKeys: ['type', 'from', 'bytes'] },
  ),
  fc.record(
    {
      type: fc.constant('invoke' as const),
      entry: text,
      values,
      request: natural,
      flows: natural,
      step: natural,
      arguments: values,
      owned: flag,
    },
    { requiredKeys: ['type', 'entry', 'values'] },
  ),
  fc.record(
    { type: fc.constant('supply' as const), flow: someFlowId, values, owned: flag },
    { requiredKeys: ['type', 'flow', 'values'] },
  ),
  fc.record({ type: fc.constant('restore' as const), state: values }),
  fc.record(
    { type: fc.constant('policy' as const), block: fc.array(text), allow: fc.array(text) },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    {
      type: fc.constant('done' as const),
      work: natural,
      outputs: fc.array(someValue, { maxLength: 3 }),
      suspect: notFinite,
    },
    { requiredKeys: ['type', 'work', 'outputs'] },
  ),
  fc.record(
    { type: fc.constant('failed' as const), work: natural, message: text, notFinite },
    { requiredKeys: ['type', 'work', 'message'] },
  ),
  fc.record(
    { type: fc.constant('cancel' as const), flow: someFlowId, why: text },
    { requiredKeys: ['type', 'flow'] },
  ),
  fc.record({ type: fc.constantFrom('lost' as const, 'found' as const), peer: text }),
  fc.record({ type: fc.constant('shutdown' as const) }),
);

const event: fc.Arbitrary<NodeEvent> = fc.oneof(
  fc.record(
    { kind: fc.constant('flow-started' as const), flow: someFlowId, session: someFlowId, step: natural },
    { requiredKeys: ['kind', 'flow'] },
  ),
  fc.record({ kind: fc.constant('output' as const), flow: someFlowId, name: text, value }),
  fc.record({
    kind: fc.constant('flow-ended' as const),
    flow: someFlowId,
    status: fc.constantFrom('complete' as const, 'partial' as const, 'failed' as const),
    causes: fc.array(fc.record({ value: text, missing, deadlineNs: natural }), { maxLength: 2 }),
    ops: natural,
  }),
  fc.record({ kind: fc.constant('peer-error' as const), from: text, code: natural, message: text }),
);

const inputs = fc.array(someValue, { maxLength: 3 });
const transfer = fc.array(
  bytes.map(({ buffer }) => buffer as ArrayBuffer),
  { maxLength: 1 },
);
export const someOutput: fc.Arbitrary<Output> = fc.oneof(
  fc.record(
    {
      type: fc.constant('send' as const),
      to: text,
      pieces: fc.array(bytes, { maxLength: 3 }),
      flow: someFlowId,
      envelope: natural,
    },
    { requiredKeys: ['type', 'to', 'pieces'] },
  ),
  fc.record({
    type: fc.constant('work' as const),
    work: natural,
    flow: someFlowId,
    segment: text,
    inputs,
    transfer,
  }),
  fc.record({
    type: fc.constant('call' as const),
    work: natural,
    flow: someFlowId,
    component: text,
    method: text,
    options: fc.dictionary(text, text, { maxKeys: 2 }),
    inputs,
    results: fc.constant([{ name: 'x', dtype: 'float32' as const, shape: ['N', 3] }]),
    transfer,
  }),
  fc.record({
    type: fc.constant('release' as const),
    buffer: bytes.map(({ buffer }) => buffer as ArrayBuffer),
  }),
  fc.record({ type: fc.constant('event' as const), event }),
  fc.record({ type: fc.constant('idle' as const), until: fc.option(natural, { nil: undefined }) }),
);
