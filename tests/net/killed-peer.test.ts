// A peer's process that is killed in the middle of a run with another, and started again with the same data folder: what
// was on its way to it arrives, and the run comes to what it would have.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bbcProcess, type Process } from '../support/processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'killed-'));
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROUNDS = 60;
/** The client counts what the server has counted. */
const count = `
import { constant, entry, module, next, on, output, peer, state } from 'bytesandbrains';
const [client, server] = [peer('client'), peer('server')];
export default module('count', () => {
  const there = state('there', constant(0), { at: server });
  const here = state('here', constant(0), { at: client });
  entry('step', client, { initial: { step: 0n } }, ({ step }) => {
    const one = step.sub(step).add(1n).cast({ to: 'float32' });
    const sum = on(server, () => there.update((before) => before.add(one)));
    const own = here.update((before) => before.add(sum));
    output('sum', own);
    const done = step.add(1n);
    next('step', { step: done }).when(done.less(${ROUNDS}n));
  });
});
`;

beforeAll(async () => {
  writeFileSync(file('model.ts'), count);
  writeFileSync(file('topology.json'), JSON.stringify({ version: 1, classes: { client: {}, server: {} } }));
  const args = ['--peers', file('topology.json'), '-o', file('dist'), '--no-check'];
  const { status, err } = await bbcProcess(['compile', file('model.ts'), ...args]).ended;
  expect([status, err]).toEqual([0, '']);
});

const start = (peer: string, ...more: string[]): Process =>
  bbcProcess([
    ...['node', file(`dist/${peer}`), '--data', file(`${peer}-data`), '--backend', 'cpu'],
    ...['--give-up', 'never', '--ready-timeout', '90s', ...more],
  ]);
const server = (port: string): Process =>
  start('server', '--listen', `ws://127.0.0.1:${port}`, '--flows', String(ROUNDS));
const flow = (round: string): RegExp => new RegExp(`^flow client:\\d+:${round}\\d complete$`, 'm');

test('loses nothing that was on its way to it, and does nothing twice', async () => {
  let there = server('0');
  const [, port] = await there.line(/^ready peer=server listening=ws:\/\/127\.0\.0\.1:(\d+)$/m);
  const client = start('client', '--dial', `server=ws://127.0.0.1:${port}`, '-o', file('out.json'));
  for (const round of ['1', '3']) {
    await there.line(flow(round));
    there.kill('SIGKILL');
    expect((await there.ended).status).toBe(null);
    there = server(port!);
  }
  const [asked, answered] = await Promise.all([client.ended, there.ended]);
  expect([asked.status, asked.err]).toEqual([0, '']);
  expect(answered.status).toBe(0);
  expect(asked.out.match(/^flow .* complete$/gm)).toHaveLength(ROUNDS);
  const { sum } = JSON.parse(readFileSync(file('out.json'), 'utf8'));
  expect(sum.data).toEqual([(ROUNDS * (ROUNDS + 1)) / 2]);
}, 120_000);
