// The explanations of diagnostics as pages: each shows input that gives its diagnostic, and how to mend it.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from '../../cli/commands/check.ts';
import { compileCommand } from '../../cli/commands/compile.ts';
import { conformanceCommand } from '../../cli/commands/conformance.ts';
import { explain } from '../../cli/commands/explain.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { graph } from '../../cli/commands/graph.ts';
import { infer } from '../../cli/commands/infer.ts';
import { init } from '../../cli/commands/init.ts';
import { inspect } from '../../cli/commands/inspect.ts';
import { node } from '../../cli/commands/node.ts';
import { run } from '../../cli/commands/run.ts';
import { runCli } from '../../cli/frame.ts';
import { type Block, blocksOf, commandsOf, type Execute, inShell, runPage, writeFile } from './pages.ts';
import { projectRoot } from './root.ts';

const commands = [
  init,
  check,
  compileCommand,
  conformanceCommand,
  explain,
  exportCommand,
  graph,
  infer,
  inspect,
  run,
  node,
];

export const explanationFolder = path.join(projectRoot, 'cli/explain/codes');
export const explanations = (): string[] => readdirSync(explanationFolder).sort();

/** `bbc` in this process, several times faster than a new one; its folder is this process's for the time. */
const execute: Execute = async (line, folder) => {
  const [, command, target] = /^(.*?)(?: > (\S+))?$/.exec(line)!;
  const words = command!.split(' ');
  if (words[0] !== 'bbc') return inShell({})(line, folder);
  let printed = '';
  const write = (text: string): void => {
    printed += text;
  };
  const before = process.cwd();
  process.chdir(folder);
  try {
    await runCli(commands, words.slice(1), { stdout: { write }, stderr: { write }, env: {} }, '1.0.0');
  } finally {
    process.chdir(before);
  }
  if (target === undefined) return printed;
  writeFileSync(path.join(folder, target), printed);
  return '';
};

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
    mkdirSync(path.join(folder, 'node_modules'));
    symlinkSync(projectRoot, path.join(folder, 'node_modules/bytesandbrains'));
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
