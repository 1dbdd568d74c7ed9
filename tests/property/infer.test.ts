import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { type Attribute, ModelEditor, NO_VALUE, type ValueId } from '../../ir/graph.ts';
import { weightOf } from '../../ir/onnx/weights.ts';
import { type AttributeSchema, latestOps, schemaOf } from '../../ir/ops/schema.ts';
import { type Dim, type DType, tensorType, type ValueType } from '../../ir/types.ts';

const types = ['', 'ai.onnx.ml', 'ai.onnx.preview.training'].flatMap((domain) =>
  latestOps(domain).map((schema) => [domain, schema.type] as const),
);
const size = fc.integer({ min: -3, max: 5 });
const dim: fc.Arbitrary<Dim> = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('N', 'M', null));
const dtype = fc.constantFrom<DType>('float32', 'int64', 'bool', 'string', 'uint8');
const tensor = fc
  .tuple(dtype, fc.option(fc.array(dim, { maxLength: 5 }), { nil: undefined }))
  .map(([element, dims]) => tensorType(element, dims));
const valueType: fc.Arbitrary<ValueType | undefined> = fc.oneof(
  { weight: 8, arbitrary: tensor },
  tensor.map((elem): ValueType => ({ kind: 'sequence', elem })),
  tensor.map((elem): ValueType => ({ kind: 'optional', elem })),
  fc.constant(undefined),
);
const input = fc.oneof(
  { weight: 3, arbitrary: valueType.map((type) => ({ type, ints: undefined })) },
  fc.array(size, { maxLength: 5 }).map((ints) => ({ type: undefined, ints })),
);

function attributeFor({ name, kind }: AttributeSchema): fc.Arbitrary<Attribute | undefined> {
  const some = (arbitrary: fc.Arbitrary<Attribute>): fc.Arbitrary<Attribute | undefined> =>
    fc.option(arbitrary, { nil: undefined });
  switch (kind) {
    case 'int':
      return some(size.map((value) => ({ name, kind, value: BigInt(value) })));
    case 'ints':
      return some(
        fc.array(size, { maxLength: 6 }).map((value) => ({ name, kind, value: value.map(BigInt) })),
      );
    case 'float':
      return some(fc.double().map((value) => ({ name, kind, value })));
    case 'floats':
      return some(fc.array(fc.double(), { maxLength: 5 }).map((value) => ({ name, kind, value })));
    case 'string': {
      const texts = fc.constantFrom(
        'SAME_UPPER',
        'VALID',
        'NOTSET',
        'none',
        'not_larger',
        'ij,jk->ik',
        '...i',
        '',
      );
      return some(texts.map((value) => ({ name, kind, value: new TextEncoder().encode(value) })));
    }
    default:
      return fc.constant(undefined);
  }
}

const anyOp = fc
  .tuple(fc.constantFrom(...types), fc.integer({ min: 1, max: 27 }))
  .chain(([[domain, type], opset]) => {
    const version = domain === '' ? opset : 1;
    const schema = schemaOf(domain, type, version) ?? schemaOf(domain, type, 27)!;
    const arity = fc.integer({
      min: schema.minInputs,
      max: Math.min(schema.maxInputs, schema.minInputs + 4),
    });
    return fc.record({
      domain: fc.constant(domain),
      type: fc.constant(type),
      opset: fc.constant(schema.since),
      inputs: arity.chain((length) => fc.array(input, { minLength: length, maxLength: length })),
      outputs: fc.integer({
        min: schema.minOutputs,
        max: Math.min(schema.maxOutputs, schema.minOutputs + 3),
      }),
      attributes: fc.tuple(...schema.attributes.map(attributeFor)),
    });
  });

it('infers or reports whatever an op is given, and never throws', () => {
  fc.assert(
    fc.property(anyOp, (op) => {
      const editor = new ModelEditor({
        irVersion: 10,
        opsets: new Map([[op.domain, op.opset]]),
        file: 'any.onnx',
      });
      const main = editor.addGraph({ kind: 'main', name: 'any' });
      const inputs: ValueId[] = [];
      const initializers: ValueId[] = [];
      const operands = op.inputs.map(({ type, ints }, index) => {
        const name = `x${index}`;
        if (ints !== undefined) {
          const bytes = new Uint8Array(BigInt64Array.from(ints.map(BigInt)).buffer);
          const weight = weightOf({ dtype: 'int64', dims: [ints.length], bytes });
          const id = editor.addValue(main, { name, weight, def: { kind: 'initializer' } });
          initializers.push(id);
          return id;
        }
        if (type === undefined) return NO_VALUE;
        const id = editor.addValue(main, { name, type, def: { kind: 'input', index: inputs.length } });
        inputs.push(id);
        return id;
      });
      const outputs = Array.from({ length: op.outputs }, (_, index) =>
        editor.addValue(main, { name: `y${index}` }),
      );
      const attributes = op.attributes.filter((one) => one !== undefined);
      const id = editor.addOp(main, {
        domain: op.domain,
        type: op.type,
        inputs: operands,
        outputs,
        attributes,
      });
      editor.setGraph(main, { inputs, outputs, initializers, ops: [id] });
      editor.main = main;
      const { model } = inferModel(editor.finish());
      for (const value of model.allValues()) {
        if (value.type?.kind !== 'tensor') continue;
        const sound = value.type.dims?.every(
          (one) => typeof one !== 'number' || (Number.isInteger(one) && one >= 0),
        );
        expect(sound ?? true, `${op.type} gives ${value.type.dims}`).toBe(true);
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 3000) },
  );
}, 60_000);
