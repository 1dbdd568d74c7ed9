// Whom a peer that is a process of its own lets in, as its command line says.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bbcProcess, type Process } from '../support/processes.ts';
import { readPrometheus } from '../support/prometheus.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'peer-lists-'));
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const [phone, server] = [peer('phone'), peer('server')];
export default module('pair', () => {
  const x = input('x', float32, [4], { at: phone });
  output('y', on(server, () => x.exp()));
});
`;

beforeAll(async () => {
  writeFileSync(file('model.ts'), model);
  writeFileSync(file('peers.json'), JSON.stringify({ version: 1, classes: { phone: {}, server: {} } }));
  const args = ['compile', file('model.ts'), '--peers', file('peers.json'), '-o', file('dist'), '--no-check'];
  expect((await bbcProcess(args).ended).status).toBe(0);
});

const start = (bundle: string, ...args: readonly string[]): Process =>
  bbcProcess(['node', file(`dist/${bundle}`), ...args]);

test('--block: what the peer sends is not let in, and is counted', async () => {
  const server = start('server', '--listen', 'ws://127.0.0.1:0', '--metrics', '0', '--block', 'phone');
  const [, address] = await server.line(/listening=(\S+)/);
  const [, url] = await server.line(/^metrics (\S+)$/m);
  const phone = start('phone', '--dial', `server=${address}`, '--random', '1');
  let families: ReturnType<typeof readPrometheus>;
  const value = (name: string) => families.get(`bytesandbrains_${name}`)?.samples.get('');
  do families = readPrometheus(await (await fetch(url!)).text());
  while (!value('network_frames_shut_total'));
  expect(value('open_flows')).toBe(0);
  phone.kill('SIGKILL');
  server.kill('SIGTERM');
  const served = await server.ended;
  expect([served.status, served.out]).toEqual([0, expect.not.stringContaining('flow')]);
});

test('--allow: the peer is served', async () => {
  const server = start('server', '--listen', 'ws://127.0.0.1:0', '--flows', '1', '--allow', 'phone');
  const [, address] = await server.line(/listening=(\S+)/);
  const phone = start('phone', '--dial', `server=${address}`, '--random', '1');
  const [served, called] = await Promise.all([server.ended, phone.ended]);
  expect([served.status, called.status]).toEqual([0, 0]);
});

test.each([
  [
    'a peer that there is none of',
    ['--block', 'nobody'],
    'no peer is called nobody; there are phone, server',
  ],
  [
    'without an adaptive network',
    ['--allow', 'phone', '--network', 'plain'],
    '--block and --allow need --network adaptive',
  ],
])('%s is wrong usage', async (_, args, why) => {
  const ended = await start('server', '--listen', 'ws://127.0.0.1:0', ...args).ended;
  expect([ended.status, ended.err]).toEqual([2, expect.stringContaining(why)]);
});
