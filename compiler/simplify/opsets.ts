// Which version of each domain holds where.

import type { GraphId, Model } from '../../ir/graph.ts';

/** Opsets of the main graph and of each function, which hold for the graphs in them. */
export function opsetsOf(model: Model): ReadonlyMap<GraphId, ReadonlyMap<string, number>> {
  return new Map([
    [model.main, model.header.opsets],
    ...model.functions.map((fn) => [fn.graph, fn.opsets] as const),
  ]);
}
