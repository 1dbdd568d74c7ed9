// A session that moves while it runs: from this process to processes of its own, over WebSockets, to other folders and
// addresses, and back. It ends as one that stays where it is.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peersOf } from '../../cli/run/memory.ts';
import {
  type Deployment,
  type Durability,
  Movable,
  startDeployment,
  startPeer,
  type Transport,
  type TransportUser,
} from '../../runtime/host/index.ts';
import { DataFolder, type LoadedDeployment, loadDeployment } from '../../runtime/host/node.ts';
import { noOverhead } from '../../runtime/host/overhead.ts';
import type { Backend, NodeEvent } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { plain } from '../support/deploy.ts';
import { bbcProcess, type Process } from '../support/processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'migration-'));
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROUNDS = 120;
const model = `
import { constant, entry, module, next, on, output, peer, state } from 'bytesandbrains';
const [client, server] = [peer('client'), peer('server')];
export default module('exchange', () => {
  const mine = state('mine', constant([1, 2]), { at: client });
  const theirs = state('theirs', constant([3, 4]), { at: server });
  entry('step', client, { initial: { step: 0n } }, ({ step }) => {
    const before = mine.read();
    const answer = on(server, () => {
      const now = theirs.read().mul(0.9).add(before.cos());
      theirs.assign(now);
      return now;
    });
    const now = before.mul(0.9).add(answer.sin());
    mine.assign(now);
    output('mine', now);
    const done = step.add(1n);
    next('step', { step: done }).when(done.less(${ROUNDS}n));
  });
});
`;

/** Work that leaves the others of this process a turn, as that of a thread does. */
const backend: Backend = (() => {
  const cpu = cpuBackend();
  return {
    ...cpu,
    load: async (...args: Parameters<Backend['load']>) => {
      const segment = await cpu.load(...args);
      return {
        run: async (inputs, options) => {
          await new Promise((resolve) => setImmediate(resolve));
          return segment.run(inputs, options);
        },
        release: () => segment.release(),
      };
    },
  };
})();

let loaded: LoadedDeployment;
let expected: Readonly<Record<string, unknown>>;

const statesOf = async (deployment: Deployment) =>
  Object.fromEntries(
    Object.entries(await deployment.state()).map(([id, state]) => [
      id,
      Object.values(state).map((one) => plain(one)),
    ]),
  );

beforeAll(async () => {
  writeFileSync(file('model.ts'), model);
  writeFileSync(file('topology.json'), '{ "version": 1, "classes": { "client": {}, "server": {} } }');
  const args = ['--peers', file('topology.json'), '-o', file('dist'), '--no-check'];
  const { status, err } = await bbcProcess(['compile', file('model.ts'), ...args]).ended;
  expect([status, err]).toEqual([0, '']);
  loaded = await loadDeployment(file('dist'));
  const whole = await startDeployment({ peers: peersOf(loaded), backend });
  const { step } = await whole.invoke({});
  expect(step).toBe(ROUNDS - 1);
  expected = await statesOf(whole);
  await whole.close();
}, 60_000);

/** Runs in this process until `enough` says so of a flow that has ended at the client. */
async function here(
  lives: Readonly<Record<string, Durability & { readonly incarnation: number }>>,
  enough: (ended: number) => boolean,
  begin: boolean,
): Promise<Deployment> {
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let ended = 0;
  const peers = peersOf(loaded).map((one) => ({ ...one, durability: lives[one.id]! }));
  const onEvent = (peer: string, event: NodeEvent): void => {
    if (peer !== 'client' || event.kind !== 'flow-ended') return;
    expect(event.status).toBe('complete');
    if (enough(++ended)) stop();
  };
  const deployment = await startDeployment({ peers, backend, onEvent });
  if (begin) void deployment.invoke({});
  await stopped;
  return deployment;
}

const nodeOf = (peer: string, data: string, ...args: readonly string[]): Process =>
  bbcProcess(['node', file(`dist/${peer}`), '--data', data, '--backend', 'cpu', ...args]);

/** Two processes, one of which the other dials, until so many rounds are over; then both are killed. */
async function apart(listening: string, dialling: string, data: (peer: string) => string, round: number) {
  const first = nodeOf(listening, data(listening), '--listen', 'ws://127.0.0.1:0');
  const [, address] = await first.line(/(ws:\/\/127\.0\.0\.1:\d+)/);
  const second = nodeOf(dialling, data(dialling), '--dial', `${listening}=${address}`);
  const client = listening === 'client' ? first : second;
  await client.line(new RegExp(`^flow client:\\d+:${round} complete$`, 'm'));
  for (const one of [first, second]) one.kill('SIGKILL');
  await Promise.all([first.ended, second.ended]);
}

