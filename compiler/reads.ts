// Other values in the place of those that an op reads.

import { type Model, type ModelEditor, type Op, subgraphsOf, type ValueId } from '../ir/index.ts';

/** In the op and in the subgraphs it holds. */
export function replaceReads(
  editor: ModelEditor,
  model: Model,
  op: Op,
  replaced: ReadonlyMap<ValueId, ValueId>,
): void {
  const swap = (values: readonly ValueId[]): ValueId[] => values.map((id) => replaced.get(id) ?? id);
  editor.setOp(op.id, { inputs: swap(op.inputs) });
  for (const id of subgraphsOf(op)) {
    editor.setGraph(id, { outputs: swap(model.graph(id).outputs) });
    for (const inner of model.opsOf(id)) replaceReads(editor, model, inner, replaced);
  }
}
