// Compiles models and asks ONNX's own checker about what was emitted, where Python has one.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { loadSource } from '../../cli/load.ts';
import { chainTopology, compile, writeDeployment } from '../../compiler/index.ts';
import { writeFolder } from '../../runtime/host/node-sink.ts';
import { projectRoot } from './root.ts';

/** Compiles a model for `count` peers into a folder: the programs, or the codes of why not. */
export async function compileInto(
  folder: string,
  file: string,
  count: number,
): Promise<{ programs: string[]; refused: string[] }> {
  const loaded = await loadSource(file);
  const result = loaded.model && compile(loaded.model, { topology: chainTopology(count) });
  if (!result?.ok) {
    const reasons = [...loaded.diagnostics, ...(result?.diagnostics ?? [])];
    return {
      programs: [],
      refused: reasons.filter((one) => one.severity === 'error').map(({ code }) => code),
    };
  }
  writeFolder(folder, (sink) => writeDeployment(result.compilation, sink));
  const programs = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => path.join(folder, name));
  return { programs, refused: [] };
}

export interface Checked {
  /** Of Python's onnx. */
  readonly version: string;
  /** By file, the checker's words. */
  readonly refused: Readonly<Record<string, string>>;
}

/** undefined: neither $PYTHON nor python3 has the package `onnx`. */
export function checkWithPython(files: readonly string[]): Checked | undefined {
  const script = path.join(projectRoot, 'tests/support/check-programs.py');
  const { status, stdout } = spawnSync(process.env.PYTHON ?? 'python3', [script], {
    input: files.join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return status === 0 ? (JSON.parse(stdout) as Checked) : undefined;
}