test('a session moves between processes, transports, folders and addresses, and ends in the bits of one that stays', async () => {
  // In this process, with nothing on disk. All are taken at once: what one has sent, another has.
  const lives = { client: Movable.begin(), server: Movable.begin() };
  const began = await here(lives, (ended) => ended === 20, true);
  const bytes = { client: lives.client.snapshot(), server: lives.server.snapshot() };
  await began.close();

  // On to another deployment in this process, and from there to folders.
  const moved = { client: Movable.from(bytes.client), server: Movable.from(bytes.server) };
  const second = await here(moved, (ended) => ended === 20, false);
  const again = { client: moved.client.snapshot(), server: moved.server.snapshot() };
  await second.close();
  const { deployment } = loaded.plan;
  for (const peer of ['client', 'server'] as const) {
    const own = { peer, deployment, incarnation: 99, from: again[peer] };
    const data = await DataFolder.open(file(peer), own);
    expect([data.incarnation, data.isRevived]).toEqual([1, true]);
    await data.close();
  }

  // Each in a process of its own, from folders; then from other folders, with the addresses the other way round.
  await apart('client', 'server', file, 60);
  for (const peer of ['client', 'server']) renameSync(file(peer), file(`${peer}-elsewhere`));
  await apart('server', 'client', (peer) => file(`${peer}-elsewhere`), 90);

  // Back to one process.
  const open = (peer: string) =>
    DataFolder.open(file(`${peer}-elsewhere`), { peer, deployment, incarnation: 99 });
  const back = { client: await open('client'), server: await open('server') };
  const last = await here(back, () => back.client.calls.open === 0, false);
  expect(await statesOf(last)).toEqual(expected);
  await last.close();
  for (const one of Object.values(back)) await one.close();
}, 120_000);

test('what a peer sends again when it is back waits for those that it has not met', async () => {
  const sent: string[] = [];
  let user: TransportUser | undefined;
  const transport: Transport = {
    overhead: noOverhead(),
    send: (to) => {
      if (user === undefined) return 'unreachable';
      sent.push(to);
      return 'taken';
    },
    tell: () => {},
    forget: () => {},
    close: async () => {},
  };
  const data = file('alone');
  const { deployment } = loaded.plan;
  const lives = async () => DataFolder.open(data, { peer: 'client', deployment, incarnation: 99 });
  const { bundle } = peersOf(loaded).find(({ id }) => id === 'client')!;
  const start = async (durability: DataFolder) => {
    let connected = (): void => {};
    const host = await startPeer({
      ...{ peer: 'client', bundle, backend, incarnation: 1, durability, giveUpNs: Number.POSITIVE_INFINITY },
      onEvent: () => {},
      connect: async (own) => {
        connected = () => {
          user = own;
          own.connected('server');
        };
        return transport;
      },
    });
    return { host, connected };
  };
  const first = await lives();
  const { host, connected } = await start(first);
  connected();
  host.invoke('step', {}, 1);
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await host.close();
  await first.close();
  [user, sent.length] = [undefined, 0];
  const second = await lives();
  const again = await start(second);
  expect(sent).toEqual([]);
  again.connected();
  expect(sent).toEqual(['server']);
  await again.host.close();
  await second.close();
});

describe('a peer’s snapshot', () => {
  test('is of one peer, one program and one deployment, and of a version', async () => {
    const life = Movable.begin(7);
    const lives = { client: life, server: Movable.begin() };
    const began = await here(lives, (ended) => ended === 1, true);
    const bytes = life.snapshot();
    await began.close();
    expect(Movable.from(bytes).incarnation).toBe(7);
    const own = { peer: 'server', deployment: loaded.plan.deployment, incarnation: 1, from: bytes };
    await expect(DataFolder.open(file('other'), own)).rejects.toThrow(
      'BB860: the data folder is of peer client, not server',
    );
    const peers = peersOf(loaded).map((one) => ({ ...one, durability: Movable.from(bytes) }));
    await expect(startDeployment({ peers, backend })).rejects.toThrow(
      'BB862: the peer cannot be brought back: a snapshot of program',
    );
    const damaged = bytes.slice();
    damaged[bytes.length - 1]! ^= 1;
    expect(() => Movable.from(damaged)).toThrow('BB862: the peer cannot be brought back: a peer’s snapshot');
    expect(() => Movable.from(bytes.subarray(0, 100))).toThrow('is cut');
  });
});
