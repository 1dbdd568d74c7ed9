// The peers of a deployment with the data that its topology.json binds to them.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseTopology } from 'bytesandbrains/compiler';
import { DataFolder } from 'bytesandbrains/data/node';
import type { loadDeployment } from 'bytesandbrains/host/node';

type Deployment = Awaited<ReturnType<typeof loadDeployment>>;

/** `seed` replaces those of the shards: who has what. Whoever asks closes the folder when the run is over. */
export async function peersWithData({ plan, bundles }: Deployment, file: string, seed?: number) {
  const { topology } = parseTopology(readFileSync(file, 'utf8'), path.basename(file));
  const folder = new DataFolder(path.dirname(file));
  const peers = [];
  for (const [name, bundle] of bundles) {
    const bindings = topology?.classes.find((one) => one.name === bundle.manifest.class)?.components ?? [];
    const { peers: members } = plan.programs[name]!;
    for (const [index, id] of members.entries()) {
      const opened = bindings.map(async (binding) => {
        const shard = binding.shard && seed !== undefined ? { shard: { ...binding.shard, seed } } : {};
        const component = await folder.open({ ...binding, ...shard }, { index, count: members.length });
        return [binding.name, component] as const;
      });
      peers.push({ id, bundle, components: Object.fromEntries(await Promise.all(opened)) });
    }
  }
  return { peers, folder };
}
