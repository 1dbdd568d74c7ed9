// The only list of passes, and what runs it.

import { type Diagnostic, diagnostic, hasErrors, type Model, Report, type Topology } from '../ir/index.ts';
import { brokenInvariant } from './levels.ts';
import { type Compilation, levels, type Pass } from './pass.ts';
import { bind } from './passes/bind.ts';
import { check } from './passes/check.ts';
import { differentiate } from './passes/differentiate.ts';
import { emit } from './passes/emit.ts';
import { guard } from './passes/guard.ts';
import { infer } from './passes/infer.ts';
import { place } from './passes/place.ts';
import { prune } from './passes/prune.ts';
import { split } from './passes/split.ts';

/** Which passes run, and why in this order. */
export const passes: readonly Pass[] = [
  check, // everything after it may rely on sorted, well-formed graphs
  infer, // placement weighs values by their bytes, so types come before places
  differentiate, // before the cut, so that what goes back between peers is cut like what goes forth
  prune, // what no output needs must not decide where the cut goes
  place, // cuts are where neighbours live apart, so every op needs a place first
  split, // from here on there is one graph per program
  guard, // deadlines follow the critical path over edges, which exist only after the cut
  bind, // components and state keys, per program
  emit,
];

export interface CompileOptions {
  readonly topology: Topology;
  /** The passes to run instead of the standard list: author's insertions, or a forced placement. */
  readonly passes?: readonly Pass[];
  /** Called after each pass; for `--print-after` and progress. */
  readonly after?: (pass: Pass, compilation: Compilation) => void;
}

export interface CompileResult {
  /** As far as it got; emitted if there are no errors. */
  readonly compilation: Compilation;
  readonly diagnostics: readonly Diagnostic[];
  readonly ok: boolean;
}

/** Compiles a recorded or imported model for a topology. Reads no clock, no file and no chance. */
export function compile(model: Model, options: CompileOptions): CompileResult {
  const found = new Report();
  const cx = { topology: options.topology, report: found.add };
  let compilation: Compilation = { level: 'recorded', model };
  for (const pass of options.passes ?? passes) {
    if (levels.indexOf(compilation.level) < levels.indexOf(pass.needs)) {
      const problem = `it needs level ${pass.needs} and was given ${compilation.level}`;
      found.add(diagnostic('BB506', { pass: pass.name, problem }));
      break;
    }
    compilation = pass.run(compilation, cx);
    if (hasErrors(found.list)) break;
    const broken = brokenInvariant(compilation, pass.gives);
    if (broken !== undefined || compilation.level !== pass.gives) {
      const problem = broken ?? `it gave level ${compilation.level} instead of ${pass.gives}`;
      found.add(diagnostic('BB506', { pass: pass.name, problem }));
      break;
    }
    options.after?.(pass, compilation);
  }
  return { compilation, diagnostics: found.list, ok: !hasErrors(found.list) };
}
