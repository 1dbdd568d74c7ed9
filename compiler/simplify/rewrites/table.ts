// Ops by what they compute, to find one that has done it before.

import type { Op } from '../../../ir/index.ts';
import type { Workbench } from '../workbench.ts';

/** Earlier ops kept for one key: more only in graphs that repeat themselves in many branches. */
const MAX_KEPT = 8;

export class Table {
  readonly #bench: Workbench;
  readonly #ops = new Map<string, Op[]>();

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  /** An op of this key whose results are there when `op` runs; remembers `op` if there is none. */
  firstBefore(op: Op, key: string): Op | undefined {
    // An op that was changed meanwhile is another object, and computes something else.
    const there = (this.#ops.get(key) ?? []).filter(
      (one) => !this.#bench.isRemoved(one.id) && this.#bench.op(one.id) === one,
    );
    const first = there.find((one) => one.id !== op.id && this.#bench.dominates(one, op));
    if (first !== undefined) return first;
    if (!there.includes(op) && there.length < MAX_KEPT) there.push(op);
    this.#ops.set(key, there);
    return undefined;
  }
}

const tables = new WeakMap<Workbench, Map<string, Table>>();

/** The table of a rewrite; one for each round. */
export function tableOf(bench: Workbench, name: string): Table {
  let ofBench = tables.get(bench);
  if (ofBench === undefined) {
    ofBench = new Map();
    tables.set(bench, ofBench);
  }
  let table = ofBench.get(name);
  if (table === undefined) {
    table = new Table(bench);
    ofBench.set(name, table);
  }
  return table;
}
