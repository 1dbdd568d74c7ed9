// What is differentiated in other words: functions as what they compute, recurrent layers as a Scan over their steps, and sequences that were only made to
// be joined or taken apart again. The rules never see these operators.

import {
  type Model,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  subgraphsOf,
  type ValueId,
} from '../../ir/index.ts';
import { inferModel } from '../infer/infer.ts';
import { expandAttention, expandSTFT } from './attention.ts';
import { Builder, NoGradient } from './builder.ts';
import { inlineFunctions } from './inline.ts';
import { expandRecurrent, isRecurrent } from './recurrent.ts';
import { expandedOperators } from './rules.ts';
import { carriesSequences, expandSequence } from './sequences.ts';

/** `source` has inferred types; the expansion's own are to be inferred. */
export function expand(source: Model): Model {
  const flat = inlineFunctions(source);
  const model = flat === source ? source : inferModel(flat).model;
  const touched = model.graphs.filter(
    ({ kind, ops }) => kind !== 'function' && ops.some((id) => changes(model, model.op(id))),
  );
  if (touched.length === 0) return model;
  const editor = model.edit();
  const root = Builder.of(model, editor);
  let writtenOut = false;
  for (const graph of touched) {
    const ops: OpId[] = [];
    for (const id of graph.ops) {
      const op = editor.op(id);
      const builder = root.in(graph.id);
      builder.for(op);
      const results = changes(model, op) ? inOtherWords(editor, builder, op) : undefined;
      if (results === undefined) {
        ops.push(id);
        continue;
      }
      writtenOut ||= subgraphsOf(op).length > 0;
      editor.removeOp(id);
      op.outputs.forEach((output, index) => {
        if (output !== NO_VALUE) builder.opTo('Identity', [results[index]!], output);
      });
      const { recompute } = op;
      if (recompute !== undefined) for (const made of builder.made) editor.setOp(made, { recompute });
      ops.push(...builder.made);
    }
    editor.setGraph(graph.id, { ops });
  }
  const { main } = model;
  editor.setGraph(main, { initializers: [...editor.graph(main).initializers, ...root.initializers] });
  const result = editor.finish();
  // What was written out may hold others.
  return writtenOut ? expand(inferModel(result).model) : result;
}

const changes = (model: Pick<Model, 'value'>, op: Op): boolean =>
  op.domain === '' && (expandedOperators.includes(op.type) || carriesSequences(model, op));

/** The op's results; undefined if it stays, and is told of if a gradient has to pass. */
function inOtherWords(editor: ModelEditor, b: Builder, op: Op): readonly ValueId[] | undefined {
  try {
    return expandedForm(editor, b, op);
  } catch (error) {
    if (!(error instanceof NoGradient)) throw error;
    for (const id of b.made) editor.removeOp(id);
    return undefined;
  }
}

function expandedForm(editor: ModelEditor, b: Builder, op: Op): readonly ValueId[] | undefined {
  if (isRecurrent(op.type)) return expandRecurrent(b, op);
  if (op.type === 'Attention') return expandAttention(b, op);
  if (op.type === 'STFT') return expandSTFT(b, op);
  return expandSequence(editor, b, op);
}
