// A peer's process that is killed, and started again with the same data folder.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

beforeAll(async () => {
  writeFileSync(file('model.ts'), count);
  writeFileSync(file('topology.json'), JSON.stringify({ version: 1, classes: { server: {} } }));
  const args = ['--peers', file('topology.json'), '-o', file('dist'), '--no-check'];
  const { status, err } = await bbcProcess(['compile', file('model.ts'), ...args]).ended;
  expect([status, err]).toEqual([0, '']);
});

const start = (): Process =>
  bbcProcess([
    ...['node', file('dist/server'), '--data', file('data'), '--backend', 'cpu'],
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
