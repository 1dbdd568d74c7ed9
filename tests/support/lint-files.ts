// Lints a module as the command line does: its files in a folder of their own, sources and comments included.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LintRequest, lintSource } from '../../cli/lint/lint.ts';
import type { Example, Finding } from '../../compiler/index.ts';
import { projectRoot } from './root.ts';

/** Files by name in a new folder that finds Node's types; `use` gets the folder, which is gone afterwards. */
export async function withFiles<R>(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<R>,
): Promise<R> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lint-'));
  try {
    symlinkSync(path.join(projectRoot, 'node_modules'), path.join(folder, 'node_modules'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What `bbc lint` finds in an example, files relative to the module's folder. */
export const lintFiles = (
  { model, topology }: Pick<Example, 'model' | 'topology'>,
  request: Partial<LintRequest> = {},
): Promise<readonly Finding[]> =>
  withFiles(
    { 'model.ts': model.trimStart(), ...(topology !== undefined && { 'topology.json': topology }) },
    async (folder) => {
      const findings = await lintSource({
        source: path.join(folder, 'model.ts'),
        peers: topology === undefined ? undefined : path.join(folder, 'topology.json'),
        check: false,
        levels: {},
        ...request,
      });
      const named = <P extends { readonly file: string }>(at: P): P => ({
        ...at,
        file: path.basename(at.file),
      });
      return findings.map((one) => ({
        ...one,
        at: one.at && named(one.at),
        ...(one.fix && { fix: one.fix.map(named) }),
      }));
    },
  );
