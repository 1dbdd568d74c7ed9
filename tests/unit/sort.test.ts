import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GraphId, type Model, ModelEditor, sortModel, type ValueId } from '../../ir/index.ts';

/** Ops o0, o1 …; op i reads the outputs of the ops in `needs[i]`, or, if `nested`, a subgraph of it does. */
function graphOf(needs: readonly (readonly number[])[], nested = false): Model {
  const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'm' });
  const main = editor.addGraph({ kind: 'main', name: 'g' });
  editor.main = main;
  const values = needs.map((_, index) => editor.addValue(main, { name: `v${index}` }));
  const ops = needs.map((reads, index) => {
    const inputs = reads.map((read) => values[read]!);
    const op = { type: 'Sum', name: `o${index}`, outputs: [values[index]!] };
    if (!nested) return editor.addOp(main, { ...op, inputs });
    return editor.addOp(main, { ...op, inputs: [], attributes: [subgraph(editor, main, inputs)] });
  });
  editor.setGraph(main, { ops });
  return editor.finish();
}

function subgraph(editor: ModelEditor, parent: GraphId, inputs: readonly ValueId[]) {
  const middle = editor.addGraph({ kind: 'subgraph', name: 's', parent });
  const inner = editor.addGraph({ kind: 'subgraph', name: 't', parent: middle });
  const out = editor.addValue(inner, { name: 'out' });
  editor.append(inner, { type: 'Sum', inputs, outputs: [out] });
  editor.append(middle, {
    type: 'If',
    inputs: [],
    outputs: [],
    attributes: [{ name: 'then_branch', kind: 'graph', value: inner }],
  });
  return { name: 'then_branch', kind: 'graph', value: middle } as const;
}

const order = (model: Model): string[] => [...model.opsOf()].map((op) => op.name);

describe('sorting', () => {
  test('leaves a sorted model as it is, the same object', () => {
    const model = graphOf([[], [0], [0, 1], []]);
    expect(sortModel(model)).toEqual({ model, moved: false });
    expect(sortModel(model).model).toBe(model);
  });

  test('moves no op further than it must', () => {
    const { model, moved } = sortModel(graphOf([[2], [], [], [0]]));
    expect(moved).toBe(true);
    expect(order(model)).toEqual(['o1', 'o2', 'o0', 'o3']);
  });

  test('counts what subgraphs of subgraphs read', () => {
    const { model } = sortModel(graphOf([[1], [2], []], true));
    expect(order(model)).toEqual(['o2', 'o1', 'o0']);
  });

  test('names a cycle, each op needing the one before it, and keeps the order', () => {
    const cyclic = graphOf([[], [0, 3], [1], [2], [3]]);
    const { model, moved, cycle } = sortModel(cyclic);
    expect(moved).toBe(false);
    expect(cycle!.map((op) => model.op(op).name)).toEqual(['o1', 'o2', 'o3']);
    expect(sortModel(graphOf([[0]])).cycle).toHaveLength(1);
  });

  test('of any acyclic graph gives an order in which every op follows its needs', () => {
    const shuffled = fc
      .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 30 })
      .chain((needs) =>
        fc.tuple(fc.constant(needs), fc.shuffledSubarray([...needs.keys()], { minLength: needs.length })),
      );
    fc.assert(
      fc.property(shuffled, fc.boolean(), ([needs, names], nested) => {
        // Op names[i] may need only ops names[j] with j < i.
        const reads: number[][] = needs.map(() => []);
        needs.forEach((list, index) => {
          if (index > 0) reads[names[index]!] = list.map((need) => names[need % index]!);
        });
        const { model, cycle } = sortModel(graphOf(reads, nested));
        expect(cycle).toBeUndefined();
        const done = new Set<string>();
        for (const name of order(model)) {
          for (const need of reads[Number(name.slice(1))]!) expect(done).toContain(`o${need}`);
          done.add(name);
        }
        expect(done.size).toBe(needs.length);
      }),
    );
  });

  test('of 200,000 ops in reverse order needs no stack', () => {
    const count = 200_000;
    const needs = Array.from({ length: count }, (_, index) => (index + 1 < count ? [index + 1] : []));
    expect(order(sortModel(graphOf(needs)).model)[0]).toBe(`o${count - 1}`);
  });
});
