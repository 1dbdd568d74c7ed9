// The programs of docs/semantics.md run: compiled as any module is, on the production nodes, in simulated worlds.

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Module } from '../../dsl/index.ts';
import { packStrings, type Tensor } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { ComponentContext, Components, Later, NodeComponent } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { floats, plain } from '../support/deploy.ts';
import {
  CLUSTERS,
  HEAD_ROUNDS,
  POINTS,
  RATE,
  ROUNDS,
  VALUES,
} from '../support/programs/two-tier-federated.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const worldOf = async (name: string, components?: (peer: string) => Components): Promise<SimulatedWorld> => {
  const file = path.join(import.meta.dirname, `../support/programs/${name}.ts`);
  const { default: program, topology } = (await import(file)) as {
    readonly default: Module;
    readonly topology: object;
  };
  return simulatedWorld(program, topologyIn(topology), {}, components);
};

/** Lets triggers start flows until so many are over. */
async function served({ deployment }: SimulatedWorld, flows: number): Promise<readonly FlowResult[]> {
  const results: FlowResult[] = [];
  deployment.arm({}, (result) => {
    results.push(result);
  });
  await deployment.serve(() => results.length >= flows);
  return results;
}

const statesOf = async ({ deployment }: SimulatedWorld, key: string): Promise<(readonly number[])[]> =>
  Object.values(await deployment.state()).map((state) => plain(state[key]) as readonly number[]);

test('4, gossip: who is sent a model takes the mean by age, and ages grow', async () => {
  const world = await worldOf('gossip');
  const results = await served(world, 12);
  expect(results.map(({ status }) => status)).toEqual(Array(12).fill('complete'));
  expect(world.world.now).toBeGreaterThanOrEqual(30e9);
  const ages = (await statesOf(world, 'age')).flat();
  expect(ages.reduce((sum, age) => sum + age, 0)).toBeGreaterThan(12);
});

test('4, push-sum: no sum and no weight is lost, and everybody comes to the mean', async () => {
  const world = await worldOf('push-sum');
  const results = await served(world, 80);
  expect(results.every(({ status }) => status === 'complete')).toBe(true);
  const [x, w] = [await statesOf(world, 'x'), (await statesOf(world, 'w')).flat()];
  const sum = (index: number): number => x.reduce((all, one) => all + one[index]!, 0);
  expect(sum(0)).toBeCloseTo(4, 4);
  expect(sum(1)).toBeCloseTo(8, 4);
  expect(w.reduce((all, one) => all + one, 0)).toBeCloseTo(4, 4);
  for (const [at, one] of x.entries()) expect(one[1]! / w[at]!).toBeCloseTo(2, 4);
});

test('4, joint averaging: five rounds that all enter themselves', async () => {
  const world = await worldOf('joint-averaging');
  const result = await world.deployment.invoke({}, { entry: 'round' });
  expect(result).toMatchObject({ status: 'complete', step: 4 });
  expect(await statesOf(world, 'rounds')).toEqual([[5], [5], [5]]);
  for (const x of await statesOf(world, 'x')) {
    expect(x[0]).toBeCloseTo(1, 5);
    expect(x[1]).toBeCloseTo(2, 5);
  }
});

test('2, federated averaging stops when the loss becomes better no more', async () => {
  const world = await worldOf('federated-early-stop');
  const losses: number[] = [];
  const result = await world.deployment.invoke(
    {},
    { onFlow: ({ outputs }) => losses.push((plain(outputs.loss) as number[])[0]!) },
  );
  expect(result.status).toBe('complete');
  expect(losses.length).toBeLessThan(50);
  expect(Math.min(...losses)).toBeLessThan(1e-3);
});

test('6, heads average their own phones, and the server the heads: as in one process', async () => {
  const world = await worldOf('two-tier-federated');
  const rounds: (readonly number[])[] = [];
  const result = await world.deployment.invoke(
    {},
    { onFlow: ({ outputs }) => rounds.push(plain(outputs.w) as number[]) },
  );
  expect(result).toMatchObject({ status: 'complete', step: ROUNDS - 1 });
  const expected = twoTiers();
  expect(rounds.length).toBe(ROUNDS);
  for (const [at, w] of rounds.entries())
    for (const [row, value] of w.entries()) expect(value).toBeCloseTo(expected[at]![row]!, 5);
  // Whoever is in two clusters trained for both heads.
  const trained = Object.entries(await world.deployment.state()).flatMap(([peer, { trained }]) =>
    peer.startsWith('phone') ? [(plain(trained) as number[])[0]! / (ROUNDS * HEAD_ROUNDS)] : [],
  );
  expect(trained).toEqual([2, 1, 2, 1, 2, 1]);
});

