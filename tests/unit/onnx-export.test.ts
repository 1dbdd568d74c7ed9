import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  exportModel,
  importModel,
  type Model,
  memorySource,
  printModel,
  readRange,
  readWeight,
  single,
  type Tensor,
  tensorType,
  weightOf,
} from '../../ir/index.ts';
import { typedModel } from '../support/model.ts';
import { fixtures, importFile, joined } from '../support/onnx-files.ts';

const floats = (count: number): Tensor => ({
  dtype: 'float32',
  dims: [count],
  bytes: new Uint8Array(Float32Array.from({ length: count }, (_, index) => index).buffer),
});

/** x + each weight, in turn. */
function withWeights(sizes: readonly number[]): Model {
  const editor = typedModel('input x: float32[1]\noutput x').edit();
  const graph = editor.main;
  const ids = sizes.map((size, index) => {
    const name = `w${index}`;
    const type = tensorType('float32', [size]);
    return editor.addValue(graph, {
      name,
      def: { kind: 'initializer' },
      weight: weightOf(floats(size), name),
      type,
    });
  });
  editor.setGraph(graph, { initializers: ids });
  return editor.finish();
}
const reimport = (bytes: Uint8Array, data?: Uint8Array): Model => {
  const { model, diagnostics } = importModel(memorySource('again.onnx', Uint8Array.from(bytes)), {
    external: (location) => (data === undefined ? undefined : memorySource(location, data)),
  });
  expect(diagnostics).toEqual([]);
  return model!;
};

describe('weights in a file of their own', () => {
  const model = withWeights([3, 20000, 16, 40]);
  const { pieces, external, externalBytes } = exportModel(model, {
    external: { file: 'weights.bin', minBytes: 64 },
  });

  test('are aligned: large ones to pages, small ones to 64 bytes; smaller ones stay inside', () => {
    expect(external.map(({ offset, byteLength }) => [offset, byteLength])).toEqual([
      [0, 80000],
      [80000, 64],
      [80064, 160],
    ]);
    expect(externalBytes).toBe(80224);
  });

  test('come back with their values', () => {
    const data = new Uint8Array(externalBytes);
    for (const { weight, offset } of external) data.set(readWeight(weight).bytes, offset);
    const again = reimport(joined(pieces), data);
    const values = again.mainGraph.initializers.map((id) => readWeight(again.value(id).weight!));
    expect(values).toEqual([3, 20000, 16, 40].map(floats));
    // And into the model again, without the file.
    const inline = reimport(joined(exportModel(again, { external: 'inline' }).pieces));
    expect(inline.mainGraph.initializers.map((id) => readWeight(inline.value(id).weight!))).toEqual(values);
  });

  test('are not read or copied by the export', () => {
    const piece = exportModel(model).pieces.find((one) => !(one instanceof Uint8Array));
    expect(piece).toMatchObject({ byteLength: 80000 });
    expect(readRange(piece as never)).toEqual(floats(20000).bytes);
  });
});

describe('what ONNX has no field for', () => {
  test('travels as metadata and comes back', () => {
    const model = typedModel(
      'private x: float32[4] @phone\ny = Relu(x) @phone in encoder\nz = Neg(y) @server\noutput z',
    );
    const again = reimport(joined(exportModel(model, { valueInfo: 'all' }).pieces));
    expect(printModel(again)).toBe(printModel(model));
    const [relu] = [...again.opsOf()];
    expect(relu).toMatchObject({
      place: single('phone'),
      scope: 'encoder',
      at: { file: 'test.txt', line: 2 },
    });
    expect(relu!.residue).toBeUndefined();
    expect(again.value(again.mainGraph.inputs[0]!)).toMatchObject({ private: true, place: single('phone') });
  });

  test('includes entries of the caller, after the others', () => {
    const model = typedModel('input x: float32[4]\ny = Relu(x)\noutput y');
    const { pieces } = exportModel(model, { metadata: () => [['bytesandbrains.fragment', '3']] });
    const [op] = [...reimport(joined(pieces)).opsOf()];
    expect(op!.residue?.metadataProps.map(({ key }) => key)).toEqual([
      'bytesandbrains.at',
      'bytesandbrains.fragment',
    ]);
  });

  test('of a place that names values and odd classes is understood again', () => {
    const editor = typedModel('input x: float32[4]\ny = Relu(x)\noutput y').edit();
    const [x] = editor.graph(editor.main).inputs;
    const [op] = editor.graph(editor.main).ops;
    const place = {
      class: 'odd/name "1"',
      binder: { kind: 'some', set: x!, sticky: true },
      within: { class: 'heads', binder: { kind: 'each' } },
    } as const;
    editor.setOp(op!, { place });
    const model = editor.finish();
    const again = reimport(joined(exportModel(model).pieces));
    expect([...again.opsOf()][0]!.place).toEqual(place);
  });
});

test('types of inner values are stated on request', () => {
  const model = typedModel('input x: float32[4]\ny = Relu(x)\nz = Neg(y)\noutput z');
  const types = (valueInfo: 'imported' | 'all') => {
    const again = reimport(joined(exportModel(model, { valueInfo }).pieces));
    return (again.mainGraph.residue?.valueInfo ?? []).map(({ proto }) => proto.name);
  };
  expect(types('imported')).toEqual([]);
  expect(types('all')).toEqual(['y']);
});

test('a changed type replaces what the file stated, and nothing else of the statement', () => {
  const imported = importFile(path.join(fixtures, 'rich.onnx')).model!;
  const editor = imported.edit();
  const [x] = editor.graph(editor.main).inputs;
  editor.setValue(x!, { type: tensorType('float32', [2, 6]), name: 'renamed' });
  const again = reimport(joined(exportModel(editor.finish()).pieces));
  const input = again.mainGraph.residue!.inputs![0]!;
  expect(input.type).toEqual(tensorType('float32', [2, 6]));
  expect(input.proto).toMatchObject({
    name: 'renamed',
    metadataProps: [{ value: 'true' }],
    $unknown: [{ no: 1006 }],
  });
  expect(again.mainGraph.ops.map((id) => again.op(id).inputs.length)).toEqual(
    imported.mainGraph.ops.map((id) => imported.op(id).inputs.length),
  );
});
