// A node's boundary: any sequence of inputs, from peers and from a careless host. It never throws, says idle in
// the end, and holds no more than its limits.

import fc from 'fast-check';
import type { Tensor } from '../../../ir/index.ts';
import {
  defaultLimits,
  type InitiatedFlowId,
  type Input,
  Node,
  type Output,
  type Values,
} from '../../../runtime/index.ts';
import { f32 } from '../../sim/programs.ts';
import { programB, recordedFrames } from '../deployment.ts';
import { type Completion, flows, type Step } from '../flows.ts';
import { frameBytes, peerId } from '../frames.ts';
import { target } from '../harness.ts';

const limits = {
  ...defaultLimits,
  flows: 4,
  bytes: 4096,
  frameBytes: 2 ** 20,
  endedFlows: 8,
  dropEvents: 5,
  workNs: 60e9,
};
const recorded = recordedFrames().filter(({ bytes }) => bytes.length > 0);

const number = fc.oneof(
  fc.nat(5),
  fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300),
);
/** What TypeScript would refuse and JavaScript does not. */
const wrong = fc.oneof(
  fc.record({
    dtype: fc.constantFrom('float32', 'string', 'int4', '__proto__'),
    dims: fc.array(number, { maxLength: 3 }),
    bytes: fc.uint8Array({ maxLength: 20 }),
  }),
  fc.record({
    kind: fc.constantFrom('sequence', 'optional', 'sparse', 'map', '__proto__'),
    values: fc.oneof(
      fc.array(
        fc.constantFrom(null, 1, f32(1), { kind: 'sequence', values: [] }, { kind: 'optional', value: 3 }),
      ),
      fc.constantFrom(null, f32(1), 'x'),
    ),
    value: fc.constantFrom(null, undefined, f32(1)),
    dims: fc.array(number, { maxLength: 3 }),
    indices: fc.constantFrom(null, f32(1), {
      dtype: 'int64',
      dims: [1],
      bytes: new Uint8Array(8),
    }),
  }),
  fc.record({ reason: fc.constantFrom('lost', 'toString', ''), peer: fc.string() }),
  fc.constantFrom(
    null,
    0,
    'x',
    {},
    [],
    { dtype: 'float32' },
    { dtype: 'float32', dims: [1], bytes: [0, 0, 0, 0] },
  ),
) as fc.Arbitrary<unknown> as fc.Arbitrary<Tensor>;
const tensor = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined).map(() => f32(1, 2)) },
  { weight: 2, arbitrary: wrong },
);
const values = fc.dictionary(fc.constantFrom('bias', 'x', '__proto__', 'toString'), tensor, {
  maxKeys: 3,
}) as fc.Arbitrary<Values>;
const flow = fc.record({
  kind: fc.constant('initiated' as const),
  initiator: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b') }, { weight: 1, arbitrary: peerId }),
  incarnation: fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: number }),
  counter: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 8 }) },
    { weight: 1, arbitrary: number },
  ),
}) satisfies fc.Arbitrary<InitiatedFlowId>;
const work = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: number },
);
const text = fc.oneof(
  { weight: 9, arbitrary: fc.string({ maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constant('x'.repeat(100_000)) },
);

const frame = fc.record({
  type: fc.constant('frame' as const),
  from: fc.oneof({ weight: 4, arbitrary: fc.constant('a') }, { weight: 3, arbitrary: peerId }),
  bytes: frameBytes,
  owned: fc.boolean(),
});
/** As it was sent, by whom it was sent: replayed, reordered, in part. */
const honest = fc.record({ at: fc.nat(recorded.length - 1), owned: fc.boolean() }).map(({ at, owned }) => ({
  type: 'frame' as const,
  from: recorded[at]!.from,
  bytes: recorded[at]!.bytes,
  owned,
}));
const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 10, arbitrary: frame },
  { weight: 10, arbitrary: honest },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('invoke' as const),
      entry: fc.constantFrom('own', 'main', '__proto__', ''),
      values,
      request: fc.nat(3),
      owned: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('supply' as const), flow, values, owned: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('done' as const),
      work,
      outputs: fc.array(tensor, { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('failed' as const), work, message: text }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), flow, why: text }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lost' as const), peer: peerId }) },
);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ waitNs: fc.constantFrom(0, 0, 0, 1, 1e6, 5e9), input }) },
  {
    weight: 1,
    arbitrary: fc.record({
      waitNs: fc.constantFrom(-1e9, 11e9, 61e9, 1e15, Number.NaN, Number.POSITIVE_INFINITY, 1e300),
      input,
    }),
  },
);
const sequence: fc.Arbitrary<readonly Step[]> = fc.oneof(
  fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
  flows(input),
);

/** More outputs than this for one input are no answer. */
const MAX_OUTPUTS = 20_000;
/** Longest text in an event: names and reasons come from others. */
const MAX_TEXT = 2000;

