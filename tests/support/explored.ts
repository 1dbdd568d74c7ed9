// Examples as they are explored: at most three peers, one round. Those with more phones get two, of which one has to answer.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './root.ts';

interface Explored {
  readonly runs: number;
  readonly states: number;
  readonly crashPoints: number;
  readonly whole: boolean;
  readonly findings: readonly { readonly kind: string; readonly what: string }[];
}

/** What is asked for beyond one call of one round. */
export const exploredExamples: readonly (readonly [name: string, ...options: string[]])[] = [
  ['01-hello', '--calls', '3'],
  ['02-text-recogniser', '--calls', '2'],
  ['03-wake-word', '--calls', '2'],
  ['04-voice-detector', '--calls', '2'],
  ['05-digits'],
  // An epoch of each phone's digits would take a minute: what it computes is zeros.
  ['06-federated-digits', '--compute', 'modelled'],
  ['07-split-learning'],
  ['08-private-split'],
  ['09-split-fed'],
  ['10-fine-tune'],
];

const PHONES = 2;

/** Its model and its topology. */
function filesOf(name: string): readonly [model: string, topology: string] {
  const folder = path.join(projectRoot, 'examples', name);
  const files = ['model.ts', 'topology.json'].map((file) => path.join(folder, file)) as [string, string];
  const [model, topology] = files.map((file) => readFileSync(file, 'utf8')) as [string, string];
  const content = JSON.parse(topology) as { classes: Record<string, { count?: number }> };
  if ((content.classes.phone?.count ?? 1) <= PHONES) return files;
  content.classes.phone!.count = PHONES;
  const own = path.join(projectRoot, '.cache/explored', name);
  mkdirSync(own, { recursive: true });
  const [ownModel, ownTopology] = [path.join(own, 'model.ts'), path.join(own, 'topology.json')];
  writeFileSync(ownModel, model.replace(/atLeast: \d+/g, 'atLeast: 1'));
  writeFileSync(
    ownTopology,
    JSON.stringify(content).replaceAll('../../node_modules', '../../../node_modules'),
  );
  return [ownModel, ownTopology];
}

/** By the command line that was built. Throws what it says on stderr where it says nothing else. */
export function exploreExample(name: string, ...options: readonly string[]): Explored & { status: number } {
  const [model, topology] = filesOf(name);
  const common = ['--no-check', '--explore', '--json', '--random', '1', '--flows', '1', '--calls', '1'];
  const args = ['dist/cli/main.js', 'sim', model, '--peers', topology, ...common, ...options];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    cwd: projectRoot,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (!stdout.includes('"runs"')) throw new Error(stderr + stdout);
  const { runs, states, crashPoints, whole, findings } = JSON.parse(stdout) as Explored;
  return { runs, states, crashPoints, whole, findings, status: status ?? -1 };
}
