// What peers that are processes of their own tell while they run.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bbcProcess, type Process } from '../support/processes.ts';
import { readPrometheus } from '../support/prometheus.ts';

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
  writeFileSync(file('echo.ts'), echo);
  const echoed = [
    'compile',
    file('echo.ts'),
    '--peers',
    file('peers.json'),
    '-o',
    file('echo'),
    '--no-check',
  ];
  expect((await bbcProcess(echoed).ended).status).toBe(0);
});

const start = (bundle: string, ...args: readonly string[]): Process =>
  bbcProcess(['node', file(`dist/${bundle}`), ...args]);

/** The phone asks the server, and waits for what it says. */
const echo = `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const [phone, server] = [peer('phone'), peer('server')];
export default module('echo', () => {
  const x = input('x', float32, [4], { at: phone });
  const answer = on(server, () => x.relu());
  output('y', on(phone, () => answer.exp()));
});
`;

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

test('--metrics: what Prometheus asks for, and nothing else', async () => {
  const server = start('server', '--listen', 'ws://127.0.0.1:0', '--metrics', '0');
  const [, address] = await server.line(/listening=(\S+)/);
  const [, url] = await server.line(/^metrics (\S+)$/m);
  const phone = start('phone', '--dial', `server=${address}`, '--random', '1', '--flows', '3');
  expect((await phone.ended).status).toBe(0);
  await server.line(/^left phone$/m);
  const answer = await fetch(url!);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = readPrometheus(await answer.text());
  const value = (name: string, labels = '') => families.get(`bytesandbrains_${name}`)?.samples.get(labels);
  expect(value('flows_ended_total', 'status="complete"')).toBe(3);
  expect(value('frames_received_total')).toBe(3);
  expect(value('received_bytes_total')).toBeGreaterThan(3 * 16);
  expect(value('work_total')).toBe(3);
  expect(value('open_flows')).toBe(0);
  expect(value('queued_frames')).toBe(0);
  expect((await fetch(url!, { method: 'POST' })).status).toBe(405);
  expect((await fetch(new URL('/secrets', url!))).status).toBe(404);
  server.kill('SIGTERM');
  expect((await server.ended).status).toBe(0);
});

test('an address for metrics that is taken is an error with a code; one that is none is wrong usage', async () => {
  const first = start('server', '--listen', 'ws://127.0.0.1:0', '--metrics', '0');
  const [, port] = await first.line(/^metrics http:\/\/127\.0\.0\.1:(\d+)/m);
  const second = await start('server', '--listen', 'ws://127.0.0.1:0', '--metrics', port!).ended;
  first.kill('SIGTERM');
  expect(second.status).toBe(1);
  expect(second.err).toMatch(/^error BB761: cannot listen at http:\/\/127\.0\.0\.1:/);
  expect((await start('server', '--metrics', 'here').ended).status).toBe(2);
  await first.ended;
});

test('bbc run --trace writes what Perfetto opens; processes are not in it', async () => {
  const run = (...args: readonly string[]) =>
    bbcProcess(['run', file('dist'), '--random', '1', '--flows', '2', ...args, '--trace', file('trace.json')])
      .ended;
  expect((await run()).status).toBe(0);
  const { traceEvents } = JSON.parse(readFileSync(file('trace.json'), 'utf8')) as {
    traceEvents: readonly { readonly ph: string; readonly name: string; readonly args: { name?: string } }[];
  };
  const named = traceEvents.filter(({ name }) => name === 'process_name');
  expect(named.map(({ args }) => args.name)).toEqual(['phone', 'server']);
  expect(traceEvents.filter(({ name }) => name.startsWith('engine.invoke '))).toHaveLength(4);
  expect(traceEvents.filter(({ ph }) => ph === 'b')).toHaveLength(4);
  expect(await run('--processes')).toMatchObject({
    status: 2,
    err: expect.stringContaining('--trace shows'),
  });
});

test('what a peer waits for: on a signal, over HTTP, and before Ctrl-C ends it', async () => {
  const server = bbcProcess(['node', file('echo/server'), '--listen', 'ws://127.0.0.1:0']);
  const [, address] = await server.line(/listening=(\S+)/);
  const phone = bbcProcess([
    ...['node', file('echo/phone'), '--dial', `server=${address}`, '--metrics', '0'],
    ...['--random', '1', '--flows', '1000000'],
  ]);
  const [, url] = await phone.line(/^metrics (\S+)$/m);
  await phone.line(/^flow \S+ complete$/m);
  server.kill('SIGSTOP');
  const waits =
    /^phone: flow (\S+) waits for answer \(\S*echo\.ts:6:\d+\) from server over edge 1, for \S+ s, at most \S+ s more$/m;
  // Until the server's silence is felt, each answer may be on its way.
  const asking = setInterval(() => phone.kill('SIGQUIT'), 50);
  const [, flow] = await phone.line(waits);
  clearInterval(asking);
  const answer = await fetch(new URL('/waiting', url!));
  const { peer, waiting } = (await answer.json()) as { readonly peer: string; readonly waiting: unknown };
  expect(peer).toBe('phone');
  expect(waiting).toMatchObject([{ flow, kind: 'value', name: 'answer', edge: 1, from: ['server'] }]);
  // The first lets the flow end, the second does not.
  phone.kill('SIGINT');
  // Two signals at once come in any order; who has answered has taken the first.
  await fetch(new URL('/waiting', url!));
  phone.kill('SIGTERM');
  const { out, status } = await phone.ended;
  expect(status).toBe(130);
  expect(
    out
      .trimEnd()
      .split('\n')
      .filter((line) => waits.test(line)).length,
  ).toBeGreaterThan(1);
  expect(out).toMatch(/^flow \S+ failed: .*answer is missing: cancelled at phone: the node shuts down$/m);
  server.kill('SIGKILL');
  await server.ended;
});

const lookup = `
import { float32, input, int64, module, on, output, peer } from 'bytesandbrains';
const [phone, server] = [peer('phone'), peer('server')];
export default module('lookup', () => {
  const x = input('x', float32, [4], { at: phone });
  const i = input('i', int64, [1], { at: phone });
  const found = on(phone, () => x.gather(i));
  output('y', on(server, () => found.exp()));
});
`;

test('bbc run --json says of a flow that is not complete what went missing, at which peer, over which edge', async () => {
  writeFileSync(file('lookup.ts'), lookup);
  const tensors = {
    x: { dtype: 'float32', dims: [4], data: [1, 2, 3, 4] },
    i: { dtype: 'int64', dims: [1], data: [7] },
  };
  writeFileSync(file('lookup.json'), JSON.stringify(tensors));
  const args = ['--peers', file('peers.json'), '--inputs', file('lookup.json'), '--no-check', '--json'];
  const { status, out } = await bbcProcess(['run', file('lookup.ts'), ...args]).ended;
  const { ok, diagnostics, unfinished } = JSON.parse(out);
  expect([status, ok]).toEqual([1, false]);
  expect(diagnostics.map(({ code }: { code: string }) => code)).toEqual(['BB833']);
  expect(unfinished).toMatchObject([{ step: 0, status: 'failed' }]);
  const { reasons } = unfinished[0];
  expect(reasons).toContainEqual(
    expect.objectContaining({ at: 'server', value: 'found', reason: 'failed', peer: 'phone' }),
  );
  for (const { text } of reasons) expect(text).toMatch(/failed at phone/);
});
