// The seeded-fault modules: what their comments say is wrong with them, and what lint finds.
//
//   w.assign(x); // fault: lost-update                one or several rules, found on this line
//   // fault in topology.json: idle-peer              found in the module's topology

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { lintSource } from '../../cli/lint/lint.ts';
import { projectRoot } from './root.ts';

const folder = path.join(projectRoot, 'tests/lint/seeded');
export const seededModules: readonly string[] = readdirSync(folder);

/** `model.ts:12 lost-update`, `topology.json idle-peer`; sorted. */
export function seededFaults(name: string): readonly string[] {
  const lines = readFileSync(path.join(folder, name, 'model.ts'), 'utf8').split('\n');
  const faults = lines.flatMap((line, index) => {
    const [, topology, rules] = /\/\/ fault( in topology\.json)?: (.+)$/.exec(line) ?? [];
    const at = topology === undefined ? `model.ts:${index + 1}` : 'topology.json';
    return rules?.split(', ').map((rule) => `${at} ${rule}`) ?? [];
  });
  return faults.sort();
}

export async function foundFaults(name: string): Promise<readonly string[]> {
  const source = path.join(folder, name, 'model.ts');
  const peers = path.join(folder, name, 'topology.json');
  const findings = await lintSource({ source, peers, check: false });
  return findings
    .map(({ rule, at }) => {
      const file = path.basename(at?.file ?? '');
      return `${file === 'model.ts' ? `${file}:${at?.line}` : file} ${rule}`;
    })
    .sort();
}