/** The weights after each round of program 6, computed in one place. */
function twoTiers(): (readonly number[])[] {
  const mean = (all: readonly (readonly number[])[]) =>
    [0, 1].map((row) => all.reduce((sum, one) => sum + one[row]!, 0) / all.length);
  const stepped = (w: readonly number[], phone: number) => {
    const rows = POINTS[phone]!;
    const errors = rows.map(([a, b], at) => a! * w[0]! + b! * w[1]! - VALUES[phone]![at]![0]!);
    return w.map(
      (one, axis) => one - RATE * errors.reduce((sum, error, at) => sum + error * rows[at]![axis]!, 0),
    );
  };
  const after: (readonly number[])[] = [];
  for (let w: readonly number[] = [0, 0]; after.length < ROUNDS; after.push(w))
    w = mean(
      CLUSTERS.map((cluster) => {
        let own = w;
        for (let n = 0; n < HEAD_ROUNDS; n++) own = mean(cluster.map((phone) => stepped(own, phone)));
        return own;
      }),
    );
  return after;
}

test('11, layers that learn by themselves, with micro-batches under way at once', async () => {
  const world = await worldOf('layer-local');
  const results = await served(world, 64);
  expect(results.every(({ status }) => status === 'complete')).toBe(true);
});

test('13, two workers that agree are not accused', async () => {
  const world = await worldOf('challenge');
  const results = await served(world, 3);
  expect(results.map(({ status }) => status)).toEqual(Array(3).fill('complete'));
  expect((await world.deployment.state()).judge!.out).toBeUndefined();
});

describe('15, sensors take the gateway’s judgement, or their own when it does not come in time:', () => {
  test('all goes well', async () => {
    const world = await worldOf('sensors');
    const results = await served(world, 12);
    expect(results.map(({ status }) => status)).toEqual(Array(12).fill('complete'));
    expect(world.world.now).toBeLessThan(4e9);
  });

  test('the gateway is silent', async () => {
    const world = await worldOf('sensors');
    world.world.stop(world.world.peers.get('gateway')!);
    const results = await served(world, 12);
    for (const { cohortOutputs, status } of results) {
      expect(status).toBe('partial');
      const [alarm] = Object.values(cohortOutputs.alarm!);
      expect(plain(alarm)).toEqual([expect.any(Number)]);
    }
  });
});

const int64Scalar = (value: bigint): Tensor => ({
  dtype: 'int64',
  dims: [],
  bytes: new Uint8Array(BigInt64Array.of(value).buffer),
});

