// What hosts tell of the time that their nodes take.

import { expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { type Invocation, type Observer, startDeployment, type Turn } from '../../runtime/host/index.ts';
import { ChromeTrace } from '../../runtime/host/observe/chrome-trace.ts';
import { type Backend, flowKey } from '../../runtime/index.ts';
import { call, edge, f32, makeBundle, numbers, recv, send } from './programs.ts';

const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b')];
const a = makeBundle({
  class: 'a',
  members,
  edges,
  inputs: ['x'],
  ops: [call('double', ['x'], ['y']), send(0, 'y')],
});
const b = makeBundle({
  class: 'b',
  members,
  edges,
  outputs: ['z'],
  ops: [recv(0, 'y'), call('fail', ['y'], ['z'])],
});
const peers = [
  { id: 'a', bundle: a },
  { id: 'b', bundle: b },
];
const backend: Backend = {
  name: 'fake',
  load: async ({ name }) => ({
    async run(inputs) {
      if (name === 'fail') throw new Error('out of memory');
      return [f32(...numbers(inputs[0] as Tensor).map((one) => 2 * one))];
    },
    release: async () => {},
  }),
  close: async () => {},
};

test('an observer hears of each turn of the engine, each call, and the end of each flow, in order of time', async () => {
  const invoked: Invocation[] = [];
  const turns: Turn[] = [];
  const ended: string[] = [];
  const observer: Observer = {
    began: (_flow, came) => came,
    ended: ({ status }) => void ended.push(status),
    invoked: (one) => void invoked.push(one),
    polled: (one) => void turns.push(one),
  };
  const deployment = await startDeployment({ peers, backend, observerOf: () => observer });
  await deployment.invoke({ x: f32(1, 2) });
  await deployment.close();
  expect(invoked.map(({ op, kind, domain, failed }) => [op, kind, domain, failed])).toEqual([
    ['double', 'segment', 'ai.bytesandbrains.segment', undefined],
    ['fail', 'segment', 'ai.bytesandbrains.segment', 'out of memory'],
  ]);
  expect(ended).toEqual(['complete', 'failed']);
  // Shutdown is a turn of each, too.
  expect(turns.map(({ input }) => input)).toEqual([
    'invoke',
    'done',
    'frame',
    'failed',
    'shutdown',
    'shutdown',
  ]);
  expect(turns.map(({ works }) => works)).toEqual([1, 0, 1, 0, 0, 0]);
  expect(turns.map(({ sends }) => sends)).toEqual([0, 1, 0, 0, 0, 0]);
  for (const { beganNs, handledNs, endedNs } of turns) {
    expect(beganNs).toBeLessThanOrEqual(handledNs);
    expect(handledNs).toBeLessThanOrEqual(endedNs);
  }
  const flows = turns.slice(0, 4).map(({ flow }) => flow && flowKey(flow));
  expect(flows).toEqual(Array(4).fill('a:1:1'));
});

interface TraceEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args: Readonly<Record<string, unknown>>;
}

test('a trace for Perfetto: a process for each peer, phases within turns, calls in rows of their own', async () => {
  const trace = new ChromeTrace();
  const deployment = await startDeployment({ peers, backend, observerOf: (peer) => trace.observerOf(peer) });
  await Promise.all([1, 2, 3].map((x) => deployment.invoke({ x: f32(x) })));
  await deployment.close();
  const { traceEvents } = JSON.parse(trace.text()) as { traceEvents: TraceEvent[] };
  const named = traceEvents.filter(({ name }) => name === 'process_name');
  expect(named.map(({ pid, args }) => [pid, args.name])).toEqual([
    [1, 'a'],
    [2, 'b'],
  ]);
  const of = (cat: string, ph: string) => traceEvents.filter((one) => one.cat === cat && one.ph === ph);
  expect(
    of('engine.invoke', 'X')
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...Array(3).fill('engine.invoke double'), ...Array(3).fill('engine.invoke fail')]);
  expect(of('flow', 'b')).toHaveLength(6);
  expect(
    of('flow', 'e')
      .map(({ args }) => args.status)
      .sort(),
  ).toEqual([...Array(3).fill('complete'), ...Array(3).fill('failed')]);
  const turns = of('engine.poll', 'X');
  for (const phase of [...of('engine.handle', 'X'), ...of('engine.act', 'X')]) {
    const around = turns.find(
      ({ pid, ts, dur }) =>
        pid === phase.pid && ts! <= phase.ts! && ts! + dur! >= phase.ts! + phase.dur! - 0.002,
    );
    expect(around, JSON.stringify(phase)).toBeDefined();
  }
  // What overlaps is in different rows, or a viewer would nest it.
  const calls = of('engine.invoke', 'X');
  for (const one of calls)
    for (const other of calls)
      if (one !== other && one.pid === other.pid && one.tid === other.tid)
        expect(one.ts! + one.dur! <= other.ts! + 0.001 || other.ts! + other.dur! <= one.ts! + 0.001).toBe(
          true,
        );
});
