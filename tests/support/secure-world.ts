// Secure aggregation in simulated worlds, and all that its server receives there.

import {
  cohort,
  collect,
  constant,
  type Tensor as DslTensor,
  entry,
  input,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  uint32,
} from '../../dsl/index.ts';
import {
  type DataValue,
  dtypeOfElemType,
  type Tensor,
  type Topology,
  unpackStrings,
} from '../../ir/index.ts';
import {
  decodeFrame,
  defaultLimits,
  type NodeComponent,
  pieceBytes,
  type Value,
} from '../../runtime/index.ts';
import { secureAggregator } from '../../stdlib/components.ts';
import { maskedSum } from '../../stdlib/privacy/index.ts';
import { SIZES } from '../../stdlib/protocols/secure-aggregation/declaration.ts';
import { simulatedWorld, topologyIn } from './simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];

/** One tensor that the server got, and of whom. */
export interface Received {
  readonly from: string;
  readonly edge: number;
  readonly round: number;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}
/** Everything that the server received. */
export interface View {
  readonly frames: readonly { readonly from: string; readonly bytes: Uint8Array }[];
  readonly received: readonly Received[];
  /** Names of what was summed. */
  readonly tensors: readonly string[];
  readonly rowBytes: number;
}

export interface SecureRun {
  readonly count: number;
  readonly threshold: number;
  /** By tensor, by member; all tensors of all members are as long. */
  readonly values: Readonly<Record<string, Readonly<Record<string, Uint32Array>>>>;
  readonly rounds?: number;
  /** Who is gone how long after the first round began. */
  readonly gone?: readonly { readonly phone: number; readonly afterNs: number }[];
  /** Each member has one seed for all tensors and rounds, as it must not. */
  readonly reuse?: boolean;
  /** Values go to the server as they are. */
  readonly plain?: boolean;
  readonly link?: { readonly up: string; readonly down: string };
}

export interface SecureResult {
  /** Of the last round. */
  readonly sums: Readonly<Record<string, Value | undefined>>;
  readonly survivors: readonly string[];
  readonly view: View;
  /** Until the server has the sums of the last round. */
  readonly virtualNs: number;
  readonly processorMs: number;
  /** Of one member, the busiest: frames with all that is in them. */
  readonly up: number;
  readonly down: number;
}

const wordsOf = (values: Uint32Array): Tensor => ({
  dtype: 'uint32',
  dims: [values.length],
  bytes: new Uint8Array(values.slice().buffer),
});
export const words = (value: Value | undefined): number[] => [
  ...new Uint32Array((value as Tensor).bytes.slice().buffer),
];

/** When a phone goes that leaves before each of the steps: one way takes 50 ms, and the round begins at the server. */
export const steps = [
  ['keys', 0],
  ['shares', 110e6],
  ['masked values', 210e6],
  ['reveals', 310e6],
] as const;

function program({ values, threshold, rounds = 1, plain = false }: SecureRun): Module {
  return module('m', () => {
    const given = Object.entries(values).map(([name, members]) => {
      const { length } = Object.values(members)[0]!;
      return { name, x: input(name, uint32, [length], { at: phones.each, private: true }) };
    });
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      for (const { name, x } of given) {
        const { sum, survivors } = plain
          ? plainSum(x, threshold)
          : maskedSum(x, { members: phones, at: server, threshold, seconds: 10, round, name });
        output(`sum of ${name}`, sum);
        output(`survivors of ${name}`, survivors);
      }
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });
}

function plainSum(x: DslTensor<'uint32'>, threshold: number) {
  const sent = on(phones.each, () => ({ x: x.add(constant(0, uint32)) }));
  const { x: all, senders } = collect(sent as never, {
    at: server,
    atLeast: threshold,
    within: '10s',
  }) as never as { x: DslTensor<'uint32'>; senders: DslTensor<'string'> };
  return {
    sum: on(server, () => all.reduceSum({ axes: [0], keepdims: false } as never)),
    survivors: senders,
  };
}

export const topologyFor = (
  count: number,
  link: SecureRun['link'] = { up: '1Gbit/s', down: '1Gbit/s' },
): Topology =>
  topologyIn({
    classes: { server: {}, phone: { count } },
    links: [{ between: ['phone', 'server'], latency: '50ms', ...link }],
  });

