// One run of `bbc lint`: what the sources, the recorded graph and the plan hold against the rules.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Project } from 'ts-morph';
import {
  type Finding,
  findingOf,
  inFileOrder,
  levelOf,
  lint,
  parseTopology,
  type RuleLevels,
} from '../../compiler/index.ts';
import { type Diagnostic, hasErrors, type Position, type Topology } from '../../ir/index.ts';
import { readProblem } from '../load/files.ts';
import { isModuleFile, loadSource } from '../load.ts';
import { rules } from './rules.ts';
import { sourceRules } from './source/rules.ts';
import type { Sources } from './source/sources.ts';

export interface LintRequest {
  /** model.ts or model.onnx. */
  readonly source: string;
  /** topology.json. */
  readonly peers?: string | undefined;
  /** Type-check a model.ts first. */
  readonly check: boolean;
  readonly levels: RuleLevels;
}

/**
 * Everything there is to say, positions relative to the working folder, in file order. Files that cannot be read
 * and graphs that do not compile are findings too, so that every format shows them.
 */
export async function lintSource(request: LintRequest): Promise<readonly Finding[]> {
  const { levels } = request;
  const folder = path.dirname(request.source);
  const asFinding = (one: Diagnostic): Finding => findingOf(one, rules, levels);
  const { topology, diagnostics } = request.peers === undefined ? nobody : readTopology(request.peers);
  const found = diagnostics.map(asFinding);
  if (hasErrors(diagnostics)) return found;

  const opened = isModuleFile(request.source) ? await openAuthored(request.source) : undefined;
  const loaded = await loadSource(request.source, { check: request.check, project: opened?.project });
  const inSource = opened === undefined ? [] : await lintSources(opened.sources, levels);
  found.push(...[...loaded.diagnostics.map(asFinding), ...inSource].map((one) => movedTo(folder, one)));
  if (loaded.model === undefined) return inFileOrder(found);
  // What the topology's file is called is relative to the working folder already.
  const inFolder = lint(loaded.model, { topology, levels }).map((one) =>
    one.at?.file === topology?.file ? one : movedTo(folder, one),
  );
  return inFileOrder([...found, ...inFolder]);
}

/** The author's files, if there are any: what loading says of those that are not there is enough. */
async function openAuthored(file: string): Promise<{ project: Project; sources: Sources } | undefined> {
  if (!existsSync(file)) return undefined;
  const [{ openSources }, { sourcesOf }] = await Promise.all([
    import('../load/sources.ts'),
    import('./source/sources.ts'),
  ]);
  const entry = realpathSync(file);
  const project = openSources(entry);
  return { project, sources: sourcesOf(project, entry) };
}

async function lintSources(sources: Sources, levels: RuleLevels): Promise<readonly Finding[]> {
  const { checkSources } = await import('./source/outside.ts');
  const wanted = sourceRules.filter((rule) => levelOf(rule, levels) !== 'off');
  return checkSources(sources, wanted).flatMap(({ rule, problems }) => {
    const level = levelOf(rule, levels) as Finding['level'];
    return problems.map((problem) => ({ ...problem, rule: rule.id, level }));
  });
}

const nobody: ReturnType<typeof parseTopology> = { diagnostics: [] };

function readTopology(file: string): { topology?: Topology; diagnostics: readonly Diagnostic[] } {
  const name = relative(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { diagnostics: [readProblem(name, error)] };
  }
  return parseTopology(text, name);
}

/** A path as people and code-scanning services write it: from the working folder, with slashes. */
const relative = (file: string): string => path.relative('', file).replaceAll(path.sep, '/');

/** A recording's positions are relative to its module's folder. */
function movedTo(folder: string, one: Finding): Finding {
  const move = <P extends Position | undefined>(at: P): P =>
    at === undefined ? at : { ...at, file: relative(path.resolve(folder, at.file)) };
  return {
    ...one,
    at: move(one.at),
    ...(one.related && { related: one.related.map((step) => ({ ...step, at: move(step.at) })) }),
    ...(one.fix && {
      fix: one.fix.map((edit) => ({ ...edit, file: relative(path.resolve(folder, edit.file)) })),
    }),
  };
}
