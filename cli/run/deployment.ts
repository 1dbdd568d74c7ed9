// What `bbc run` runs: a folder that was compiled before, or a model compiled now into a folder of its own.

import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Model } from '../../ir/index.ts';
import { type LoadedDeployment, loadDeployment } from '../../runtime/host/node-bundle.ts';
import { type CommandContext, UsageError } from '../context.ts';

export interface Prepared {
  readonly deployment: LoadedDeployment;
  /** Where its files are. */
  readonly folder: string;
  /** The computation before the cut; absent for a compiled folder. */
  readonly uncut?: Model;
  /** Removes what was only made for this run. */
  dispose(): void;
}

export async function prepare(
  cx: CommandContext,
  source: string,
  options: { readonly peers?: string; readonly topology?: string; readonly check: boolean },
): Promise<Prepared> {
  if (existsSync(source) && statSync(source).isDirectory()) {
    if (options.peers !== undefined) {
      throw new UsageError(`${source} was compiled for its peers already: leave --peers out`);
    }
    cx.progress(`loading ${source}`);
    return { deployment: await loadDeployment(source), folder: source, dispose: () => {} };
  }
  if (options.topology !== undefined) {
    throw new UsageError('--topology is for a compiled folder: a model takes all from --peers');
  }
  if (options.peers === undefined) {
    throw new UsageError(`--peers says who runs ${source}; only a compiled folder runs without it`);
  }
  const [{ writeDeployment }, { writeFolder }, { compileSource }] = await Promise.all([
    import('../../compiler/index.ts'),
    import('../../runtime/host/node-sink.ts'),
    import('../compile.ts'),
  ]);
  const compilation = await compileSource(cx, source, { peers: options.peers, check: options.check });
  // From a folder and not from memory, so that the backend can map the weights.
  const scratch = mkdtempSync(path.join(tmpdir(), 'bbc-run-'));
  const dispose = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    const folder = path.join(scratch, 'dist');
    writeFolder(folder, (sink) => writeDeployment(compilation, sink));
    return { deployment: await loadDeployment(folder), folder, uncut: compilation.model, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
