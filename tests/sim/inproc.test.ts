import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import type { Backend, LoadOptions, NodeEvent } from '../../runtime/index.ts';
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
  inputs: ['k'],
  outputs: ['z'],
  ops: [recv(0, 'y'), call('add', ['y', 'k'], ['z'])],
});
const peers = [
  { id: 'a', bundle: a },
  { id: 'b', bundle: b },
];

function fakeBackend(functions: Record<string, (...inputs: number[][]) => number[]>) {
  const lanes: [string, LoadOptions | undefined][] = [];
  let open = 0;
  const backend: Backend = {
    name: 'fake',
    async load({ name }, options) {
      const run = functions[name];
      if (run === undefined) throw new Error(`no ${name}`);
      lanes.push([name, options]);
      open++;
      return {
        async run(inputs: readonly Tensor[]) {
          return [f32(...run(...inputs.map(numbers)))];
        },
        async release() {
          open--;
        },
      };
    },
    async close() {},
  };
  return { backend, lanes, open: () => open };
}

const double = (x: number[]) => x.map((one) => 2 * one);
const add = (x: number[], y: number[]) => x.map((one, index) => one + y[index]!);

describe('the in-process host', () => {
  test('runs a deployment, supplies inputs where they enter, and keeps accounts of each peer', async () => {
    const { backend, lanes, open } = fakeBackend({ double, add });
    const deployment = await startDeployment({ peers, backend });
    expect(lanes).toEqual([
      ['double', { lane: 0, takesTurns: true }],
      ['add', { lane: 1, takesTurns: true }],
    ]);
    const result = await deployment.invoke({ x: f32(1, 2), k: f32(10, 20) });
    expect(result.status).toBe('complete');
    expect(numbers(result.outputs.z as Tensor)).toEqual([12, 24]);
    expect(result.peers.a).toMatchObject({ ops: 1, receivedBytes: 0 });
    expect(result.peers.a!.sentBytes).toBe(result.peers.b!.receivedBytes);
    expect(result.peers.a!.sentBytes).toBeGreaterThan(8);
    await deployment.close();
    expect(open()).toBe(0);
  });

  test('peers that can compute at once do not take turns', async () => {
    const fork = [
      {
        id: 'a',
        bundle: makeBundle({
          class: 'a',
          members,
          edges,
          inputs: ['x'],
          ops: [send(0, 'x'), call('double', ['x'], ['y'])],
          outputs: ['y'],
        }),
      },
      {
        id: 'b',
        bundle: makeBundle({
          class: 'b',
          members,
          edges,
          outputs: ['z'],
          ops: [recv(0, 'x'), call('add', ['x', 'x'], ['z'])],
        }),
      },
    ];
    const { backend, lanes } = fakeBackend({ double, add });
    const deployment = await startDeployment({ peers: fork, backend });
    expect(lanes.map(([name, options]) => [name, options?.takesTurns])).toEqual([
      ['double', false],
      ['add', false],
    ]);
    await deployment.close();
  });

  test('flows overlap', async () => {
    const { backend } = fakeBackend({ double, add });
    const deployment = await startDeployment({ peers, backend });
    const results = await Promise.all([1, 2, 3, 4].map((x) => deployment.invoke({ x: f32(x), k: f32(100) })));
    expect(results.map(({ outputs }) => numbers(outputs.z as Tensor))).toEqual([[102], [104], [106], [108]]);
    await deployment.close();
  });

  test('a failing backend is an event and a missing output, not a rejection', async () => {
    const events: NodeEvent[] = [];
    const { backend } = fakeBackend({
      double: () => {
        throw new Error('no memory');
      },
      add,
    });
    const deployment = await startDeployment({ peers, backend, onEvent: (_, event) => events.push(event) });
    const result = await deployment.invoke({ x: f32(1), k: f32(1) });
    expect(result.status).toBe('failed');
    expect(result.outputs.z).toMatchObject({ reason: 'failed', peer: 'a', detail: 'no memory' });
    expect(events.filter(({ kind }) => kind === 'work-failed')).toHaveLength(1);
    await deployment.close();
  });

  test('inputs that are not there, and entries nobody has, are diagnostics', async () => {
    const { backend } = fakeBackend({ double, add });
    const deployment = await startDeployment({ peers, backend });
    await expect(deployment.invoke({ x: f32(1) })).rejects.toThrow(/BB702.*input k/);
    await expect(deployment.invoke({}, { entry: 'other' })).rejects.toThrow(/BB701.*other/);
    await deployment.close();
  });

  test('flows beyond the limit are refused with a diagnostic', async () => {
    const { backend } = fakeBackend({ double, add });
    const deployment = await startDeployment({ peers, backend, limits: { flows: 1 } });
    const first = deployment.invoke({ x: f32(1), k: f32(1) });
    await expect(deployment.invoke({ x: f32(1), k: f32(1) })).rejects.toThrow(/BB704.*1 flows are open/);
    expect((await first).status).toBe('complete');
    await deployment.close();
  });

  test('a segment that the backend refuses stops the start, naming peer and segment', async () => {
    const { backend, open } = fakeBackend({ double });
    await expect(startDeployment({ peers, backend })).rejects.toThrow(/BB703.*peer b.*add.*no add/);
    expect(open()).toBe(0);
  });
});
