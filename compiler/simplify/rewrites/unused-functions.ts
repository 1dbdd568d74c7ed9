// Functions that no op calls, nor any function that is called.

import { type GraphId, type ModelFunction, subgraphsOf } from '../../../ir/index.ts';
import { modelRewrite } from '../rewrite.ts';

export const unusedFunctions = modelRewrite('unused-functions', (bench) => {
  const called = new Set<ModelFunction>();
  const open: GraphId[] = [bench.model.main];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const op of bench.opsOf(id)) {
      open.push(...subgraphsOf(op));
      const fn = bench.model.functionOf(op);
      if (fn === undefined || called.has(fn)) continue;
      called.add(fn);
      open.push(fn.graph);
    }
  }
  const unused = bench.model.functions.filter((fn) => !called.has(fn));
  if (unused.length > 0) bench.removeFunctions(new Set(unused.map((fn) => fn.graph)));
  return unused.length > 0;
});
