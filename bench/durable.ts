// What it costs to keep peers: steps of the split-learning example with a data folder for each peer, against the same steps
// without. Every input is on the disk before what it causes leaves, the results of segments among them.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openContext } from '../cli/context.ts';
import { Backends } from '../cli/run/backends.ts';
import { openPeerData } from '../cli/run/components.ts';
import { prepare } from '../cli/run/deployment.ts';
import { peersOf } from '../cli/run/memory.ts';
import { startDeployment } from '../runtime/host/index.ts';
import { DataFolder } from '../runtime/host/node.ts';
import type { Figure } from './figure.ts';
import { inPairs } from './pairs.ts';

const STEPS = 20;
const example = fileURLToPath(new URL('../../examples/07-split-learning', import.meta.url));
const silent = { write: () => true };

export async function benchDurable(): Promise<readonly Figure[]> {
  const cx = openContext({ stdout: silent, stderr: silent, env: {} }, false);
  const topology = path.join(example, 'topology.json');
  const prepared = await prepare(cx, path.join(example, 'model.ts'), { peers: topology, check: false });
  const scratch = mkdtempSync(path.join(tmpdir(), 'bench-durable-'));
  const backends = new Backends(undefined, { optimization: 'all', workers: 0 });
  const { deployment: loaded } = prepared;
  const data = await openPeerData(cx, peersOf(loaded), topology);
  let runs = 0;
  let keptBytes = 0;
  const run = async (keeps: boolean): Promise<number> => {
    const folder = path.join(scratch, String(runs++));
    const { deployment } = loaded.plan;
    const opened: DataFolder[] = [];
    const peers = [];
    for (const { id, bundle } of peersOf(loaded)) {
      const own = { id, bundle, backend: backends.of(bundle.manifest), components: data.of(id) };
      if (!keeps) peers.push(own);
      else {
        const options = { peer: id, deployment, incarnation: 1 };
        const durability = await DataFolder.open(path.join(folder, id), options);
        opened.push(durability);
        peers.push({ ...own, durability });
      }
    }
    const running = await startDeployment({ peers, backend: peers[0]!.backend });
    const start = performance.now();
    const { status } = await running.invoke({}, { flows: STEPS });
    const ms = performance.now() - start;
    if (status !== 'complete') throw new Error(`the session is ${status}`);
    await running.close();
    for (const one of opened) await one.close();
    if (keeps) keptBytes = bytesIn(folder);
    rmSync(folder, { recursive: true, force: true });
    return ms;
  };
  try {
    const { ours, theirs, ratio } = await inPairs(
      () => run(true),
      () => run(false),
      { rounds: 7, warmUp: 1 },
    );
    return [
      { name: 'a step, kept', value: ours / STEPS, unit: 'ms' },
      { name: 'a step, not kept', value: theirs / STEPS, unit: 'ms' },
      { name: 'kept against not kept', value: ratio, unit: '×' },
      { name: 'on the disk, per step', value: keptBytes / STEPS / 2 ** 20, unit: 'MiB' },
    ];
  } finally {
    await data.close();
    await backends.close();
    prepared.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const bytesIn = (folder: string): number =>
  (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, one) => sum + (one.isFile() ? one.size : 0), 0);
