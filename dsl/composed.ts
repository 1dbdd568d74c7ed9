// What is one call for the author and several ops in the graph.

import { type Recorder, recorder } from './recorder.ts';
import { factOf, isValue } from './value.ts';

/** Records what `body` records at the line that called `caller`; the result has the name of the author's variable. */
export function composed<V>(
  what: string,
  // biome-ignore lint/complexity/noBannedTypes: any function marks where the author's frames begin
  caller: Function,
  body: (owner: Recorder) => V,
): V {
  const owner = recorder(what);
  return owner.call(caller, () => {
    const result = owner.unnamed(() => body(owner));
    const name = owner.site?.name;
    if (!isValue(result)) return result;
    const fact = factOf(result, what);
    const { def, graph } = owner.editor.value(fact.id);
    if (name !== undefined && def.kind === 'op' && graph === owner.graph.id)
      owner.rename(fact.id, owner.qualified(name));
    return result;
  });
}
