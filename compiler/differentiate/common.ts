// What the builders of all graphs of a model share while it is differentiated.

import type { GraphId, Model, Op, OpId, ValueId } from '../../ir/index.ts';

export interface Scaled {
  readonly base: ValueId;
  readonly factor: number;
}

/** A sum of products of two values, with a letter for each axis, as Einsum has them. */
export interface Contraction {
  readonly left: readonly [value: ValueId, letters: string];
  readonly right: readonly [value: ValueId, letters: string];
  readonly result: string;
}

/**
 * Which form rules take that have several. `fast`: by shape what a processor computes fastest, which may be many ops;
 * `short`: the fewest ops.
 */
export type Forms = 'fast' | 'short';

/** What all graphs of a model share while it is differentiated. */
export class Common {
  readonly names = new Set<string>();
  readonly constants = new Map<string, ValueId>();
  /** By a gradient the value whose gradient it is, where it is zero wherever that value is. */
  readonly vanishing = new Map<ValueId, ValueId>();
  /** What is another value times a number. */
  readonly scaled = new Map<ValueId, Scaled>();
  readonly turned = new Map<ValueId, { readonly from: ValueId; readonly perm: readonly number[] }>();
  readonly contracted = new Map<ValueId, { readonly of: Contraction; readonly for: Op | undefined }>();
  /** Of the main graph, where every subgraph sees them. */
  readonly initializers: ValueId[] = [];
  /** Of the main graph: by an op that was made, the op that it was made for. */
  readonly forwardOf = new Map<OpId, OpId>();
  readonly main: GraphId;
  readonly forms: Forms;

  constructor(model: Model, forms: Forms) {
    this.forms = forms;
    this.main = model.main;
    for (const { name } of model.allValues()) this.names.add(name);
  }
}
