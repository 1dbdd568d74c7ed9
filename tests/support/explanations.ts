// The explanations of diagnostics as pages: each shows input that gives its diagnostic, and how to mend it.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Execute, withBuiltBbc } from './built-bbc.ts';
import { type Block, blocksOf, commandsOf, runPage, writeFile } from './pages.ts';
import { projectRoot } from './root.ts';

export const explanationFolder = path.join(projectRoot, 'cli/explain/codes');
export const explanations = (): string[] => readdirSync(explanationFolder).sort();

/** Without the line that points to the explanation: this is the explanation. */
const executeIn =
  (bin: string): Execute =>
  async (line, folder) =>
    (await withBuiltBbc({ PATH: `${bin}:${process.env.PATH}` })(line, folder)).replace(
      /^for more: bbc explain BB\d+\n/gm,
      '',
    );

export interface Tried {
  /** The explanation, and as it is with what its commands print now. */
  readonly shown: string;
  readonly page: string;
  /** What the last command prints when the files are as its fix shows them. */
  readonly mended: string;
  readonly notRun: readonly string[];
}

export async function tryExplanation(file: string): Promise<Tried> {
  const page = readFileSync(path.join(explanationFolder, file), 'utf8');
  const [example, fix] = page.split('\n## Fix\n') as [string, string];
  const folder = mkdtempSync(path.join(tmpdir(), 'explain-'));
  try {
    const bin = path.join(folder, 'node_modules/.bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(path.join(projectRoot, 'dist/cli/main.js'), path.join(bin, 'bbc'));
    symlinkSync(projectRoot, path.join(folder, 'node_modules/bytesandbrains'));
    const execute = executeIn(bin);
    const made = await runPage(example, folder, execute);
    const blocks = blocksOf(fix);
    for (const block of blocks) if (block.name !== '') writeFile(path.join(folder, block.name), block);
    const [last] = sessions(blocks).concat(sessions(blocksOf(example)).slice(-1));
    let mended = '';
    if (blocks.length > 0 && last !== undefined) {
      const lines = commandsOf(last.body).map(({ line }) => line);
      for (const line of sessions(blocks).length > 0 ? lines : lines.slice(-1))
        mended += await execute(line, folder);
    }
    return { shown: page, page: `${made.page}\n## Fix\n${fix}`, mended, notRun: made.notRun };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sessions = (blocks: readonly Block[]): Block[] =>
  blocks.filter(({ language, comment }) => language === 'console' && !comment.startsWith('not run'));