/** Says at set times who is elected: at each of `elections`, in seconds, this peer with the next term. */
class ScriptedElection implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = {
    methods: {},
    events: { elected: [{ name: 'term', dtype: 'int64', shape: [] }] },
  } as const;
  readonly #elections: { readonly at: number; readonly term: bigint }[];

  constructor(elections: readonly { readonly at: number; readonly term: bigint }[]) {
    this.#elections = [...elections];
  }
  start(cx: ComponentContext): void {
    this.#next(cx);
  }
  wake(cx: ComponentContext): void {
    cx.raise('elected', { term: int64Scalar(this.#elections.shift()!.term) });
    this.#next(cx);
  }
  call(): never {
    throw new Error('it has no methods');
  }
  #next(cx: ComponentContext): void {
    const [next] = this.#elections;
    if (next !== undefined) cx.wakeAt(next.at * 1e9);
  }
}

test('12, a leader with a backup: who is elected later goes on where the first came to, and the first one’s term is over', async () => {
  const elections: Readonly<Record<string, readonly { readonly at: number; readonly term: bigint }[]>> = {
    'worker/0': [{ at: 1, term: 1n }],
    'worker/2': [{ at: 30, term: 2n }],
  };
  const world = await worldOf('leader', (peer) => ({
    raft: () => new ScriptedElection(elections[peer] ?? []),
  }));
  // The first leader is cut off after a while; it does not know it.
  let led = 0;
  const results: FlowResult[] = [];
  world.deployment.arm({}, (result) => {
    results.push(result);
    if (++led === 5) world.world.stop(world.world.peers.get('worker/0')!);
  });
  await world.deployment.serve(() => results.length >= 20);
  const rounds = (await world.deployment.state())['worker/1']!;
  expect(plain(rounds.round)).toEqual([20]);
  expect(plain(rounds.term)).toEqual([2]);
  const [w] = plain(rounds.w) as number[];
  expect(w).toBeCloseTo(0.9 ** 20, 5);
});

describe('10, who is asked comes from a lookup:', () => {
  /** Answers lookups after a second; a lookup of a negative key has no answer. */
  class Lookup implements NodeComponent {
    readonly roles = ['protocol'] as const;
    readonly declaration = {
      methods: {
        Near: {
          kind: 'ask',
          inputs: [{ name: 'key', dtype: 'float32', shape: [2] }],
          options: {},
          outputs: [{ name: 'peers', dtype: 'string', shape: ['K'] }],
        },
      },
      events: { joined: [{ name: 'distance', dtype: 'float32', shape: [] }] },
    } as const;
    readonly #asked: { readonly id: number; readonly known: boolean }[] = [];
    call({ inputs }: { readonly inputs: readonly unknown[] }, cx: ComponentContext): Later {
      const later = cx.later();
      this.#asked.push({ id: later.id, known: (plain(inputs[0] as Tensor) as number[])[0]! >= 0 });
      cx.wakeAt(cx.now + 1e9);
      return later;
    }
    wake(cx: ComponentContext): void {
      for (const { id, known } of this.#asked.splice(0)) {
        const bytes = packStrings(['phone/3', 'phone/1']);
        if (known) cx.answer(id, [{ dtype: 'string', dims: [2], bytes }]);
        else cx.decline(id, 'nobody is near', 'failed');
      }
    }
  }
  const world = () => worldOf('dht-query', () => ({ dht: () => new Lookup() }));
  const key = (...of: number[]) => ({
    entry: 'find',
    from: { step: 0, arguments: { key: { ...floats(...of) } } },
  });

  test('what it gives is asked, in its order', async () => {
    const found = await (await world()).deployment.invoke({}, key(2, 3));
    expect(found.status).toBe('complete');
    expect(plain(found.outputs.best)).toEqual([2, 6]);
    expect(plain(found.outputs.who)).toBe('phone/3,phone/1');
  });

  test('without an answer nobody is, and what they would have said is missing', async () => {
    const found = await (await world()).deployment.invoke({}, key(-1, 0));
    expect(found.status).toBe('failed');
    expect(found.messages).toEqual([]);
    expect(found.causes[0]?.missing).toMatchObject({ detail: 'nobody is near' });
  });
});

test('1, a thousand steps on one peer', async () => {
  const rows = 64;
  const random = Float32Array.from({ length: rows * 4 }, (_, at) => Math.sin(at * at + 0.5 * at));
  const y = Float32Array.from({ length: rows }, (_, at) => random[at * 4]! - 2 * random[at * 4 + 3]!);
  const tensor = (values: Float32Array, dims: readonly number[]): Tensor => ({
    dtype: 'float32',
    dims,
    bytes: new Uint8Array(values.buffer),
  });
  const train = dataComponent(arrays({ x: tensor(random, [rows, 4]), y: tensor(y, [rows, 1]) }));
  const world = await worldOf('one-peer', () => ({ train }));
  const result = await world.deployment.invoke({});
  expect(result).toMatchObject({ status: 'complete', step: 999 });
  const [w] = await statesOf(world, 'w');
  for (const [at, wanted] of [1, 0, 0, -2].entries()) expect(w![at]).toBeCloseTo(wanted, 2);
});

describe('7, a pipeline over servers that a session stays with:', () => {
  const frames = ({ messages }: FlowResult): string =>
    messages
      .filter(({ from }) => from === 'client')
      .map(({ to }) => to)
      .join();

  test('each session has caches of its own, on one server per stage', async () => {
    const world = await worldOf('pipeline-failover');
    const runs: FlowResult[][] = [];
    for (let run = 0; run < 2; run++) {
      const flows: FlowResult[] = [];
      await world.deployment.invoke({}, { entry: 'token', onFlow: (result) => flows.push(result) });
      runs.push(flows);
    }
    const tokens = runs.map((flows) => flows.map(({ outputs }) => plain(outputs.token)));
    expect(tokens[0]).toHaveLength(8);
    // What the first session left behind, the second does not see.
    expect(tokens[1]).toEqual(tokens[0]);
    for (const flows of runs) expect(new Set(flows.map(frames)).size).toBe(1);
  });

  test('when a server is gone, the session begins anew elsewhere', async () => {
    const world = await worldOf('pipeline-failover');
    const flows: FlowResult[] = [];
    const onFlow = (result: FlowResult): void => {
      flows.push(result);
      const [used] = frames(result).split(',');
      if (flows.length === 3) world.world.stop(world.world.peers.get(used!)!);
    };
    await world.deployment.invoke({}, { entry: 'token', onFlow });
    expect(flows.length).toBeGreaterThan(4);
    expect(flows.slice(0, 3).map(({ status }) => status)).toEqual(Array(3).fill('complete'));
    expect(flows[3]!.status).toBe('failed');
    expect(flows.at(-1)!.status).toBe('complete');
  });
});
