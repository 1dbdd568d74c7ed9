// Simplification: every rewrite of the list, until none applies.
//
// A round infers types and shape arithmetic, then looks at each op once, and again at those near a change. What a
// round finds out may let inference know more, so there is another until nothing changes; each costs what the graph
// is long, and there are at most ten.

import type { Evaluator, Model, Value } from '../../ir/index.ts';
import { inferModel } from '../infer/infer.ts';
import { Budget, defaultLimits, type Limits } from './budget.ts';
import type { ModelRewrite, OpRewrite, Rewrite } from './rewrite.ts';
import { rewrites as allRewrites } from './rewrites.ts';
import { type Facts, Workbench } from './workbench.ts';

export interface SimplifyOptions {
  /** What folding computes with; without one, only shape arithmetic is folded. */
  readonly evaluate?: Evaluator | undefined;
  readonly limits?: Partial<Limits>;
  /**
   * How far a result may move, relative to its size. 0, the default: not a bit. From 1e-6 on, folding also computes what
   * backends round in ways of their own; from 1e-5 on, it may make constants that backends pack.
   */
  readonly tolerance?: number;
  /** Those to try instead of all. */
  readonly rewrites?: readonly Rewrite[];
}

export interface Simplified {
  /** The same object if nothing applies. */
  readonly model: Model;
  /** How often each rewrite applied, those that did not left out. */
  readonly applied: ReadonlyMap<string, number>;
  readonly rounds: number;
}

const MAX_ROUNDS = 10;
/** Looks at ops in one round, at most, for each op there is: a bound in case rewrites undo each other. */
const MAX_LOOKS = 50;

/**
 * A model that computes the same with fewer ops. Its ops must be in order. Linear in ops; weights are read only
 * where they are folded or compared, and stay ranges of their file otherwise.
 */
export function simplifyModel(model: Model, options: SimplifyOptions = {}): Simplified {
  const { tolerance = 0, rewrites = allRewrites } = options;
  const wanted = rewrites.filter((one) => one.tolerance <= tolerance);
  const budget = new Budget({ ...defaultLimits, ...options.limits });
  const applied = new Map<string, number>();
  let current = model;
  let rounds = 0;
  for (let changed = true; changed && rounds < MAX_ROUNDS; ) {
    const bench = new Workbench(current, factsOf(current), {
      budget,
      tolerance,
      evaluate: options.evaluate,
    });
    runRound(bench, wanted, (name) => applied.set(name, (applied.get(name) ?? 0) + 1));
    ({ model: current, changed } = bench.finish());
    if (changed) rounds++;
  }
  return { model: current, applied, rounds };
}

function runRound(bench: Workbench, rewrites: readonly Rewrite[], count: (name: string) => void): void {
  const forOps = rewrites.filter((one): one is OpRewrite => 'apply' in one);
  const byType = new Map<string, readonly OpRewrite[]>();
  const others = forOps.filter(({ ops }) => ops === undefined);
  const tried = (type: string): readonly OpRewrite[] => {
    let list = byType.get(type);
    if (list === undefined) {
      list = forOps.filter(({ ops }) => ops?.includes(type) ?? true);
      byType.set(type, list);
    }
    return list;
  };
  let looks = MAX_LOOKS * (bench.model.opLimit + 1);
  for (const op of bench.queue()) {
    if (looks-- < 0) return;
    // Its author vouches for this very op.
    if (op.declassified !== undefined || op.declassifiedGradient !== undefined) continue;
    // What an attribute of a function's call decides is not known in the body.
    const open = op.attributes.some(({ kind }) => kind === 'reference');
    const done = (bench.isStandard(op) && !open ? tried(op.type) : others).find((one) =>
      one.apply(op, bench),
    );
    if (done === undefined) continue;
    count(done.name);
    bench.enqueue(op.id);
  }
  for (const one of rewrites.filter((each): each is ModelRewrite => 'sweep' in each))
    if (one.sweep(bench)) count(one.name);
}

/**
 * What is known of the values. Files state types of inner values and outputs that nobody enforces: only what
 * follows from the types of the inputs counts.
 */
function factsOf(model: Model): Facts {
  const editor = model.edit();
  const inputs = new Set(model.mainGraph.inputs);
  for (const value of model.allValues())
    if (isClaim(value) && !inputs.has(value.id)) editor.setValue(value.id, { type: undefined });
  const inferred = inferModel(editor.finish());
  const types = new Map(
    [...inferred.model.allValues()].flatMap(({ id, type }) =>
      type === undefined ? [] : [[id, type] as const],
    ),
  );
  return { types, known: inferred.known };
}

const isClaim = ({ type, weight }: Value): boolean => type !== undefined && weight === undefined;
