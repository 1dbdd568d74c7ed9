// The table of commands. Each file in commands/ is one of them.

import { bench } from './commands/bench.ts';
import { check } from './commands/check.ts';
import { compileCommand } from './commands/compile.ts';
import { completionOf } from './commands/completion.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { explain } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { grad } from './commands/grad.ts';
import { graph } from './commands/graph.ts';
import { importCommand } from './commands/import.ts';
import { infer } from './commands/infer.ts';
import { init } from './commands/init.ts';
import { inspect } from './commands/inspect.ts';
import { lintCommand } from './commands/lint.ts';
import { node } from './commands/node.ts';
import { replayCommand } from './commands/replay.ts';
import { run } from './commands/run.ts';
import { sim } from './commands/sim.ts';
import { simplify } from './commands/simplify.ts';
import { trainstep } from './commands/trainstep.ts';
import type { CommandSpec } from './frame.ts';

export const commands: readonly CommandSpec[] = [
  init,
  compileCommand,
  graph,
  check,
  lintCommand,
  infer,
  inspect,
  explain,
  importCommand,
  exportCommand,
  simplify,
  grad,
  trainstep,
  conformanceCommand,
  run,
  sim,
  replayCommand,
  node,
  bench,
  completionOf(() => commands),
];
