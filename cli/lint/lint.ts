// One run of `bbc lint`: what the sources, the recorded graph and the plan hold against the rules.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { ts } from '@ts-morph/common';
import {
  type Finding,
  findingOf,
  rules as graphRules,
  inFileOrder,
  lint,
  parseTopology,
  type RuleLevels,
} from '../../compiler/index.ts';
import { type Diagnostic, hasErrors, type Position, type Topology } from '../../ir/index.ts';
import { readProblem } from '../load/files.ts';
import { isModuleFile, loadSource } from '../load.ts';
import { readLevels } from './config.ts';
import { relativePath } from './paths.ts';
import { rules } from './rules.ts';
import type { Sources } from './source/sources.ts';

export interface LintRequest {
  /** model.ts or model.onnx. */
  readonly source: string;
  /** topology.json. */
  readonly peers?: string | undefined;
  /** Type-check a model.ts first. */
  readonly check: boolean;
  /** Instead of what bytesandbrains.json says. */
  readonly levels?: RuleLevels;
}

/**
 * Everything there is to say, positions relative to the working folder, in file order. Files that cannot be read
 * and graphs that do not compile are findings too, so that every format shows them.
 */
export async function lintSource(request: LintRequest): Promise<readonly Finding[]> {
  const folder = path.dirname(request.source);
  const { levels = {}, diagnostics: inConfig } =
    request.levels === undefined ? readLevels(request.source) : { levels: request.levels, diagnostics: [] };
  const asFinding = (one: Diagnostic): Finding => findingOf(one, rules, levels);
  const { topology, diagnostics: inTopology } =
    request.peers === undefined ? nobody : readTopology(request.peers);
  const found = [...inConfig, ...inTopology].map(asFinding);
  if (hasErrors(inConfig) || hasErrors(inTopology)) return found;

  const opened = isModuleFile(request.source) ? await openAuthored(request.source) : undefined;
  const loaded = await loadSource(request.source, { check: request.check, program: opened?.program });
  const inFolder = loaded.diagnostics.map(asFinding);
  if (loaded.model !== undefined) inFolder.push(...lint(loaded.model, { topology, levels }));
  const ran = (rule: string): boolean => hasRun(rule, loaded.model !== undefined, topology, inFolder);
  const all = opened === undefined ? inFolder : await overSources(opened.sources, inFolder, ran, levels);
  // What the topology's file is called is relative to the working folder already.
  found.push(...all.map((one) => (one.at?.file === topology?.file ? one : movedTo(folder, one))));
  return inFileOrder(found);
}

async function overSources(
  sources: Sources,
  findings: readonly Finding[],
  ran: (rule: string) => boolean,
  levels: RuleLevels,
): Promise<readonly Finding[]> {
  const { lintAuthored } = await import('./authored.ts');
  return lintAuthored(sources, { findings, ran }, levels);
}

/** Whether a rule over graphs has looked. None sees all of a graph that the compiler refused. */
function hasRun(
  id: string,
  recorded: boolean,
  topology: Topology | undefined,
  findings: readonly Finding[],
): boolean {
  const rule = graphRules.find((one) => one.id === id);
  if (rule === undefined || !recorded) return false;
  if (findings.some(({ code, level }) => code !== undefined && level === 'error')) return false;
  return topology !== undefined || rule.needs === 'recorded' || rule.needs === 'typed';
}

/** The author's files, if there are any: what loading says of those that are not there is enough. */
async function openAuthored(file: string): Promise<{ program: ts.Program; sources: Sources } | undefined> {
  if (!existsSync(file)) return undefined;
  const [{ openSources }, { sourcesOf }] = await Promise.all([
    import('../load/sources.ts'),
    import('./source/sources.ts'),
  ]);
  const entry = realpathSync(file);
  // What comes from Node is told from the author's own by Node's types.
  const program = openSources(entry, { nodeTypes: true });
  return { program, sources: sourcesOf(program, entry) };
}

const nobody: ReturnType<typeof parseTopology> = { diagnostics: [] };

function readTopology(file: string): { topology?: Topology; diagnostics: readonly Diagnostic[] } {
  const name = relativePath(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { diagnostics: [readProblem(name, error)] };
  }
  return parseTopology(text, name);
}

/** A recording's positions are relative to its module's folder. */
function movedTo(folder: string, one: Finding): Finding {
  const move = <P extends Position | undefined>(at: P): P =>
    at === undefined ? at : { ...at, file: relativePath(path.resolve(folder, at.file)) };
  return {
    ...one,
    at: move(one.at),
    ...(one.related && { related: one.related.map((step) => ({ ...step, at: move(step.at) })) }),
    ...(one.fix && {
      fix: one.fix.map((edit) => ({ ...edit, file: relativePath(path.resolve(folder, edit.file)) })),
    }),
  };
}
