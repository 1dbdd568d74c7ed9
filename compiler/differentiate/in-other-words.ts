// Rules for operators that are said in others: these are made beside the forward op, only for its gradient, and their own
// rules do the rest. The forward op stays as it is, since backends compute it faster than what it is made of.

import { Copier } from '../../ir/copy.ts';
import { ModelEditor, NO_VALUE, type Op, type OpId, type ValueId } from '../../ir/index.ts';
import { readWeight } from '../../ir/onnx/index.ts';
import { inferModel } from '../infer/infer.ts';
import { Builder, isFloat } from './builder.ts';
import type { Rule } from './rule.ts';

/** The results of an op in other operators; undefined where one is not said. Throws NoGradient. */
export type Words = (b: Builder, op: Op) => readonly (ValueId | undefined)[];

export const inOtherWords =
  (words: Words): Rule =>
  (step) => {
    const { b, x, dy } = step;
    // Each once, though the op may read a value several times.
    const sources = x.filter(
      (one, at) => one !== NO_VALUE && step.wants(at) && isFloat(b.typeOf(one)) && x.indexOf(one) === at,
    );
    // Under a name of their own, so that what they get is summed before it is given to the value itself.
    const own = new Map(sources.map((one) => [one, typedAs(b, b.op('Identity', [one]), one)]));
    const { ops, results } = said(step.b, step.op, words, own);
    const given = results.flatMap((one, at) =>
      one === undefined || dy[at] === undefined ? [] : [[one, dy[at]] as const],
    );
    if (given.length < dy.filter((one) => one !== undefined).length)
      return b.refuse('one of its results has no gradient');
    const found = step.backward(
      b,
      ops,
      given,
      sources.map((one) => own.get(one)!),
    );
    return x.map((one, at) => (x.indexOf(one) === at ? found[sources.indexOf(one)] : undefined));
  };

function typedAs(b: Builder, value: ValueId, like: ValueId): ValueId {
  const type = b.typeOf(like);
  if (type !== undefined) b.editor.setValue(value, { type });
  return value;
}

/** The ops, made by the builder, with inferred types, reading `own` in the place of the op's inputs. */
function said(
  b: Builder,
  op: Op,
  words: Words,
  own: ReadonlyMap<ValueId, ValueId>,
): { readonly ops: readonly OpId[]; readonly results: readonly (ValueId | undefined)[] } {
  const skeleton = new ModelEditor(b.editor.header);
  const main = skeleton.addGraph({ kind: 'main', name: op.type });
  skeleton.main = main;
  const drafted = new Map<ValueId, ValueId>([[NO_VALUE, NO_VALUE]]);
  const [inputs, constants]: [ValueId[], ValueId[]] = [[], []];
  for (const one of new Set(op.inputs)) {
    if (one === NO_VALUE) continue;
    const { name, type } = b.editor.value(one);
    const weight = b.weight(one);
    const id = skeleton.addValue(main, {
      name,
      ...(type && { type }),
      ...(weight && { weight }),
      def: weight ? { kind: 'initializer' } : { kind: 'input', index: inputs.length },
    });
    (weight ? constants : inputs).push(id);
    drafted.set(one, id);
  }
  skeleton.setGraph(main, { inputs, initializers: constants });
  const base = skeleton.finish();
  const editor = base.edit();
  const draft = Builder.of(base, editor);
  const results = words(draft, { ...op, inputs: op.inputs.map((one) => drafted.get(one)!) });
  editor.setGraph(main, { initializers: [...constants, ...draft.initializers], ops: draft.made });
  const { model } = inferModel(editor.finish());

  const copier = new Copier(model, b.editor, [], (name) => b.unique(name));
  for (const [one, id] of drafted) copier.bind(id, own.get(one) ?? one);
  for (const id of draft.initializers) copier.bind(id, b.constant(readWeight(model.value(id).weight!)));
  const ops = model.mainGraph.ops.map((id) => b.copy(copier, id));
  return { ops, results: results.map((one) => one && copier.value(one)) };
}
