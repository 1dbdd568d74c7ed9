// What peers that are processes of their own tell while they run.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bbcProcess, type Process } from '../support/processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'observe-'));
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const [phone, server] = [peer('phone'), peer('server')];
export default module('pair', () => {
  const x = input('x', float32, [4], { at: phone });
  const hidden = on(phone, () => x.relu());
  output('y', on(server, () => hidden.exp()));
});
`;

beforeAll(async () => {
  writeFileSync(file('model.ts'), model);
  const classes = { phone: { backend: 'cpu' }, server: { backend: 'cpu' } };
  writeFileSync(file('peers.json'), JSON.stringify({ version: 1, classes }));
  const args = ['compile', file('model.ts'), '--peers', file('peers.json'), '-o', file('dist'), '--no-check'];
  expect((await bbcProcess(args).ended).status).toBe(0);
});

const start = (bundle: string, ...args: readonly string[]): Process =>
  bbcProcess(['node', file(`dist/${bundle}`), ...args]);

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);

test('--log json: each line is an object with time, level, kind, peer and flow', async () => {
  const server = start('server', '--listen', 'ws://127.0.0.1:0', '--flows', '1', '--log', 'json');
  const [, address] = await server.line(/"listening":\["(.*?)"\]/);
  const phone = start('phone', '--dial', `server=${address}`, '--random', '1', '--log', 'json');
  const [served, called] = await Promise.all([server.ended, phone.ended]);
  expect([served.status, called.status, served.err, called.err]).toEqual([0, 0, '', '']);
  const lines = linesOf(served.out);
  expect(lines.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['ready', 'connected', 'flow-started', 'output', 'flow-ended']),
  );
  for (const line of lines) {
    expect(line).toMatchObject({ peer: 'server', level: expect.stringMatching(/^(app|node|infra)$/) });
    expect(new Date(line.time as string).toISOString()).toBe(line.time);
  }
  const [ended] = linesOf(called.out).filter(({ kind }) => kind === 'flow-ended');
  expect(ended).toMatchObject({ peer: 'phone', event: { status: 'complete', causes: [] } });
  // The same flow by the same name on both.
  expect(lines.find(({ kind }) => kind === 'flow-ended')!.flow).toBe(ended!.flow);
});
