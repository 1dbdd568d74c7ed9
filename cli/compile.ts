// What the commands that compile have in common: load, read the topology, run the passes, report.

import { type Compilation, compile } from '../compiler/index.ts';
import { type Model, printModel, type Topology } from '../ir/index.ts';
import type { CommandContext } from './context.ts';
import { readTopology } from './load/topology.ts';
import { loadSource } from './load.ts';

export const objectives = ['latency', 'throughput', 'bytes', 'energy'] as const;

export interface CompileSettings {
  readonly peers: string;
  readonly check: boolean;
  readonly objective?: Topology['objective'];
  readonly printAfter?: string;
  /** Sees each state of the compilation. */
  readonly after?: (pass: string, compilation: Compilation) => void;
}

/** Compiles what the user named; ends the command if there are errors. */
export async function compileSource(
  cx: CommandContext,
  source: string,
  settings: CompileSettings,
): Promise<Compilation> {
  // The topology first: it is checked before anything else happens.
  const topology = readTopology(cx, settings.peers);
  cx.progress(`loading ${source}`);
  const { model, diagnostics } = await loadSource(source, { check: settings.check });
  cx.require(diagnostics);
  const compilation = compileModel(
    cx,
    model!,
    { ...topology, objective: settings.objective ?? topology.objective },
    settings,
  );
  await checkSettings(compilation);
  return compilation;
}

/** Settings of components that come with the project. Of other kinds whoever starts the peers knows more. */
async function checkSettings({ deployment }: Compilation): Promise<void> {
  const slots = deployment?.programs.flatMap(({ slots = [] }) => slots) ?? [];
  const chosen = slots.filter(({ options }) => options.kind !== undefined);
  if (chosen.length === 0) return;
  const { kinds, makerOf } = await import('../stdlib/components.ts');
  for (const slot of chosen) if (Object.hasOwn(kinds, String(slot.options.kind))) makerOf(slot);
}

function compileModel(
  cx: CommandContext,
  model: Model,
  topology: Topology,
  { printAfter, after }: Pick<CompileSettings, 'printAfter' | 'after'> = {},
): Compilation {
  const { compilation, diagnostics } = compile(model, {
    topology,
    after: (pass, state) => {
      cx.progress(`${pass.name} done`);
      after?.(pass.name, state);
      if (pass.name === printAfter) cx.print(compilationText(state));
    },
  });
  cx.require(diagnostics);
  return compilation;
}

/** The graph as text; after the cut, that of every program. */
function compilationText({ model, deployment }: Compilation): string {
  if (deployment === undefined) return printModel(model);
  return deployment.programs.map(({ name, model }) => `program ${name}\n${printModel(model)}`).join('\n');
}
