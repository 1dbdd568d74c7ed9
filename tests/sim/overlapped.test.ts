// Overlapped rounds: what they cost in virtual time, and that no step is lost or counted twice.

import { describe, expect, test } from 'vitest';
import type { Module } from '../../dsl/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import { isTensor } from '../../ir/index.ts';
import type { ComputeNs } from '../../runtime/host/sim/index.ts';
import { diLoCo, overlapped } from '../../stdlib/strategies/index.ts';
import { blobs, clients, dataOf, server } from '../support/blobs.ts';
import { plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const ROUNDS = 9;
const COMPUTE_MS = 100;
const local = { optimizer: adamw({ lr: 0.01 }), steps: 4, batch: 8 };
const federation = {
  server,
  clients,
  rounds: ROUNDS,
  local,
  answers: { within: '10s' },
} as const;

/** The client's steps, which are the segment with the records, take so long, and nothing else does. */
const computeNs: ComputeNs = (_, __, inputs) =>
  inputs.some((one) => isTensor(one) && one.dims[0] === local.steps * local.batch) ? COMPUTE_MS * 1e6 : 0;

interface Ran {
  /** The server's parameters in the end, by name. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** When each round was over. */
  readonly endsMs: readonly number[];
}

async function ran(source: Module, link: object, dataOfPeer = dataOf): Promise<Ran> {
  const topology = topologyIn({
    classes: { server: {}, client: { count: 4 } },
    links: [{ between: ['client', 'server'], ...link }],
  });
  const { deployment, world } = await simulatedWorld(source, topology, { computeNs }, dataOfPeer);
  const endsMs: number[] = [];
  await deployment.invoke(
    {},
    {
      onFlow: ({ status }) => {
        expect(status).toBe('complete');
        endsMs.push(world.now / 1e6);
      },
    },
  );
  const { server: held = {} } = await deployment.state();
  const names = Object.keys(blobs.parameters);
  const parameters = Object.fromEntries(names.map((name) => [name, plain(held[name]) as readonly number[]]));
  return { parameters, endsMs };
}

/** The mean over pairs of rounds, once two are under way. */
const roundMs = ({ endsMs }: Ran): number => (endsMs.at(-1)! - endsMs[ROUNDS - 7]!) / 6;

describe('a round of overlapped communication', () => {
  test.each([
    ['a fifth of the computation', { latency: '10ms' }, 20],
    ['twice as long', { latency: '100ms' }, 200],
  ])('takes as long as the longer of the two, where messages take %s', async (_, link, messagesMs) => {
    const inTurn = roundMs(await ran(diLoCo(blobs, federation), link));
    expect(inTurn).toBeCloseTo(COMPUTE_MS + messagesMs, 3);
    const overlap = roundMs(await ran(overlapped(blobs, federation), link));
    expect(overlap).toBeCloseTo(Math.max(COMPUTE_MS, (COMPUTE_MS + messagesMs) / 2), 3);
    expect(overlap).toBeLessThanOrEqual(Math.max(COMPUTE_MS, messagesMs));
  });

  test('takes as long as the longer of the two, where it is bytes that take the time', async () => {
    const link = { latency: '1ms', up: '60kbit/s', down: '60kbit/s' };
    const inTurn = roundMs(await ran(diLoCo(blobs, federation), link));
    const messagesMs = inTurn - COMPUTE_MS;
    expect(messagesMs).toBeGreaterThan(0.5 * COMPUTE_MS);
    const overlap = roundMs(await ran(overlapped(blobs, federation), link));
    expect(overlap).toBeLessThan(1.01 * Math.max(COMPUTE_MS, messagesMs));
  });
});

test('clients that go the same way come to where one is that never stops', async () => {
  const outer = sgd({ lr: 1 });
  const alike = (id: string) => dataOf(id.startsWith('client/') ? 'client/0' : id);
  const link = { latency: '50ms' };
  const inTurn = await ran(diLoCo(blobs, { ...federation, outer }), link, alike);
  const overlap = await ran(overlapped(blobs, { ...federation, outer }), link, alike);
  for (const [name, values] of Object.entries(inTurn.parameters))
    for (const [at, value] of values.entries()) expect(overlap.parameters[name]![at]).toBeCloseTo(value, 5);
});
