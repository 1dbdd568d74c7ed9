// What a rewrite is. Each file in rewrites/ is one of them; rewrites.ts lists them.

import type { Op } from '../../ir/graph.ts';
import type { Workbench } from './workbench.ts';

interface Declared {
  readonly name: string;
  /**
   * How far a result may move, relative to its size; 0: no bit moves, NaN stays NaN, an infinity and the sign of a zero
   * stay what they are.
   */
  readonly tolerance: number;
}

/** Looks at one op and what is around it. */
export interface OpRewrite extends Declared {
  /** Operators of the standard domain that it looks at; undefined: any op, those of other domains too. */
  readonly ops?: readonly string[];
  /** Changes the graph and returns true, or changes nothing and returns false. Costs no more than the op and its users. */
  readonly apply: (op: Op, bench: Workbench) => boolean;
}

/** Looks at the whole model, once in a round. */
export interface ModelRewrite extends Declared {
  readonly sweep: (bench: Workbench) => boolean;
}

export type Rewrite = OpRewrite | ModelRewrite;

/** Declares a rewrite; `exact` is short for a tolerance of 0. */
export const rewrite = (
  name: string,
  {
    exact: _,
    tolerance = 0,
    ...rest
  }: (
    | { readonly exact: true; readonly tolerance?: never }
    | { readonly exact?: never; readonly tolerance: number }
  ) &
    Omit<OpRewrite, keyof Declared>,
): OpRewrite => ({ name, tolerance, ...rest });

export const modelRewrite = (name: string, sweep: ModelRewrite['sweep']): ModelRewrite => ({
  name,
  tolerance: 0,
  sweep,
});
