// A peer's process that is killed, and started again with the same data folder.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tensor } from '../../ir/index.ts';
import { decodeEntry } from '../../runtime/durable.ts';
import { flowKey } from '../../runtime/index.ts';
import { readJournal } from '../../runtime/journal/index.ts';
import { bbcProcess, type Process } from '../support/processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'durable-'));
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROUNDS = 200;
/** A session of many rounds, each of which adds one to what the peer keeps. */
const count = `
import { constant, entry, module, next, output, peer, state } from 'bytesandbrains';
const server = peer('server');
export default module('count', () => {
  const sum = state('sum', constant(0), { at: server });
  entry('step', server, { initial: { step: 0n } }, ({ step }) => {
    const now = sum.read().add(1);
    sum.assign(now);
    output('sum', now);
    const done = step.add(1n);
    next('step', { step: done }).when(done.less(${ROUNDS}n));
  });
});
`;

/** The same of secrets, each of which is added once. */
const secrets = `
import { constant, entry, module, next, output, peer, secret, state, uint32 } from 'bytesandbrains';
const server = peer('server');
export default module('secrets', () => {
  const sum = state('sum', constant([0], uint32), { at: server });
  entry('step', server, { initial: { step: 0n } }, ({ step }) => {
    const now = sum.read().add(secret(uint32, [1]));
    sum.assign(now);
    output('sum', now);
    const done = step.add(1n);
    next('step', { step: done }).when(done.less(${ROUNDS}n));
  });
});
`;

beforeAll(async () => {
  writeFileSync(file('topology.json'), JSON.stringify({ version: 1, classes: { server: {} } }));
  for (const [name, source] of Object.entries({ count, secrets })) {
    writeFileSync(file(`${name}.ts`), source);
    const args = ['--peers', file('topology.json'), '-o', file(name), '--no-check'];
    const { status, err } = await bbcProcess(['compile', file(`${name}.ts`), ...args]).ended;
    expect([status, err]).toEqual([0, '']);
  }
});

const start = (name = 'count'): Process =>
  bbcProcess([
    ...['node', file(`${name}/server`), '--data', file(`${name}-data`), '--backend', 'cpu'],
    ...['-o', file('out.json')],
  ]);

test('goes on with the round that it was in, and no round is lost or done twice', async () => {
  const killed = [4, 9].map((round) => new RegExp(`^flow server:\\d+:${round}\\d* complete$`, 'm'));
  for (const pattern of killed) {
    const server = start();
    await server.line(pattern);
    server.kill('SIGKILL');
    expect((await server.ended).status).toBe(null);
  }
  const last = await start().ended;
  expect([last.status, last.err]).toEqual([0, '']);
  expect(last.out).toMatch(new RegExp(`^flow server:\\d+:${ROUNDS} complete$`, 'm'));
  expect(JSON.parse(readFileSync(file('out.json'), 'utf8')).sum.data).toEqual([ROUNDS]);
  // It is the same peer still, and has nothing left to do.
  const again = await start().ended;
  expect(again.status).toBe(0);
  expect(again.out).not.toContain(`:${ROUNDS + 1} `);
});

test('goes on with the secrets that it has recorded: each is drawn for one round, and counts once', async () => {
  for (const round of [3, 8]) {
    const server = start('secrets');
    await server.line(new RegExp(`^flow server:\\d+:${round}\\d* complete$`, 'm'));
    server.kill('SIGKILL');
    await server.ended;
  }
  const last = await start('secrets').ended;
  expect([last.status, last.err]).toEqual([0, '']);
  const drawn = new Map<string, number>();
  for (const { payload } of readJournal(readFileSync(file('secrets-data/journal-0')))) {
    const { input } = decodeEntry(payload);
    if (input?.type !== 'supply') continue;
    expect(drawn.has(flowKey(input.flow))).toBe(false);
    const { bytes } = Object.values(input.values)[0] as Tensor;
    drawn.set(flowKey(input.flow), new Uint32Array(bytes.slice().buffer)[0]!);
  }
  expect([drawn.size, new Set(drawn.values()).size]).toEqual([ROUNDS, ROUNDS]);
  const sum = [...drawn.values()].reduce((total, one) => (total + one) >>> 0, 0);
  expect(JSON.parse(readFileSync(file('out.json'), 'utf8')).sum.data).toEqual([sum]);
});
