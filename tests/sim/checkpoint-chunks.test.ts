// Program 14 of the semantics: a checkpoint in chunks, of several peers at once.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { DataValue } from '../../ir/index.ts';
import type { FlowResult, InvokeOptions } from '../../runtime/host/index.ts';
import type { ComponentContext, Components, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { contentStored, int64, strings, tensorOf } from '../../stdlib/components.ts';
import { plain } from '../support/deploy.ts';
import { explored } from '../support/exploring.ts';
import program, {
  CHECKPOINT,
  CHUNK,
  CHUNKS,
  STEPS,
  topology,
} from '../support/programs/checkpoint-chunks.ts';
import { statesOf, tensor, underChaos, worldOf } from '../support/programs-run.ts';
import { topologyIn } from '../support/simulated.ts';

const bytes = new Uint8Array(CHUNK * CHUNKS);
bytes.set(tensor([CHECKPOINT.length], CHECKPOINT).bytes);
const man = strings(
  Array.from({ length: CHUNKS }, (_, at) =>
    createHash('sha256')
      .update(bytes.subarray(at * CHUNK, (at + 1) * CHUNK))
      .digest('hex'),
  ),
);
const fetch: InvokeOptions = { entry: 'fetch', from: { step: 0, arguments: { man, step: int64(0) } } };

/** Serves chunks of which one bit is another. */
class Liar implements NodeComponent {
  readonly #store = contentStored({ chunk: CHUNK });
  readonly roles = this.#store.roles;
  readonly declaration = this.#store.declaration!;
  call(call: NodeCall, cx: ComponentContext): readonly DataValue[] {
    const given = this.#store.call(call, cx) as readonly DataValue[];
    if (call.method !== 'Get') return given;
    const told = tensorOf(given[0], 'chunks');
    told.bytes[told.bytes.length - 1]! ^= 1;
    return [told];
  }
}
/** Has nothing, whatever it is told to keep. */
class Empty extends Liar {
  override call(call: NodeCall, cx: ComponentContext): readonly DataValue[] {
    return call.method === 'Add' ? [] : super.call(call, cx);
  }
}
const withEmpty = (id: string): Components => (id === 'peer/2' ? { kept: () => new Empty() } : {});
const withLiar = (id: string): Components => (id === 'peer/1' ? { kept: () => new Liar() } : {});

/** What is lacking after each step, and the result of the last. */
async function fetched(components?: (id: string) => Components, dead?: string) {
  const simulated = await worldOf('checkpoint-chunks', components);
  const left: number[] = [];
  const onFlow = ({ outputs }: FlowResult): void => {
    left.push((plain(outputs.left) as number[])[0]!);
    if (left.length === 1 && dead !== undefined) simulated.world.stop(simulated.world.peers.get(dead)!);
  };
  const result = await simulated.deployment.invoke({}, { ...fetch, onFlow });
  return { simulated, left, result, w: await statesOf(simulated, 'w') };
}

describe('a checkpoint is fetched in chunks', () => {
  test('of all peers at once, until all are there', async () => {
    const { left, w, result } = await fetched();
    expect(left).toEqual([5, 2, 0]);
    expect(result.status).toBe('complete');
    expect(w).toEqual([CHECKPOINT]);
  });

  test('one that serves wrong bytes costs steps, and nothing of what it sends stays', async () => {
    const { left, w, simulated } = await fetched(withLiar);
    expect(left).toEqual([6, 4, 2, 1, 0]);
    expect(w).toEqual([CHECKPOINT]);
    // Each frame of its came: it is not silent, and nobody says that it lies.
    expect(simulated.world.peers.get('peer/1')!.node).toBeDefined();
  });

  test('one that dies on the way costs its deadline in each step', async () => {
    const { left, w, simulated } = await fetched(undefined, 'peer/0');
    expect(left).toEqual([5, 3, 1, 0]);
    expect(w).toEqual([CHECKPOINT]);
    expect(simulated.world.now / 1e9).toBeCloseTo(90, 2);
  });

  test('one that has nothing is passed over at once', async () => {
    const { left, simulated } = await fetched(withEmpty);
    expect(left.at(-1)).toBe(0);
    expect(simulated.world.now / 1e9).toBeLessThan(1);
  });

  test('of liars only, nothing is assigned, and after twenty steps it ends', async () => {
    const { left, w, result } = await fetched(() => ({ kept: () => new Liar() }));
    expect(left).toEqual(Array(STEPS).fill(CHUNKS));
    expect([result.step, w]).toEqual([STEPS - 1, []]);
  });

  test('what is there already is not fetched again', async () => {
    const { simulated } = await fetched();
    const again: FlowResult[] = [];
    await simulated.deployment.invoke({}, { ...fetch, onFlow: (result) => again.push(result) });
    expect(again.map(({ outputs }) => plain(outputs.left))).toEqual([[0]]);
  });

  test('in every order of its frames, a liar among them, it is whole or not there', async () => {
    const { findings, runs } = await explored(program, topologyIn(topology), {
      components: withLiar,
      calls: 1,
      flows: 1,
      crashes: 1,
      maxRuns: 60,
    });
    expect(findings).toEqual([]);
    expect(runs).toBeGreaterThan(20);
  });

  test('where everything goes wrong checkers hold, and nobody has half of it', async () => {
    const seeds = [1, 2, 3];
    const { violations, ended } = await underChaos(program, topology, {
      seeds,
      components: withLiar,
      calls: [fetch],
      after: async (states) => {
        const [w] = await states('w');
        expect(w ?? CHECKPOINT).toEqual(CHECKPOINT);
      },
    });
    expect(violations).toEqual([]);
    expect((ended.complete ?? 0) + (ended.partial ?? 0)).toBeGreaterThan(seeds.length);
  });
});