/** Gives every call the first secret, of one round and one tensor. */
function reusing(seed: { first?: DataValue }): NodeComponent {
  const made = secureAggregator();
  const secretAt: Readonly<Record<string, number>> = { Keys: 0, Share: 0, Mask: 1, Reveal: 0 };
  const roundAt: Readonly<Record<string, number>> = { Share: 5, Mask: 7, Reveal: 8, Recover: 9 };
  const none: Tensor = { dtype: 'int64', dims: [], bytes: new Uint8Array(8) };
  return {
    roles: made.roles,
    declaration: made.declaration!,
    call: (asked, cx) => {
      const inputs = [...asked.inputs];
      const [secret, round] = [secretAt[asked.method], roundAt[asked.method]];
      if (secret !== undefined) {
        seed.first ??= structuredClone(inputs[secret]!);
        inputs[secret] = seed.first;
      }
      if (round !== undefined) inputs[round] = none;
      return made.call({ ...asked, inputs, options: { ...asked.options, tensor: 'all' } }, cx);
    },
  };
}

export async function runSecurely(run: SecureRun): Promise<SecureResult> {
  const { count, values, gone = [], reuse = false, link = { up: '1Gbit/s', down: '1Gbit/s' } } = run;
  const tensors = Object.keys(values);
  const topology = topologyFor(count, link);
  const { deployment, world } = await simulatedWorld(program(run), topology, {}, () => {
    const seed = {};
    const one = () => (reuse ? reusing(seed) : secureAggregator());
    return Object.fromEntries(
      tensors.flatMap((name) => [
        [`${name} member`, one],
        [`${name} server`, one],
      ]),
    );
  });
  for (const { phone, afterNs } of gone)
    world.plan(afterNs, 'drop out', () => world.stop(world.peers.get(`phone/${phone}`)!));

  const frames: { from: string; bytes: Uint8Array }[] = [];
  const outputs: Record<string, Value> = {};
  const [up, down] = [new Map<string, number>(), new Map<string, number>()];
  const add = (sums: Map<string, number>, id: string, bytes: number) =>
    void sums.set(id, (sums.get(id) ?? 0) + bytes);
  let virtualNs = 0;
  world.observers.push({
    event: (event) => {
      if (event.kind === 'frame' && event.peer.id === 'server')
        frames.push({ from: event.from.id, bytes: event.bytes.slice() });
    },
    output: ({ id }, one) => {
      if (one.type === 'send' && id !== 'server') add(up, id, pieceBytes(one.pieces));
      if (one.type === 'send' && id === 'server') add(down, one.to, pieceBytes(one.pieces));
      if (id !== 'server' || one.type !== 'event' || one.event.kind !== 'output') return;
      outputs[one.event.name] = one.event.value;
      if (one.event.name.startsWith('sum')) virtualNs = world.now;
    },
  });
  const given = Object.fromEntries(
    Object.entries(values).map(([name, members]) => [
      name,
      Object.fromEntries(Object.entries(members).map(([id, one]) => [id, wordsOf(one)])),
    ]),
  );
  const before = process.cpuUsage();
  // Of a peer that is gone nobody hears what became of its part, so a call has no result then; the server has.
  await deployment.invoke(given, { entry: 'round' }).catch(() => undefined);
  const { user, system } = process.cpuUsage(before);
  const survivors = outputs[`survivors of ${tensors[0]}`] as Tensor | undefined;
  return {
    sums: Object.fromEntries(tensors.map((name) => [name, outputs[`sum of ${name}`]])),
    survivors: survivors?.dims === undefined ? [] : unpackStrings(survivors.bytes, survivors.dims[0]!),
    view: { frames, received: frames.flatMap(receivedIn), tensors, rowBytes: SIZES.row },
    virtualNs,
    processorMs: (user + system) / 1000,
    up: Math.max(...up.values()),
    down: Math.max(...down.values()),
  };
}

function receivedIn({ from, bytes }: View['frames'][number]): readonly Received[] {
  const decoded = decodeFrame(bytes, defaultLimits);
  if (!decoded.ok) throw new Error(decoded.error.message);
  const { envelope, payloads } = decoded.frame;
  return envelope.fills.flatMap(({ edge, dtype, dims }, at) =>
    edge === undefined || payloads[at]!.length === 0
      ? []
      : [
          {
            from,
            edge,
            round: envelope.step,
            dtype: dtypeOfElemType(dtype) ?? 'none',
            dims,
            bytes: payloads[at]!,
          },
        ],
  );
}

/** Updates in fixed point: a few hundred steps around the middle of what is added, each member's a little different. */
export const updates = (count: number, length: number, seed: number): Readonly<Record<string, Uint32Array>> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, phone) => [
      `phone/${phone}`,
      Uint32Array.from(
        { length },
        (_, at) => 0x1000000 + ((Math.imul(at + seed, 0x9e3779b1) >>> 20) % 700) + 3 * phone,
      ),
    ]),
  );

export const sumOf = (values: Readonly<Record<string, Uint32Array>>, of: readonly string[]): number[] =>
  Array.from(Object.values(values)[0]!, (_, at) => of.reduce((sum, id) => (sum + values[id]![at]!) >>> 0, 0));
