// Flows as they go when all is well, several at once, of which any step may be missing, early, late or wrong in one
// thing: what reaches the depths of a node, where values wait, segments run and state is written.

import fc from 'fast-check';
import { encodeFrame, type Input, joinPieces, pieceBytes } from '../../runtime/index.ts';
import { DEPLOYMENT, f32 } from '../sim/programs.ts';

/** The host's answer to work that is under way: to the one it was asked for `which`-th. */
export interface Completion {
  readonly type: 'complete';
  readonly which: number;
  readonly how: (typeof ways)[number];
}
const ways = ['right', 'none', 'many', 'other', 'shared', 'large', 'wrong', 'failed', 'twice'] as const;

export interface Step {
  readonly waitNs: number;
  readonly input: Input | Completion;
}

interface Letter {
  readonly from: string;
  readonly counter: number;
  readonly fault: (typeof faults)[number];
  /** Where a fault has several forms. */
  readonly form: number;
}
const faults = [
  'none',
  'edge',
  'seat',
  'dims',
  'dtype',
  'payload',
  'missing',
  'trigger',
  'codec',
  'twice',
  'many',
  'sender',
  'incarnation',
  'counter',
  'initiator',
  'sequence',
  'cancel',
  'empty',
] as const;

interface Fill {
  edge: number;
  dtype?: number;
  dims?: number[];
  trigger?: boolean;
  codec?: number;
  seat?: number[];
  missing?: { reason: number; peer: string };
  payload?: Uint8Array;
}
const sizes = [0, 1, 2, 3, 4096, 2 ** 31, 2 ** 53 - 1];

/** The frame of a letter: right up to its envelope, and wrong in one thing there. */
function frameOf({ from, counter, fault, form }: Letter): Uint8Array {
  const value = (edge: number): Fill => ({
    edge,
    dtype: 1,
    dims: [2],
    payload: new Uint8Array(8).fill(form),
  });
  let fills: Fill[] = from === 'a' ? [value(0), { edge: 3, trigger: true }] : [value(1)];
  const [first] = fills as [Fill];
  const size = sizes[form % sizes.length]!;
  const init = { sender: from, incarnation: 1, initiator: 'a', flowIncarnation: 1, counter, sequence: 1 };
  if (fault === 'edge') first.edge = form % 3 === 0 ? size : form % 6;
  if (fault === 'seat') first.seat = form % 2 === 0 ? [0] : [form, size];
  if (fault === 'dims') first.dims = [[size], [], [2, 1], [size, size], Array(form).fill(1)][form % 5];
  if (fault === 'dtype') first.dtype = form % 30;
  if (fault === 'payload') first.payload = new Uint8Array(form * 7);
  if (fault === 'missing') [first.missing, first.payload] = [{ reason: form % 10, peer: from }, undefined];
  if (fault === 'trigger') first.trigger = true;
  if (fault === 'codec') first.codec = 1 + form;
  if (fault === 'twice') fills = [...fills, ...fills];
  if (fault === 'many') fills = Array.from({ length: 50 * form }, () => first);
  if (fault === 'empty') fills = [];
  if (fault === 'sender') init.sender = ['a', 'b', 'c/0', 'c/9', ''][form % 5]!;
  if (fault === 'incarnation') init[form % 2 === 0 ? 'incarnation' : 'flowIncarnation'] = size;
  if (fault === 'counter') init.counter = size;
  if (fault === 'initiator') init.initiator = ['b', 'c/0', 'z', ''][form % 4]!;
  if (fault === 'sequence') init.sequence = size;
  const { sender, incarnation, initiator, flowIncarnation, sequence } = init;
  const pieces = encodeFrame(
    {
      deployment: DEPLOYMENT,
      sender,
      incarnation,
      sequence,
      flow: { initiated: { initiator, incarnation: flowIncarnation, counter: init.counter } },
      fills: fills.map(({ payload: _, ...fill }) => fill),
      ...(fault === 'cancel' && { cancel: { why: 'x'.repeat(form * 100) } }),
    },
    fills.map(({ payload }) => payload),
  );
  const bytes = new Uint8Array(pieceBytes(pieces));
  joinPieces(pieces, bytes);
  return bytes;
}

type Part = 'a' | 'c/0' | 'c/1' | 'c/2' | 'supply' | 'complete';
const course: readonly Part[] = ['a', 'supply', 'c/0', 'c/1', 'c/2', 'complete', 'complete'];
const how = fc.oneof(
  { weight: 4, arbitrary: fc.constant('right' as const) },
  { weight: 1, arbitrary: fc.constantFrom(...ways) },
);
const detail = fc.record({
  fault: fc.oneof(
    { weight: 5, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...faults) },
  ),
  form: fc.nat(40),
  how,
  waitNs: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, 1e6, 1e9, 11e9, 21e9, 61e9) },
  ),
  owned: fc.boolean(),
});
type Detail = typeof detail extends fc.Arbitrary<infer Of> ? Of : never;
const flow = fc.record({
  counter: fc.integer({ min: 1, max: 8 }),
  parts: fc.oneof<fc.WeightedArbitrary<readonly Part[]>[]>(
    { weight: 3, arbitrary: fc.constant(course) },
    { weight: 1, arbitrary: fc.shuffledSubarray([...course], { minLength: 3 }) },
  ),
  details: fc.array(detail, { minLength: course.length, maxLength: course.length }),
});

function stepOf(part: Part, counter: number, more: Detail): Step {
  const { fault, form, how, waitNs, owned } = more;
  if (part === 'complete') return { waitNs, input: { type: 'complete', which: form, how } };
  if (part === 'supply') {
    const id = { kind: 'initiated', initiator: 'a', incarnation: 1, counter } as const;
    return { waitNs, input: { type: 'supply', flow: id, values: { bias: f32(1, 2) }, owned } };
  }
  const bytes = frameOf({ from: part, counter, fault, form });
  return { waitNs, input: { type: 'frame', from: part, bytes, owned } };
}

/** Several such flows at once, with `noise` between their steps. */
export const flows = (noise: fc.Arbitrary<Input>): fc.Arbitrary<readonly Step[]> =>
  fc
    .record({
      flows: fc.array(flow, { minLength: 1, maxLength: 6, size: 'max' }),
      picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 40, size: 'max' }),
      noise: fc.array(noise, { maxLength: 6 }),
    })
    .map(({ flows, picks, noise }) => {
      const queues = flows.map(({ counter, parts, details }) =>
        parts.map((part, at) => stepOf(part, counter, details[at]!)),
      );
      const steps: Step[] = [];
      for (let at = 0; queues.some((queue) => queue.length > 0); at++) {
        const open = queues.filter((queue) => queue.length > 0);
        steps.push(open[picks[at % picks.length]! % open.length]!.shift()!);
        const strange = at % 5 === 4 ? noise[(at - 4) / 5] : undefined;
        if (strange !== undefined) steps.push({ waitNs: 0, input: strange });
      }
      return steps;
    });
