// Done line 4: two and three processes over WebSocket give the bits of one process; one that is killed ends the others,
// with a message that names peer, edge and deadline, exit status 1, within the deadline.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bbcProcess, type Ended } from '../support/processes.ts';
import type { Line } from './verification.ts';

/** Models, with sizes for their open dimensions. */
const models: Readonly<Record<string, readonly string[]>> = {
  cls: ['x.2=48', 'x.3=192'],
  det: ['x.2=320', 'x.3=320'],
  rec: ['x.3=320'],
};
const FLOWS = 3;
const DEADLINE_MS = 2000;
/** From the end of the wait to the end of the process. */
const LEAVE_MS = 2000;

const survey = `
import { broadcast, cohort, float32, input, module, on, output, peer } from 'bytesandbrains';
const [phones, server] = [cohort('phone'), peer('server')];
export default module('survey', () => {
  const x = input('x', float32, [4], { at: server });
  const asked = broadcast(x, phones.each, { within: '${DEADLINE_MS / 1000}s' });
  const own = on(phones.each, () => asked.relu().add(1));
  output('y', own.collect({ at: server, within: '${DEADLINE_MS / 1000}s' }).values);
});
`;

const bbc = async (...args: readonly string[]): Promise<Ended> => {
  const ended = await bbcProcess(args).ended;
  if (ended.status !== 0) throw new Error(`bbc ${args.join(' ')}: ${ended.err}`);
  return ended;
};

interface Killed {
  readonly status: number | null;
  readonly says: string;
  readonly ms: number;
  readonly [key: string]: string | number | null;
}

const verify: Line = async (cx) => {
  for (const [name, dims] of Object.entries(models)) {
    for (const count of [2, 3]) {
      const what = `${name} over ${count} processes`;
      const equal = await cx.step(what, async () => {
        const peers = ['phone', 'edge', 'server'].slice(3 - count);
        const topology = path.join(cx.folder, `${count}.json`);
        const classes = Object.fromEntries(peers.map((peer) => [peer, {}]));
        writeFileSync(topology, JSON.stringify({ version: 1, classes }));
        const dist = path.join(cx.folder, `${name}-${count}`);
        await bbc('compile', cx.model(name), '--peers', topology, '-o', dist);
        const args = ['run', dist, '--random', '7', ...dims.flatMap((dim) => ['--dim', dim]), '--json'];
        const one = await bbc(...args);
        const several = await bbc(...args, '--processes', '--flows', String(FLOWS));
        rmSync(dist, { recursive: true });
        return (
          JSON.stringify(JSON.parse(one.out).outputs) === JSON.stringify(JSON.parse(several.out).outputs)
        );
      });
      cx.figure(what, equal ? 'the bits of one process' : 'OTHER bits', equal);
    }
  }
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const ends = await cx.step(signal, () => killed(cx.folder, signal));
    for (const [peer, { status, says, ms }] of Object.entries(ends)) {
      const named = /phone\/1 over edge \d+ within its deadline of 2 s/.test(says);
      const inTime = ms <= DEADLINE_MS + LEAVE_MS;
      cx.figure(
        `phone/1 gets ${signal}: ${peer}`,
        `exit ${status} after ${ms} ms`,
        status === 1 && named && inTime,
      );
      cx.note(says);
    }
  }
};
export default verify;

/** How the others of a deployment end when one of its processes gets a signal in the midst of flows. */
async function killed(folder: string, signal: NodeJS.Signals): Promise<Record<string, Killed>> {
  const source = path.join(folder, 'survey');
  mkdirSync(source, { recursive: true });
  const [model, topology, dist] = ['model.ts', 'topology.json', 'dist'].map((name) =>
    path.join(source, name),
  );
  writeFileSync(model!, survey);
  writeFileSync(topology!, JSON.stringify({ version: 1, classes: { phone: { count: 2 }, server: {} } }));
  await bbc('compile', model!, '--peers', topology!, '-o', dist!, '--no-check');
  const phones = ['phone/0', 'phone/1'].map((peer) =>
    bbcProcess(['node', path.join(dist!, 'phone'), '--peer', peer, '--listen', 'ws://127.0.0.1:0']),
  );
  const dials = await Promise.all(
    phones.map(async (phone) => ['--dial', (await phone.line(/^ready .*listening=(\S+)$/m))[1]!]),
  );
  const args = ['node', path.join(dist!, 'server'), '--random', '1', '--flows', '1000000', ...dials.flat()];
  const server = bbcProcess(args);
  await server.line(/^flow \S+ complete$/m);
  const start = performance.now();
  phones[1]!.kill(signal);
  const ends = await Promise.all(
    [server, phones[0]!].map(async ({ ended }) => {
      const { status, err } = await ended;
      return { status, says: err.split('\n')[0]!, ms: Math.round(performance.now() - start) };
    }),
  );
  phones[1]!.kill('SIGKILL');
  return { server: ends[0]!, 'phone/0': ends[1]! };
}
