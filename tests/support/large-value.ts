// A value from one process to another over a WebSocket, and what both hold at most meanwhile.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openContext } from '../../cli/context.ts';
import { startProcesses } from '../../cli/run/processes.ts';
import { writeDeployment } from '../../compiler/index.ts';
import { constant, input, int64, module, on, output, peer, range } from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { loadDeployment } from '../../runtime/host/node-bundle.ts';
import { writeFolder } from '../../runtime/host/node-sink.ts';
import { compiled, plain, recorded } from './deploy.ts';
import { projectRoot } from './root.ts';
import { topologyIn } from './simulated.ts';

const [sender, receiver] = [peer('sender'), peer('receiver')];
const program = module('large', () => {
  const count = input('count', int64, [], { at: sender });
  const x = on(sender, () => range(constant(0n, int64), count, 1n));
  const places = input('places', int64, [null], { at: receiver });
  output(
    'sum',
    on(receiver, () => x.reduceSum({ keepdims: false })),
  );
  output(
    'some',
    on(receiver, () => x.gather(places)),
  );
});

export interface Sent {
  readonly status: string;
  /** Whether all numbers came, in their order. */
  readonly same: boolean;
  /** By how many bytes the most that a process has held grew, by peer. */
  readonly grown: Readonly<Record<string, number>>;
  readonly ms: number;
}

export async function sendLarge(folder: string, bytes: number): Promise<Sent> {
  const topology = topologyIn({ classes: { sender: {}, receiver: {} } });
  writeFolder(folder, (sink) => writeDeployment(compiled(recorded(program), topology), sink));
  const deployment = await loadDeployment(folder);
  const cx = openContext({ stdout: { write: () => true }, stderr: { write: () => true }, env: {} }, false);
  const main = path.join(projectRoot, 'dist/cli/main.js');
  const settings = { optimization: 'disabled', workers: 0, topology: undefined, main };
  const running = await startProcesses(cx, { deployment, folder, dispose: () => {} }, settings);
  const call = (places: readonly number[], count: number) =>
    running.invoke({ count: numbers([], [count]), places: numbers([places.length], places) });
  try {
    await call([0], 1);
    const [count, before] = [bytes / 8, peaks()];
    const places = Array.from({ length: 1000 }, (_, at) => Math.floor((at * (count - 1)) / 999));
    const began = performance.now();
    const { status, outputs } = await call(places, count);
    const ms = performance.now() - began;
    const after = peaks();
    const grown = Object.fromEntries(Object.entries(after).map(([id, one]) => [id, one - before[id]!]));
    return {
      status,
      same:
        String(plain(outputs.sum)) === String((count * (count - 1)) / 2) &&
        String(plain(outputs.some)) === String(places),
      grown,
      ms,
    };
  } finally {
    await running.close();
  }
}

/** The most that each child of this process has held, in bytes. */
function peaks(): Readonly<Record<string, number>> {
  const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
    encoding: 'utf8',
  });
  return Object.fromEntries(
    children.split('\n').flatMap((line) => {
      const [, pid, id] = /^ *(\d+) .* --peer (\S+) /.exec(line) ?? [];
      if (pid === undefined) return [];
      const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
      return [[id!, Number(kib) * 1024]];
    }),
  );
}

const numbers = (dims: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'int64',
  dims,
  bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});
