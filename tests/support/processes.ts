// `bbc` as processes of their own, as they are when peers are on several machines.

import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from './root.ts';

const main = path.join(projectRoot, 'dist/cli/main.js');

export interface Ended {
  /** null: killed by a signal. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Process {
  /** The first line on stdout that matches, now or later; rejects if it ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export function bbcProcess(args: readonly string[], env: Readonly<Record<string, string>> = {}): Process {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  const watchers = new Set<() => void>();
  child.stdout!.on('data', (data) => {
    out += data;
    for (const watch of watchers) watch();
  });
  child.stderr!.on('data', (data) => {
    err += data;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (status) => resolve({ status, out, err }));
  });
  return {
    ended,
    kill: (signal) => void child.kill(signal),
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const found = pattern.exec(out);
          if (found === null) return;
          watchers.delete(watch);
          resolve(found);
        };
        watchers.add(watch);
        watch();
        void ended.then(() => reject(new Error(`it ended without ${pattern}:\n${out}\n${err}`)));
      }),
  };
}
