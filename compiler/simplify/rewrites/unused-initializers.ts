// Constants that nothing reads.

import { modelRewrite } from '../rewrite.ts';

export const unusedInitializers = modelRewrite('unused-initializers', (bench) => {
  let changed = false;
  for (const { id: graph } of bench.model.graphs) {
    for (const id of bench.initializersOf(graph)) {
      // An input stays an input, with its default.
      if (bench.useCount(id) > 0 || bench.value(id).def.kind !== 'initializer') continue;
      bench.removeInitializer(id);
      changed = true;
    }
  }
  return changed;
});
