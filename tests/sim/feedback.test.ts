// Error feedback: what top-k leaves out arrives later, through crashes too.

import { describe, expect, test } from 'vitest';
import {
  type AnyShape,
  cohort,
  collect,
  constant,
  entry,
  float32,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  scatter,
  state,
  type Use,
  type Value,
} from '../../dsl/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import type { SimPeer } from '../../runtime/host/sim/index.ts';
import { adaptive, type Components } from '../../runtime/index.ts';
import { encodeRecord } from '../../runtime/journal/index.ts';
import { asReceived, withFeedback } from '../../stdlib/codecs/graph.ts';
import { makersOf } from '../../stdlib/components.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { fedAvg, taskOf } from '../../stdlib/strategies/index.ts';
import { compiled, plain, recorded } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const server = peer('server');
const phones = cohort('phone');
const topology = topologyIn({
  classes: { server: {}, phone: { count: 2 } },
  links: [{ between: ['phone', 'server'], latency: '5ms' }],
});
const SIZE = 100;
const ROUNDS = 300;
const RATE = 0.01;

type Row = Value<'float32', AnyShape, 'phone.each'>;
type Vector = Value<'float32', [number], string>;

/** Together both phones want 1 everywhere; of some numbers one wants more than all others have to change, the other less. */
const wanted = [3, -3].map((more) => Array.from({ length: SIZE }, (_, at) => 1 + (at % 20 === 0 ? more : 0)));

interface Kind {
  readonly codec?: Use;
  readonly feedback: boolean;
  readonly rounds?: number;
}

/** Federated gradient descent on ½‖w − wanted‖², in steps of `RATE`. */
const descent = ({ codec, feedback, rounds = ROUNDS }: Kind): Module =>
  module('descent', () => {
    const w = state('w', constant(new Float32Array(SIZE), 'float32', [SIZE]), { at: server });
    const targets = on(server, () => constant(wanted));
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const before = w.read() as unknown as Vector;
      const own = scatter(targets, phones.each) as unknown as Row;
      const sent = on(phones.each, () => {
        const change = own.sub(before).mul(RATE).reshape([SIZE]) as Row;
        if (codec === undefined || !feedback) return { change, seen: change };
        const sending = withFeedback('lost', { change }, { at: phones.each, codec });
        return { ...sending, seen: asReceived('seen', sending.change, { at: phones.each, codec }) };
      }) as { change: Row; seen: Row };
      const { values } = collect(sent.change, codec === undefined ? {} : { codec });
      output('got', values);
      output('seen', collect(sent.seen).values);
      const after = before.add(values.reduceMean({ axes: [0n], keepdims: 0 }) as unknown as Vector);
      w.assign(after as never);
      output('w', after);
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });

const componentsOf = (source: Module) => {
  const { programs } = compiled(recorded(source), topology).deployment!;
  return (peerId: string): Components =>
    makersOf(programs.find((one) => peerId.startsWith(one.class))!.slots!);
};

async function learnt(kind: Kind) {
  const source = descent(kind);
  const { deployment } = await simulatedWorld(source, topology, {}, componentsOf(source));
  const pairs: (readonly [unknown, unknown])[] = [];
  const result = await deployment.invoke(
    {},
    { entry: 'round', onFlow: ({ outputs }) => pairs.push([plain(outputs.got), plain(outputs.seen)]) },
  );
  expect(result).toMatchObject({ status: 'complete', step: (kind.rounds ?? ROUNDS) - 1 });
  const w = plain(result.outputs.w) as readonly number[];
  return { off: Math.sqrt(w.reduce((sum, one) => sum + (one - 1) ** 2, 0)), pairs };
}

const onePercent = { kind: 'top-k', share: 0.01 } as const;

describe('one number of a hundred at a time', () => {
  test('with feedback comes to where all of them would, without it stays where it began', async () => {
    const exact = await learnt({ feedback: false });
    const without = await learnt({ feedback: false, codec: onePercent });
    const withIt = await learnt({ feedback: true, codec: onePercent });
    // The start is 10 away, and a round without a codec takes 1 % of that off.
    expect(exact.off).toBeCloseTo(10 * 0.99 ** ROUNDS, 3);
    expect(without.off).toBeGreaterThan(9.5);
    expect(withIt.off).toBeLessThan(1);
  });

  test('what arrives is what the sender took for sent, bit for bit', async () => {
    const { pairs } = await learnt({ feedback: true, codec: onePercent, rounds: 20 });
    expect(pairs).toHaveLength(20);
    for (const [got, seen] of pairs) expect(got).toEqual(seen);
    expect(new Set(pairs.map(([got]) => String(got))).size).toBe(20);
  });

  test('a phone or the server that is killed at any call of its node goes on to the same bits', async () => {
    const whole = await untilTheEnd();
    expect(whole.boundaries).toBeGreaterThan(200);
    expect(whole.bits).toHaveLength(3);
    for (let at = 0; at < whole.boundaries; at += 7) {
      const killed = await untilTheEnd(at);
      expect(killed.bits).toEqual(whole.bits);
    }
  });
});

