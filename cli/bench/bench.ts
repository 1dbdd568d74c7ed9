// What bbc bench does: every strategy in every codec, one after the other, and a table of what came of it.

import path from 'node:path';
import { parseTopology } from '../../compiler/index.ts';
import { nearestName } from '../../ir/excerpt.ts';
import { DiagnosticError, type Topology } from '../../ir/index.ts';
import type { Backend } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { readTopology } from '../load/topology.ts';
import { countOf } from '../run/options.ts';
import { writeText } from '../write.ts';
import { type CodecName, codecs } from './codecs.ts';
import { type Entrant, entrants } from './entrants.ts';
import { type Cast, castOf, type Result, runOne, type Settings, type Stage } from './run.ts';
import { documentOf, printTable } from './table.ts';

export interface BenchOptions {
  readonly model: string;
  readonly peers?: string;
  readonly strategies?: string;
  readonly codecs?: string;
  readonly rounds: string;
  readonly target?: string;
  readonly alpha: string;
  readonly seed: string;
  readonly backend: string;
  readonly output?: string;
}

/** A strategy in a codec that was not run. */
export interface LeftOut {
  readonly strategy: string;
  readonly codec: CodecName;
  readonly why: string;
}

export interface Comparison {
  readonly settings: Settings;
  readonly cast: Cast;
  readonly results: readonly Result[];
  readonly leftOut: readonly LeftOut[];
}

/** Where no topology is given. */
const DEFAULT_TOPOLOGY = {
  version: 1,
  classes: {
    server: { compute: '100GFLOPS' },
    edge: { count: 10, compute: '20GFLOPS' },
    phone: { count: 100, compute: '5GFLOPS' },
  },
  links: [
    { between: ['phone', 'server'], latency: '40ms', up: '5Mbit/s', down: '20Mbit/s' },
    { between: ['phone', 'edge'], latency: '5ms', up: '20Mbit/s', down: '50Mbit/s' },
    { between: ['edge', 'server'], latency: '30ms', up: '100Mbit/s', down: '100Mbit/s' },
    { between: ['phone', 'phone'], latency: '60ms', up: '5Mbit/s', down: '5Mbit/s' },
  ],
};

/** Throws UsageError, and DiagnosticError for a topology that cannot be read. */
export async function benchSubject(
  cx: CommandContext,
  subject: string,
  options: BenchOptions,
): Promise<void> {
  if (subject !== 'strategies') throw new UsageError(`bbc bench compares strategies, not '${subject}'`);
  if (options.model !== 'digits') throw new UsageError(`--model is digits, not '${options.model}'`);
  const { output: page } = options;
  if (page !== undefined && path.extname(page) !== '.html')
    throw new UsageError(`cannot plot ${page}: the file must end in .html`);
  const chosen = some(
    '--strategies',
    options.strategies,
    entrants.map(({ name }) => name),
    (name) => entrants.filter((one) => one.name === name),
  );
  const coded = some('--codecs', options.codecs, codecs, (name) => codecs.filter((one) => one === name));
  const settings = settingsOf(options);
  const topology = options.peers === undefined ? defaultTopology() : readTopology(cx, options.peers);
  const cast = castOf(topology);
  if (cast === undefined)
    throw new UsageError(`${options.peers} has no class of several peers, which could learn together`);
  const backend = backendOf(options.backend);
  try {
    const stage = { topology, cast, settings, backend, progress: () => {} };
    const comparison = await compare(cx, chosen, coded, stage);
    cx.result(documentOf(comparison));
    printTable(cx, comparison);
    if (page !== undefined) {
      const { pageOf } = await import('./page.ts');
      writeText(page, pageOf(comparison));
      cx.print(`wrote ${page}`);
    }
  } finally {
    await backend.close();
  }
}

function backendOf(name: string): Backend & { close(): Promise<void> } {
  if (name === 'cpu') return cpuBackend();
  if (name === 'ort') return onnxRuntimeBackend({ optimization: 'all', workers: 0 });
  throw new UsageError(`--backend is ort or cpu, not '${name}'`);
}

const defaultTopology = (): Topology =>
  parseTopology(JSON.stringify(DEFAULT_TOPOLOGY), 'topology.json').topology!;

export async function compare(
  cx: Pick<CommandContext, 'progress'>,
  chosen: readonly Entrant[],
  coded: readonly CodecName[],
  stage: Stage,
): Promise<Comparison> {
  const { cast, settings } = stage;
  const results: Result[] = [];
  const leftOut: LeftOut[] = [];
  const count = chosen.length * coded.length;
  for (const entrant of chosen)
    for (const codec of coded) {
      const strategy = entrant.name;
      const done = `${results.length + leftOut.length + 1} of ${count}: ${strategy}, ${codec}`;
      const progress = (text: string): void => cx.progress(`${done}: ${text}`);
      const why = lacking(entrant, cast);
      if (why !== undefined) leftOut.push({ strategy, codec, why });
      else
        try {
          progress('compiling');
          results.push(await runOne(entrant, codec, { ...stage, progress }));
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
          leftOut.push({ strategy, codec, why: error.diagnostics[0]!.message });
        }
    }
  cx.progress();
  return { settings, cast, results, leftOut };
}

/** What the topology has not, in words. */
function lacking({ needs }: Entrant, cast: Cast): string | undefined {
  if (needs.includes('server') && cast.server === undefined) return 'there is no class of one peer, a server';
  if (needs.includes('heads') && cast.heads === undefined)
    return `there is no class of several peers beside ${cast.clients.name}, the heads`;
  return undefined;
}

function some<Name extends string, One>(
  option: string,
  asked: string | undefined,
  known: readonly Name[],
  find: (name: string) => readonly One[],
): readonly One[] {
  if (asked === undefined) return known.flatMap(find);
  return asked.split(',').flatMap((text) => {
    const found = find(text.trim());
    if (found.length > 0) return found;
    const nearest = nearestName(text.trim(), known);
    const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
    throw new UsageError(`${option}: there is no ${text.trim()}; ${hint}`);
  });
}

function settingsOf({ rounds, seed, alpha, target }: BenchOptions): Settings {
  const number = (option: string, text: string, most: number): number => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && value <= most) return value;
    throw new UsageError(
      `${option} takes a number above 0${most < 1e6 ? `, at most ${most}` : ''}, not '${text}'`,
    );
  };
  return {
    rounds: countOf('--rounds', rounds, 1),
    seed: countOf('--seed', seed, 0),
    alpha: number('--alpha', alpha, 1e6),
    target: target === undefined ? undefined : number('--target', target, 1),
  };
}
