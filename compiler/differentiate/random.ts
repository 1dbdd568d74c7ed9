// What draws random numbers: computed again, it would be other numbers.

import { type ModelEditor, type Op, subgraphsOf } from '../../ir/index.ts';

const randomOperators: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
]);

/** The op that draws: this one, or one in its subgraphs. */
export function drawingOp(editor: ModelEditor, op: Op): Op | undefined {
  const drops = op.type === 'Dropout' && op.inputs[2];
  if (op.domain === '' && (drops || randomOperators.has(op.type))) return op;
  for (const graph of subgraphsOf(op))
    for (const id of editor.graph(graph).ops) {
      const found = drawingOp(editor, editor.op(id));
      if (found !== undefined) return found;
    }
  return undefined;
}

export const drawsRandom = (editor: ModelEditor, op: Op): boolean => drawingOp(editor, op) !== undefined;