class Session {
  readonly node = new Node({ program: programB, peer: 'b', incarnation: 1, limits });
  readonly outcomes: string[] = [];
  readonly #works: number[] = [];
  /** Every work there was: completions may come again. */
  readonly #asked: number[] = [];
  #now = 0;
  /** Bytes of the host and of one frame, which come on top of the budget. */
  #given = 0;

  give(given: Input | Completion, waitNs = 0): void {
    this.#now += waitNs;
    const input = given.type === 'complete' ? this.#answer(given) : given;
    if (input === undefined) return;
    // Owned memory is gone for whoever gave it, and inputs are given again when a failure is replayed.
    const own = input.type === 'frame' ? { ...input, bytes: Uint8Array.from(input.bytes) } : input;
    if (own.type === 'frame') this.#given = Math.max(this.#given, own.bytes.length);
    this.node.handle(this.#now, own);
    for (let count = 0; ; count++) {
      const output = this.node.poll(this.#now);
      this.#note(output);
      if (output.type === 'idle') break;
      if (count > MAX_OUTPUTS) throw new Error('poll does not come to an end');
    }
    this.#check();
  }

  /** What the host says of work; undefined if there is none. */
  #answer({ which, how }: Completion): Input | undefined {
    const pool = how === 'twice' ? this.#asked : this.#works;
    const work = pool[which % Math.max(1, pool.length)];
    if (work === undefined) return undefined;
    const at = this.#works.indexOf(work);
    if (at >= 0) this.#works.splice(at, 1);
    if (how === 'failed') return { type: 'failed', work, message: 'x'.repeat(which * 1000) };
    const one = f32(1, 2);
    const { buffer } = one.bytes;
    const results: Readonly<Record<Exclude<Completion['how'], 'failed'>, readonly Tensor[]>> = {
      right: [one],
      twice: [one],
      none: [],
      many: Array.from({ length: which }, () => f32(1, 2)),
      shared: [one, { dtype: 'float32', dims: [1], bytes: new Uint8Array(buffer, 4) }],
      other: [{ dtype: 'int64', dims: [], bytes: new Uint8Array(8) }],
      large: [{ dtype: 'uint8', dims: [10 * which], bytes: new Uint8Array(10 * which) }],
      wrong: [{ dtype: 'float32', dims: [2 ** 53, which], bytes: new Uint8Array(which) }],
    };
    return { type: 'done', work, outputs: results[how] };
  }

  /** Whatever came before, a node that shuts down and has its work back holds nothing but its state. */
  end(): void {
    this.give({ type: 'shutdown' });
    for (let work = this.#works.pop(); work !== undefined; work = this.#works.pop())
      this.give({ type: 'failed', work, message: 'ends' });
    const { flows, work, bytes } = this.node.usage;
    const kept = (this.node.state.get('w') as Tensor | undefined)?.bytes.buffer.byteLength ?? 0;
    if (flows > 0 || work > 0 || bytes !== kept)
      throw new Error(`left: ${JSON.stringify({ flows, work, bytes, kept })}`);
  }

  #note(output: Output): void {
    if (output.type === 'work') {
      this.#works.push(output.work);
      this.#asked.push(output.work);
    }
    if (output.type !== 'event') return void this.outcomes.push(output.type);
    const { event } = output;
    this.outcomes.push(event.kind === 'dropped' ? `dropped: ${event.reason}` : event.kind);
    for (const one of Object.values(event))
      if (typeof one === 'string' && one.length > MAX_TEXT)
        throw new Error(`${event.kind} with ${one.length} characters`);
  }

  #check(): void {
    const { flows, bytes, outputs, endedFlows, deadlines, work } = this.node.usage;
    const peers = 5;
    const most = {
      flows: limits.flows,
      // Each open flow may have values of its host; one frame is taken before its bytes are known.
      bytes: limits.bytes + this.#given + 512 * (flows + 4),
      outputs: 0,
      endedFlows: peers * limits.endedFlows,
      deadlines: 2 * limits.flows + 66,
      work: 2 * limits.flows,
    };
    const held = { flows, bytes, outputs, endedFlows, deadlines, work };
    for (const [name, limit] of Object.entries(most))
      if (held[name as keyof typeof held] > limit)
        throw new Error(`${name}: ${JSON.stringify({ held, most })}`);
  }
}

function run(steps: readonly Step[]): readonly string[] {
  const session = new Session();
  for (const { input, waitNs } of steps) session.give(input, waitNs);
  session.end();
  return session.outcomes;
}

const plain = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value;

export const nodes = target<readonly Step[]>({
  name: 'node',
  arbitrary: sequence,
  run,
  bytes: (steps) => Buffer.from(JSON.stringify(steps, plain)),
  count: (steps) => steps.length,
});
