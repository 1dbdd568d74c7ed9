import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as generated from '../../ir/generated/opset.ts';
import {
  admittedTypes,
  latestOps,
  minIrVersion,
  newestOpset,
  parameterAt,
  parseSchemaType,
  schemaOf,
  schemasOf,
  schemaTypeOf,
} from '../../ir/ops/schema.ts';
import { formatType } from '../../ir/types.ts';

describe('operator schemas', () => {
  it('are looked up by the opset in which they are current', () => {
    expect(schemaOf('', 'Squeeze', 11)).toMatchObject({ since: 11, until: 12, maxInputs: 1 });
    expect(schemaOf('', 'Squeeze', 13)).toMatchObject({ since: 13, until: 20, maxInputs: 2 });
    expect(schemaOf('', 'Gelu', 19)).toBeUndefined();
    expect(schemaOf('', 'Upsample', 10)).toMatchObject({ deprecated: true });
  });

  it('do not exist for names that are not operators', () => {
    expect(schemaOf('', 'toString', 21)).toBeUndefined();
    expect(schemaOf('constructor', 'name', 1)).toBeUndefined();
    expect(schemasOf('com.example', 'Add')).toEqual([]);
    expect(newestOpset('toString')).toBeUndefined();
  });

  it('say what an operator takes, gives and is told', () => {
    const clip = schemaOf('', 'Clip', 13)!;
    expect(clip.inputs.map(({ name, option }) => [name, option])).toEqual([
      ['input', 'single'],
      ['min', 'optional'],
      ['max', 'optional'],
    ]);
    const gemm = schemaOf('', 'Gemm', 13)!;
    expect(gemm.attributes.find((one) => one.name === 'alpha')).toEqual({
      name: 'alpha',
      kind: 'float',
      required: false,
      default: 1,
    });
    expect(schemaOf('', 'BatchNormalization', 9)!.outputCounts).toEqual([1, 5]);
    expect(schemaOf('', 'Loop', 13)!.inputs[2]).toEqual({
      name: 'v_initial',
      type: 'V',
      option: 'variadic',
      minArity: 0,
      homogeneous: false,
    });
  });

  it('give a variadic parameter to every later value, and no parameter beyond a fixed list', () => {
    const concat = schemaOf('', 'Concat', 13)!;
    expect(parameterAt(concat.inputs, 7)?.name).toBe('inputs');
    expect(parameterAt(schemaOf('', 'Add', 13)!.inputs, 2)).toBeUndefined();
  });

  it('admit the types of their type sets', () => {
    const add = schemaOf('', 'Add', 7)!;
    expect(admittedTypes(add, add.inputs[0]!).has('tensor(float)')).toBe(true);
    expect(admittedTypes(add, add.inputs[0]!).has('tensor(bool)')).toBe(false);
    const reshape = schemaOf('', 'Reshape', 13)!;
    expect([...admittedTypes(reshape, reshape.inputs[1]!)]).toEqual(['tensor(int64)']);
  });

  it('have type strings that read back as they were', () => {
    for (const text of generated.typeNames.split('|')) expect(schemaTypeOf(parseSchemaType(text))).toBe(text);
    expect(formatType(parseSchemaType('optional(seq(tensor(float)))'))).toBe('optional(seq(float32))');
    expect(() => parseSchemaType('tensor(flaot)')).toThrow(RangeError);
  });

  it('list the current operators of a domain, deprecated ones left out', () => {
    const latest = latestOps('');
    const names = latest.map((schema) => schema.type);
    expect(names).toContain('Gelu');
    expect(names).not.toContain('Upsample');
    expect(names).toEqual([...names].sort());
    expect(latest.every((schema) => schema.until === undefined)).toBe(true);
  });

  it('know the IR version that an opset needs', () => {
    expect([7, 11, 13, 21, 25].map((opset) => minIrVersion(opset))).toEqual([3, 6, 7, 10, 13]);
  });

  it.runIf(existsSync('../shared/onnx/opset.json'))('hold every fact of opset.json', () => {
    const facts = JSON.parse(readFileSync('../shared/onnx/opset.json', 'utf8'));
    expect(facts.ops.length).toBeGreaterThan(600);
    for (const op of facts.ops) {
      const domain = facts.domains[op.domain].proto_domain;
      const schema = schemaOf(domain, op.name, op.since_version)!;
      expect(schema).toMatchObject({
        since: op.since_version,
        until: op.until_version ?? undefined,
        deprecated: op.deprecated,
        isFunction: op.is_function,
        minInputs: op.min_inputs,
        maxInputs: op.max_inputs ?? Number.POSITIVE_INFINITY,
        minOutputs: op.min_outputs,
        maxOutputs: op.max_outputs ?? Number.POSITIVE_INFINITY,
      });
      for (const side of ['inputs', 'outputs'] as const) {
        expect(schema[side].map(({ name, type, option }) => ({ name, type, option }))).toEqual(
          op[side].map(({ name, type, option }: Record<string, string>) => ({ name, type, option })),
        );
      }
      expect(schema.attributes.map((one) => [one.name, one.required, one.default])).toEqual(
        op.attributes.map((one: Record<string, unknown>) => [one.name, one.required, one.default]),
      );
      const sets = Object.entries(op.type_constraints as Record<string, number>);
      for (const [variable, index] of sets) {
        expect([...schema.typeSets.get(variable)!].sort()).toEqual([...facts.type_sets[index]].sort());
      }
    }
  });
});
