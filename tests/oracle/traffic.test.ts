// What a plan says that a flow sends, against what it did send: messages, payload and headers, crossing by crossing.

import { afterAll, describe, expect, test } from 'vitest';
import {
  cohort,
  float32,
  input,
  int64,
  type Module,
  module,
  on,
  output,
  peer,
  scatter,
  weightedMean,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { PeerValues } from '../../runtime/host/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deployWithPlan, floats, plain } from '../support/deploy.ts';
import { requireAsPlanned } from '../support/traffic.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const [server, edge] = [peer('server'), peer('edge')];
const phones = cohort('phone');

async function run(source: Module, classes: readonly string[], values: PeerValues) {
  const { plan, deployment } = await deployWithPlan(source, topologyOf(...classes), backend);
  const result = await deployment.invoke(values);
  await deployment.close();
  return { plan, traffic: plan.traffic!, result };
}

const rows = (count: number, width: number): Tensor => ({
  dtype: 'float32',
  dims: [count, width],
  bytes: new Uint8Array(4 * count * width).fill(1),
});
const perPhone = (of: (at: number) => Tensor, count = 3): Record<string, Tensor> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`phone/${at}`, of(at)]));

describe('the plan', () => {
  test('says what crosses as a formula where the model leaves a size open', async () => {
    const open = module('open', () => {
      const x = input('x', float32, ['N', 3], { at: edge });
      const half = on(edge, () => x.mul(2));
      output(
        'y',
        on(server, () => half.reduceSum({ keepdims: 0 })),
      );
    });
    const { plan, traffic, result } = await run(open, ['edge', 'server'], { x: rows(5, 3) });
    expect(traffic.total).toEqual({ messages: 1, payloadBytes: '12*N', headerBytes: 256 });
    expect(requireAsPlanned(plan, result, { N: 5 })).toEqual({ messages: 1, payloadBytes: 60 });
  });

  test('says formulas too long for one polynomial one after the other', async () => {
    const many = module('many', () => {
      const wide = input('wide', float32, ['height', 'width', 'channels'], { at: edge });
      const strips = [2, 3, 5, 7, 11, 13].map((by) =>
        on(edge, () => wide.averagePool({ kernelShape: [1], strides: [by] }).mul(by)),
      );
      const sums = strips.map((one) => on(server, () => one.reduceSum({ keepdims: 0 })));
      for (const [at, sum] of sums.entries()) output(`y${at}`, sum);
    });
    const dims = [2, 3, 100];
    const x: Tensor = { dtype: 'float32', dims, bytes: new Uint8Array(4 * 600) };
    const { plan, traffic, result } = await run(many, ['edge', 'server'], { wide: x });
    expect(`${traffic.total.payloadBytes}`.split(' + ').length).toBeGreaterThan(1);
    const sizes = { height: 2, width: 3, channels: 100 };
    // 6 rows of 50, 34, 20, 15, 10 and 8 floats.
    expect(requireAsPlanned(plan, result, sizes).payloadBytes).toBe(4 * 6 * (50 + 34 + 20 + 15 + 10 + 8));
  });

  test('counts a broadcast and a collect once for each member', async () => {
    const rounds = module('rounds', () => {
      const w = input('w', float32, [4], { at: server });
      const n = input('n', int64, [], { at: phones.each });
      const step = on(phones.each, () => ({ w: w.mul(2).sub(w), n }));
      const all = step.w.collect({ at: server });
      const counts = step.n.collect({ at: server });
      output(
        'mean',
        on(server, () => weightedMean({ w: all.values }, counts.values).w!),
      );
    });
    const one: Tensor = { dtype: 'int64', dims: [], bytes: new Uint8Array(8).fill(1, 0, 1) };
    const values = { w: floats(1, 2, 3, 4), n: perPhone(() => one) };
    const { plan, traffic, result } = await run(rounds, ['server', 'phone*3'], values);
    expect(traffic.messages.map(({ count, payloadBytes }) => [count, payloadBytes])).toEqual([
      [3, 16],
      [3, 16],
      [3, 8],
    ]);
    expect(traffic.links.map(({ pairs, messages, payloadBytes }) => [pairs, messages, payloadBytes])).toEqual(
      [
        [3, 1, 16],
        [3, 2, 24],
      ],
    );
    expect(requireAsPlanned(plan, result)).toEqual({ messages: 9, payloadBytes: 120 });
    expect(result.peers.server).toMatchObject({
      sentMessages: 3,
      sentPayloadBytes: 48,
      receivedMessages: 6,
      receivedPayloadBytes: 72,
    });
  });

  test('is a bound where a collect is content with some: the others need not answer any more', async () => {
    const quick = module('quick', () => {
      const x = input('x', float32, [2], { at: phones.each });
      const { values } = on(phones.each, () => x.neg()).collect({ at: server, enough: 1, atLeast: 1 });
      output(
        'sum',
        on(server, () => values.reduceSum({ keepdims: 0 })),
      );
    });
    const x = perPhone((at) => floats(at, at));
    const { plan, result } = await run(quick, ['server', 'phone*3'], { x });
    expect(result.status).toBe('complete');
    expect(plan.traffic!.total.payloadBytes).toBe(24);
    expect(plan.traffic!.messages.map(({ mayDecline }) => mayDecline)).toContain(true);
    expect(requireAsPlanned(plan, result).payloadBytes).toBeLessThanOrEqual(24);
  });

  test('is a bound for what the program declines: the message goes, the value does not', async () => {
    const some = module('some', () => {
      const x = input('x', float32, [2], { at: phones.each });
      const odd = x.when(x.reduceSum({ keepdims: 0 }).equal(7).not());
      const { values, senders } = odd.collect({ at: server, atLeast: 1 });
      output('row', on(server, () => values.neg()).scatter(phones.each, { members: senders }));
    });
    const x = { 'phone/0': floats(1, 2), 'phone/1': floats(3, 4), 'phone/2': floats(5, 6) };
    const { plan, traffic, result } = await run(some, ['server', 'phone*3'], { x });
    expect(Object.values(result.cohortOutputs.row!).map(plain)).toEqual([[-1, -2], 'declined', [-5, -6]]);
    const bounds = traffic.messages.filter(({ mayDecline }) => mayDecline);
    expect(bounds.map(({ from, to, payloadBytes }) => [from.class, to.class, payloadBytes])).toEqual([
      ['phone', 'server', 8],
      ['server', 'phone', 8],
    ]);
    expect(requireAsPlanned(plan, result)).toMatchObject({
      messages: plan.traffic!.total.messages,
      payloadBytes: 32,
    });
  });

  test('is exact where rows go back to all who sent them', async () => {
    const back = module('back', () => {
      const x = input('x', float32, [2], { at: phones.each });
      const { values, senders } = x.collect({ at: server });
      const dealt = on(server, () => values.mul(10));
      output('row', scatter(dealt, phones.each, { members: senders }));
    });
    const { plan, traffic, result } = await run(back, ['server', 'phone*3'], {
      x: perPhone(() => floats(1, 2)),
    });
    expect(traffic.messages.some(({ mayDecline }) => mayDecline)).toBe(false);
    expect(requireAsPlanned(plan, result).payloadBytes).toBe(48);
  });

  test('does not know the bytes of strings, and says so', async () => {
    const words = module('words', () => {
      const x = input('x', float32, [2], { at: phones.each });
      const { senders } = x.collect({ at: server });
      output(
        'names',
        on(edge, () => senders.shape()),
      );
    });
    const { traffic } = await run(words, ['server', 'edge', 'phone*2'], {
      x: perPhone(() => floats(1, 2), 2),
    });
    expect(traffic.total.payloadBytes).toBeNull();
    expect(traffic.total.messages).toBeGreaterThan(2);
  });

  test('of one peer says that nothing is sent', async () => {
    const alone = module('alone', () => {
      const x = input('x', float32, [2], { at: server });
      output(
        'y',
        on(server, () => x.neg()),
      );
    });
    const { plan, traffic, result } = await run(alone, ['server'], { x: floats(1, 2) });
    expect(traffic).toEqual({
      messages: [],
      links: [],
      total: { messages: 0, payloadBytes: 0, headerBytes: 0 },
    });
    expect(requireAsPlanned(plan, result).messages).toBe(0);
  });
});