test('of the members that are picked for a round, each has its own', async () => {
  const source = module('picked', () => {
    const targets = on(server, () => constant(wanted));
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const all = on(server, () => phones.view());
      const some = phones.some(all.gather(round.mod(3n).sub(1n).abs().unsqueeze([0n]), { axis: 0 }) as never);
      const own = scatter(targets, phones.each) as unknown as Row;
      const sent = on(some, () => {
        const { own: sending } = withFeedback('lost', { own }, { at: phones, codec: onePercent });
        return { sending, seen: asReceived('seen', sending, { at: phones, codec: onePercent }) };
      }) as unknown as { sending: Row; seen: Row };
      output('got', collect(sent.sending, { codec: onePercent }).values);
      output('seen', collect(sent.seen).values);
      next('round', { round: round.add(1n) }).when(round.less(5n));
    });
  });
  const { deployment } = await simulatedWorld(source, topology, {}, componentsOf(source));
  const got: (readonly number[])[] = [];
  await deployment.invoke(
    {},
    {
      entry: 'round',
      onFlow: ({ outputs }) => {
        expect(plain(outputs.got)).toEqual(plain(outputs.seen));
        got.push(plain(outputs.got) as readonly number[]);
      },
    },
  );
  expect(got).toHaveLength(6);
  const states = await deployment.state();
  for (const [at, phone] of ['phone/0', 'phone/1'].entries()) {
    // Rounds 1, 0, 1, 1, 0, 1 of the two: what each wants, so many times, is what it sent and what it still has.
    const mine = got.filter((_, round) => Math.abs((round % 3) - 1) === at);
    const kept = plain(states[phone]!['lost.own']) as readonly number[];
    for (const [index, one] of wanted[at]!.entries())
      expect(mine.reduce((sum, sent) => sum + sent[index]!, kept[index]!)).toBeCloseTo(mine.length * one, 4);
  }
});

test('a strategy takes it as what clients send', async () => {
  const fields = { x: [float32, ['N', SIZE]] } as const;
  const task = taskOf({
    parameters: () => ({ w: constant(new Float32Array(SIZE), 'float32', [SIZE]) }) as never,
    fields,
    loss: (weights, { x }) =>
      (x as unknown as Row)
        .sub(weights.w as never)
        .reduceSumSquare({ keepdims: 0 })
        .mul(0.5) as never,
  });
  const source = fedAvg(task, {
    server,
    clients: phones,
    rounds: 4,
    local: { optimizer: sgd({ lr: 0.01 }), batch: 1, steps: 1 },
    answers: { codec: onePercent },
    sends: (own) => withFeedback('lost', own, { at: phones, codec: onePercent }),
  });
  const own = componentsOf(source);
  const { deployment } = await simulatedWorld(source, topology, {}, (id) => {
    const records = wanted[Number(id.split('/')[1])];
    if (records === undefined) return own(id);
    const bytes = new Uint8Array(Float32Array.from(records).buffer);
    const x = { dtype: 'float32', dims: [1, SIZE], bytes } as const;
    return { ...own(id), train: dataComponent(arrays({ x })) };
  });
  const result = await deployment.invoke({}, { entry: 'round' });
  expect(result).toMatchObject({ status: 'complete', step: 3 });
  // One number of each phone in each round.
  const states = await deployment.state();
  const w = plain(states.server!.w) as readonly number[];
  expect(w.filter((one) => one !== 0).length).toBeLessThanOrEqual(2 * 4);
  expect(w.some((one) => one !== 0)).toBe(true);
  const kept = Object.entries(states['phone/0']!).filter(([key]) => key.startsWith('lost'));
  expect(kept.map(([, value]) => (plain(value) as readonly number[]).length)).toEqual([SIZE]);
});

const killedSource = descent({ feedback: true, codec: { kind: 'qsgd', levels: 1 }, rounds: 5 });

/** What all peers have in the end, after one was killed at a call of its node and came back from its disk. */
async function untilTheEnd(killAt = Number.POSITIVE_INFINITY) {
  const { world } = await simulatedWorld(
    killedSource,
    topology,
    { network: adaptive(), durable: true, snapshotRecords: 6 },
    componentsOf(killedSource),
  );
  const invoke = { type: 'invoke', entry: 'round', values: {} } as const;
  let boundaries = 0;
  const boundary = (peer: SimPeer): void => {
    if (boundaries++ !== killAt) return;
    world.stop(peer);
    world.plan(world.now + 50e6, `${peer.id} is back`, () => {
      world.recover(peer);
      // Who called and hears nothing calls again.
      const { snapshot, records } = peer.disk!;
      if (peer.id === 'server' && snapshot === undefined && records.length === 0) world.give(peer, invoke);
    });
  };
  world.observers.push({
    output: boundary,
    persisting: boundary,
    kept: boundary,
    settled: (event) => {
      if (event.kind !== 'act' && event.peer.node !== undefined) boundary(event.peer);
    },
  });
  world.give(world.peers.get('server')!, invoke);
  while (await world.step());
  const bits = [...world.peers.values()].flatMap(({ id, node }) =>
    [...node!.state].map(
      ([key, value]) => `${id} ${JSON.stringify(key)} ${Buffer.from(encodeRecord(value)).toString('hex')}`,
    ),
  );
  return { boundaries, bits: bits.sort() };
}
