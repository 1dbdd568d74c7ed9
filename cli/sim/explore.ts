// bbc sim --explore: every order of a few events.

import { diagnostic } from '../../ir/index.ts';
import { type Explored, explore } from '../../runtime/host/sim/explore.ts';
import type { CommandContext } from '../context.ts';
import { valuesFor } from '../run/inputs.ts';
import { countOf } from '../run/options.ts';
import { attempts } from './attempt.ts';
import type { SimOptions, Stage } from './simulate.ts';

/** Events of a trace that are shown: the last ones tell most. */
const MAX_SHOWN = 40;
const PROGRESS_RUNS = 50;

export async function exploreStage(cx: CommandContext, stage: Stage, options: SimOptions): Promise<void> {
  const { deployment, inputs, settings, options: world, workers } = stage;
  const make = attempts({
    world,
    workers,
    values: valuesFor(deployment.plan, inputs),
    calls: countOf('--calls', options.calls, 1),
    flows: settings.flows,
  });
  const explored = await explore({
    make,
    crashes: countOf('--crashes', options.crashes, 0),
    restart: 'fresh',
    maxRuns: countOf('--runs', options.runs, 1),
    onRun(runs, left) {
      if (runs % PROGRESS_RUNS !== 0) return undefined;
      cx.progress(`${runs} orders tried, ${left} known to be left`);
      return new Promise((resolve) => setTimeout(resolve, 0));
    },
  });
  cx.result(explored);
  print(cx, explored);
}

function print(cx: CommandContext, { runs, states, crashPoints, whole, findings, outcomes }: Explored): void {
  const all = whole ? 'all orders' : 'stopped before all orders were tried';
  const crashes = crashPoints === 0 ? '' : `, ${crashPoints} points to crash at`;
  cx.print(`${runs} runs through ${states} states${crashes}: ${all}`);
  cx.print(`outcomes: ${outcomes.serial} of calls one after another, ${outcomes.together} of calls at once`);
  for (const { kind, what, trace } of findings) {
    const hidden = Math.max(0, trace.length - MAX_SHOWN);
    const events = trace.slice(hidden).map((event, index) => ({ message: `${hidden + index}: ${event}` }));
    cx.report([diagnostic('BB796', { kind, what, events: trace.length }, { related: events })]);
  }
}
