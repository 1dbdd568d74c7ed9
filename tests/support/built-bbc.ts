// The built command line in this process: what the compiler has read for one command it has for the next, so it is
// several times faster than a process for each.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './root.ts';

export interface Chunk {
  readonly stream: 'out' | 'err';
  readonly text: string;
}

export interface Ended {
  readonly status: number;
  /** In the order of writing. */
  readonly chunks: readonly Chunk[];
}

const built = (file: string): string => pathToFileURL(path.join(projectRoot, 'dist', file)).href;

/** Runs `bbc` with these arguments; its folder is this process's for the time, so one runs at a time. */
export async function builtBbc(argv: readonly string[], folder: string): Promise<Ended> {
  const [{ runCli }, { commands }] = (await Promise.all([
    import(built('cli/frame.js')),
    import(built('cli/commands.js')),
  ])) as [typeof import('../../cli/frame.ts'), typeof import('../../cli/commands.ts')];
  const chunks: Chunk[] = [];
  const write = (stream: Chunk['stream']) => ({ write: (text: string) => chunks.push({ stream, text }) });
  const before = process.cwd();
  process.chdir(folder);
  try {
    const io = { stdout: write('out'), stderr: write('err'), env: { ...process.env, NO_COLOR: '1' } };
    return { status: await runCli(commands, argv, io, '0.1.0'), chunks };
  } finally {
    process.chdir(before);
  }
}

/** Runs one command line in a folder; gives what it prints. */
export type Execute = (line: string, folder: string) => Promise<string> | string;

/** Runs a line in a shell; `env` is added. */
export const inShell =
  (env: Readonly<Record<string, string | undefined>>): Execute =>
  (line, folder) =>
    new Promise((resolve) => {
      const options = { cwd: folder, env: { ...process.env, NO_COLOR: '1', COLUMNS: '80', ...env } };
      execFile('sh', ['-c', `exec 2>&1\n${line}`], options, (_, stdout) => resolve(stdout));
    });

/** `bbc` and plain words, then what a shell does with its output and status. */
const oneBbc = /^bbc((?: (?:[\w./:=@,+-]+|'[^']*'))+)( *(?:\||;|[12]?>(?!&)).*)?$/;

/** Like a shell's, with a `bbc` that runs in this process where a line has one, in front. */
export const withBuiltBbc =
  (env: Readonly<Record<string, string>> = {}): Execute =>
  async (line, folder) => {
    const [, words, rest = ''] = oneBbc.exec(line) ?? [];
    if (words === undefined || / bbc /.test(rest)) return inShell(env)(line, folder);
    const { status, chunks } = await builtBbc(
      words.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", '')),
      folder,
    );
    if (rest === '') return chunks.map(({ text }) => text).join('');
    return replayed({ status, chunks }, rest, folder);
  };

/** What a shell makes of a command that has run. */
async function replayed({ status, chunks }: Ended, rest: string, folder: string): Promise<string> {
  const kept = mkdtempSync(path.join(tmpdir(), 'bbc-'));
  try {
    const steps = chunks.map(({ stream, text }, index) => {
      const file = path.join(kept, String(index));
      writeFileSync(file, text);
      return `cat '${file}'${stream === 'err' ? ' >&2' : ''}`;
    });
    return await inShell({})(`ran() { ${[...steps, `return ${status}`].join('; ')}; }\nran${rest}`, folder);
  } finally {
    rmSync(kept, { recursive: true, force: true });
  }
}
