// Why a plan is as it is: where ops are, where it was cut, what each edge costs.

import path from 'node:path';
import { matchesGlob } from '../../compiler/rules/glob.ts';
import {
  type CutReason,
  DiagnosticError,
  diagnostic,
  type Edge,
  type EdgeTiming,
  type Plan,
  type PlanReasons,
  RAW,
} from '../../ir/index.ts';
import { loadDeployment } from '../../runtime/host/node-bundle.ts';
import type { ExplainOptions } from '../commands/explain.ts';
import type { CommandContext } from '../context.ts';
import { formatBytes, formatNs } from '../output.ts';
import { formatEnd } from '../plan.ts';
import { collectsOf, printCollects } from './collects.ts';
import { deadlineWords, placedWords, rejectedWords } from './words.ts';

export async function explainPlan(
  cx: CommandContext,
  what: string,
  { op, edge }: ExplainOptions,
): Promise<void> {
  const folder = path.basename(what) === 'plan.json' ? path.dirname(what) : what;
  const { plan, bundles } = await loadDeployment(folder);
  const { reasons } = plan;
  if (reasons === undefined) {
    const file = path.join(folder, 'plan.json');
    throw new DiagnosticError(diagnostic('BB652', { file, reason: 'it holds no reasons' }, { at: { file } }));
  }
  const ops = op === undefined ? undefined : opsLike(reasons, op);
  const edges = edge === undefined ? undefined : [edgeNumbered(plan, edge)];
  const all = ops === undefined && edges === undefined;
  const collects = all ? collectsOf(new Set(bundles.values())) : [];
  const document = {
    deployment: plan.deployment,
    ...(ops && { ops }),
    ...(all && { placed: reasons.placed, cuts: reasons.cuts }),
    ...((all || edges) && {
      edges: (edges ?? plan.edges).map((one) => ({ ...one, timing: timingOf(reasons, one) })),
    }),
    ...(collects.length > 0 && { collects }),
  };
  cx.result(document);
  if (all) {
    cx.print(`${cx.colours.bold(folder)}  deployment ${plan.deployment}`);
    printPlaced(cx, reasons);
    for (const cut of reasons.cuts) printCut(cx, cut);
  }
  if (ops !== undefined) {
    cx.printTable(
      ['op', 'class', 'why'],
      ops.map(({ name, ...group }) => [name, group.class, placedWords({ ...group, ops: [name] })]),
    );
  }
  if (all || edges !== undefined) printEdgeTimes(cx, edges ?? plan.edges, reasons);
  printCollects(cx, collects);
}

function opsLike(reasons: PlanReasons, glob: string) {
  const found = reasons.placed.flatMap(({ ops, ...group }) =>
    ops.filter((name) => matchesGlob(glob, name)).map((name) => ({ name, ...group })),
  );
  if (found.length > 0) return found;
  const some = reasons.placed.flatMap(({ ops }) => ops.slice(0, 2)).slice(0, 4);
  throw new DiagnosticError(
    diagnostic('BB892', {
      what: `op ${glob}`,
      known: `give a name, * for any characters; it has ${some.join(', ')} and others`,
    }),
  );
}

function edgeNumbered({ edges }: Plan, id: string): Edge {
  const found = edges.find((one) => String(one.id) === id);
  if (found !== undefined) return found;
  const known = edges.length === 0 ? 'it has no edges' : `its edges are 0 to ${edges.length - 1}`;
  throw new DiagnosticError(diagnostic('BB892', { what: `edge ${id}`, known }));
}

const timingOf = ({ timings }: PlanReasons, { id }: Edge): EdgeTiming | undefined =>
  timings.find(({ edge }) => edge === id);

function printPlaced(cx: CommandContext, { placed }: PlanReasons): void {
  if (placed.length === 0) return;
  cx.print();
  cx.printTable(
    ['class', { title: 'ops', align: 'right' }, 'first', 'why'],
    placed.map((group) => [group.class, group.ops.length, group.ops[0], placedWords(group)]),
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function printCut(cx: CommandContext, cut: CutReason): void {
  const [from, to] = cut.between;
  cx.print();
  cx.print(cx.colours.bold(`cut between ${from} and ${to}`));
  const row = ({ after, before, bytes, shares }: CutReason | CutReason['rejected'][number], why: string) => [
    after,
    before,
    formatBytes(bytes),
    percent(shares[0]),
    percent(shares[1]),
    why,
  ];
  cx.printTable(
    [
      'after',
      'before',
      { title: 'crosses', align: 'right' },
      { title: from, align: 'right' },
      { title: to, align: 'right' },
      'why',
    ],
    [row(cut, 'taken'), ...cut.rejected.map((one) => row(one, `not: ${rejectedWords(one)}`))],
  );
}

function printEdgeTimes(cx: CommandContext, edges: readonly Edge[], reasons: PlanReasons): void {
  if (edges.length === 0) return;
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const coded = edges.some(({ codec }) => codec !== RAW);
  cx.print();
  cx.printTable(
    [
      right('edge'),
      'from',
      'to',
      'value',
      ...(coded ? ['codec'] : []),
      right('bytes'),
      right('made at'),
      right('latency'),
      right('transfer'),
      right('deadline'),
      'deadline from',
    ],
    edges.map((edge) => {
      const timing = timingOf(reasons, edge);
      return [
        edge.id,
        formatEnd(edge.from),
        formatEnd(edge.to),
        edge.kind === 'trigger' ? '(trigger)' : edge.value,
        ...(coded ? [edge.codec === RAW ? null : edge.codec] : []),
        formatBytes(edge.bytes),
        formatNs(timing?.readyNs),
        formatNs(timing?.latencyNs),
        timing && formatNs(Math.max(0, timing.transitNs - timing.latencyNs)),
        formatNs(edge.deadlineNs),
        timing && deadlineWords[timing.deadline],
      ];
    }),
  );
  if (edges.some(({ bytes }) => bytes === null)) {
    cx.print('where bytes are not known when compiling, transfer is that of 1 MiB');
  }
}
