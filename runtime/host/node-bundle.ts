// Loads what the compiler wrote, and refuses what has changed since: the plan names the manifests' hashes, a
// manifest its program's and weights', and the deployment's id covers the plan itself.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  DiagnosticError,
  deploymentText,
  diagnostic,
  type FileReference,
  type Manifest,
  type Plan,
} from '../../ir/index.ts';
import type { LoadedBundle } from '../bundle.ts';
import { joinBundles } from '../join-bundles.ts';
import { checkManifest } from '../manifest.ts';
import { checkPlan } from '../plan.ts';
import { sha256 } from './node-sink.ts';
import { fileSource } from './node-source.ts';

/** A plan with its bundles, by program. */
export interface LoadedDeployment {
  readonly plan: Plan;
  readonly bundles: ReadonlyMap<string, LoadedBundle>;
}

export interface PeerBundle {
  readonly id: string;
  readonly bundle: LoadedBundle;
}

/**
 * Loads the bundle in `folder`. `expected` is what its manifest must hash to; without it the folder vouches for
 * itself. Weights are read once, to hash them, and stay in their file. Throws DiagnosticError: BB650 for a
 * changed file, BB651 for a missing one, BB652 and BB620 for one that is no manifest.
 */
export async function loadBundle(folder: string, expected?: string): Promise<LoadedBundle> {
  const file = path.join(folder, 'manifest.json');
  const text = await read(file);
  if (expected !== undefined) expectHash(file, expected, sha256(text));
  const manifest: Manifest = checkManifest(parse(file, text));
  const { program, weights } = manifest.files;
  const programFile = inside(folder, file, program.file);
  const onnx = await read(programFile);
  expectHash(programFile, program.sha256, sha256(onnx));
  if (weights === null) return { manifest, onnx };
  return { manifest, onnx, weights: await openWeights(inside(folder, file, weights.file), weights) };
}

/** Loads the bundles of all classes of one peer. Rejects as {@link loadBundle} does, with BB652 for those of several deployments. */
export async function loadBundles(folders: readonly string[]): Promise<LoadedBundle> {
  const bundles: LoadedBundle[] = [];
  for (const folder of new Set(folders.map((one) => path.resolve(one))))
    bundles.push(await loadBundle(folder));
  const [first, ...others] = bundles;
  const other = others.findIndex(({ manifest }) => manifest.deployment !== first!.manifest.deployment);
  if (other >= 0)
    throw unexpected(folders[other + 1]!, `it belongs to another deployment than ${folders[0]}`);
  // As the plan has them, so that a peer is the same in whatever order they are named.
  const order = Object.keys(first!.manifest.members);
  const place = ({ manifest }: LoadedBundle): number => order.indexOf(manifest.class);
  return joinBundles(bundles.toSorted((a, b) => place(a) - place(b)));
}

/** Loads a folder that `bbc compile` wrote. Throws as {@link loadBundle} does. */
export async function loadDeployment(folder: string): Promise<LoadedDeployment> {
  const file = path.join(folder, 'plan.json');
  const checked = checkPlan(parse(file, await read(file)));
  if ('mismatch' in checked) {
    throw unexpected(file, `${checked.mismatch.path} is not ${checked.mismatch.expected}`);
  }
  const { plan } = checked;
  const bundles = new Map<string, LoadedBundle>();
  for (const [name, program] of Object.entries(plan.programs)) {
    const bundle = await loadBundle(inside(folder, file, program.folder), program.manifest);
    if (bundle.manifest.deployment !== plan.deployment) {
      throw unexpected(file, `program ${name} belongs to another deployment`);
    }
    bundles.set(name, bundle);
  }
  const manifests = [...bundles.values()].map(({ manifest }) => manifest);
  expectHash(file, plan.deployment, sha256(Buffer.from(deploymentText(plan, manifests))));
  return { plan, bundles };
}

/** Who runs what, in the topology's order; of a peer that is in several classes, their bundles as one. */
export function peersOf({ plan, bundles }: LoadedDeployment): readonly PeerBundle[] {
  const programs = new Map<string, string[]>();
  for (const [name, { peers }] of Object.entries(plan.programs))
    for (const id of peers) programs.set(id, [...(programs.get(id) ?? []), name]);
  // Peers of the same classes share one object, so that it is decoded once.
  const joined = new Map<string, LoadedBundle>();
  return [...programs].map(([id, names]) => {
    const key = names.join('+');
    const bundle = joined.get(key) ?? joinBundles(names.map((name) => bundles.get(name)!));
    joined.set(key, bundle);
    return { id, bundle };
  });
}

async function openWeights(file: string, reference: FileReference) {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(part);
  } catch (error) {
    throw unreadable(file, error);
  }
  expectHash(file, reference.sha256, hash.digest('hex'));
  return fileSource(file);
}

/** A bundle is one folder: what it names must lie in it. */
function inside(folder: string, by: string, file: string): string {
  if (file === '' || file === '.' || file === '..' || /[\\/\0]/.test(file)) {
    throw unexpected(by, `it names ${JSON.stringify(file)}, which is not in its folder`);
  }
  return path.join(folder, file);
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function parse(file: string, text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString('utf8'));
  } catch (error) {
    throw unexpected(file, (error as Error).message);
  }
}

function expectHash(file: string, expected: string, actual: string): void {
  if (actual !== expected) {
    throw new DiagnosticError(diagnostic('BB650', { file, expected, actual }, { at: { file } }));
  }
}

const unreadable = (file: string, error: unknown): DiagnosticError => {
  const reason =
    (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : (error as Error).message;
  return new DiagnosticError(diagnostic('BB651', { file, reason }, { at: { file } }));
};

const unexpected = (file: string, reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB652', { file, reason }, { at: { file } }));
