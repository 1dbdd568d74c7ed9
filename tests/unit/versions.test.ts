// The table of steps against the schemas it is about.
import { expect, it } from 'vitest';
import { ops } from '../../ir/generated/opset.ts';
import { schemasOf } from '../../ir/ops/schema.ts';
import { OLDEST_OPSET } from '../../ir/versions/index.ts';
import { findStep } from '../../ir/versions/steps.ts';

const steps = Object.keys(ops).flatMap((domain) =>
  Object.keys(ops[domain]!).flatMap((type) =>
    schemasOf(domain, type)
      .slice(1)
      .filter(({ since }) => domain !== '' || since > OLDEST_OPSET)
      .map((schema) => ({ schema, step: findStep(domain, type, schema.since) })),
  ),
);

it('every step from one version of an operator to the next has a row', () => {
  expect(
    steps.filter(({ step }) => step === undefined).map(({ schema }) => `${schema.type} ${schema.since}`),
  ).toEqual([]);
  expect(steps.length).toBeGreaterThan(300);
});

it('a step without a way up changes no required attribute, no default and no input there was', () => {
  const wrong = steps
    .filter(({ step, schema }) => step !== undefined && step.up === undefined && !schema.deprecated)
    .filter(({ schema }) => {
      const older = schemasOf(schema.domain, schema.type).findLast((one) => one.since < schema.since)!;
      const lost = older.attributes.some((attribute) => {
        const now = schema.attributes.find(({ name }) => name === attribute.name);
        return now === undefined || JSON.stringify(now.default) !== JSON.stringify(attribute.default);
      });
      const added = schema.attributes.some(
        (one) =>
          one.required && !older.attributes.some(({ name, required }) => required && name === one.name),
      );
      const moved = older.inputs.some((input, index) => input.option === 'single' && !schema.inputs[index]);
      const more = schema.minInputs > older.minInputs || schema.maxOutputs < older.maxOutputs;
      return lost || added || moved || more;
    })
    .map(({ schema }) => `${schema.type} ${schema.since}`);
  expect(wrong).toEqual([]);
});
