// Ops against operator schemas: known, imported, called with the right number of inputs, outputs and
// attributes. Types are the infer pass's question.

import { editDistance } from '../../ir/excerpt.ts';
import {
  type Attribute,
  attributeTypeOf,
  diagnostic,
  gradientOf,
  isOurDomain,
  type ModelFunction,
  NO_VALUE,
  type Op,
} from '../../ir/index.ts';
import {
  isOnnxDomain,
  latestOps,
  type OpSchema,
  type ParameterSchema,
  parameterAt,
  schemaOf,
} from '../../ir/ops/schema.ts';
import { about, type CheckContext } from './context.ts';

export function checkOp(cx: CheckContext, op: Op, opsets: ReadonlyMap<string, number>): void {
  const { model, report } = cx;
  const context = about(model, op);
  if (op.type === '') report(diagnostic('BB213', { what: 'the operator type of an op' }, context));
  if (op.inputs.length === 0 && op.outputs.length === 0)
    report(diagnostic('BB208', { type: op.type, problem: 'has neither inputs nor outputs' }, context));
  checkAttributes(cx, op);
  if (op.type === '') return;
  const version = opsets.get(op.domain);
  if (isOurDomain(op.domain)) return;
  if (version === undefined || isSpelledOut(cx, op)) {
    const domain = op.residue?.domain ?? op.domain;
    report(diagnostic('BB207', { domain }, context));
    return;
  }
  const fn = model.functionOf(op);
  if (fn !== undefined) checkCall(cx, op, fn);
  else if (isOnnxDomain(op.domain)) checkSchema(cx, op, version);
}

/** An op's `ai.onnx` where the import says "": a reader that compares text would not find it. */
function isSpelledOut({ model }: CheckContext, op: Op): boolean {
  if (op.residue?.domain !== 'ai.onnx') return false;
  return !(model.header.residue?.opsetImport ?? []).some(({ domain }) => domain === 'ai.onnx');
}

function checkAttributes({ model, report }: CheckContext, op: Op): void {
  const seen = new Set<string>();
  for (const attribute of op.attributes) {
    const { name } = attribute;
    const problem = attributeProblem(attribute, model.header.irVersion);
    if (name === '') report(diagnostic('BB213', { what: 'an attribute' }, about(model, op)));
    if (seen.has(name))
      report(diagnostic('BB217', { type: op.type, name, problem: 'is there twice' }, about(model, op)));
    else if (problem !== undefined)
      report(diagnostic('BB217', { type: op.type, name, problem }, about(model, op)));
    seen.add(name);
  }
}

const valueFields = [
  ['f', 1],
  ['i', 2],
  ['s', 3],
  ['t', 4],
  ['g', 5],
  ['sparseTensor', 11],
  ['tp', 13],
  ['floats', 6],
  ['ints', 7],
  ['strings', 8],
  ['tensors', 9],
  ['graphs', 10],
  ['sparseTensors', 12],
  ['typeProtos', 14],
] as const;

/** What a file's AttributeProto says wrongly beside kind and value. */
function attributeProblem(attribute: Attribute, irVersion: number): string | undefined {
  const { residue, kind } = attribute;
  if (kind === 'undefined') return 'has no value of the type it states';
  if (residue === undefined || kind === 'reference') return undefined;
  if (residue.type === 0 && irVersion >= 2) return 'does not state its type';
  const stray = valueFields.find(([field, type]) => {
    if (type === attributeTypeOf(kind) || !Object.hasOwn(residue, field)) return false;
    const value = residue[field];
    return !Array.isArray(value) || value.length > 0;
  });
  return stray === undefined ? undefined : `has a value of another type, in field ${stray[0]}`;
}

function checkCall({ model, report }: CheckContext, op: Op, fn: ModelFunction): void {
  const { inputs, outputs } = model.graph(fn.graph);
  const problem =
    op.inputs.length > inputs.length
      ? `has ${op.inputs.length} inputs, but its function takes ${inputs.length}`
      : op.outputs.length > outputs.length
        ? `has ${op.outputs.length} outputs, but its function gives ${outputs.length}`
        : undefined;
  if (problem !== undefined)
    report(diagnostic('BB220', { problem: `${op.type} ${problem}` }, about(model, op)));
}

function checkSchema(cx: CheckContext, op: Op, version: number): void {
  const { model, report } = cx;
  const schema = schemaOf(op.domain, op.type, version);
  if (schema === undefined && op.domain === '' && experimentalOps.has(op.type)) {
    const problem = `${op.type} was an experiment, and no opset has it any more`;
    report(diagnostic('BB220', { problem }, about(model, op)));
    return;
  }
  if (schema === undefined || schema.deprecated) {
    const similar = schema === undefined ? similarOp(op) : undefined;
    const domain = op.domain === '' ? 'ai.onnx' : op.domain;
    report(diagnostic('BB206', { type: op.type, domain, version, similar }, about(model, op)));
    return;
  }
  const counts = countProblem(op, schema);
  if (counts !== undefined) report(diagnostic('BB208', { type: op.type, problem: counts }, about(model, op)));
  for (const attribute of op.attributes) {
    const known = schema.attributes.find((one) => one.name === attribute.name);
    if (known === undefined) {
      // Names that begin with two underscores are notes of tools.
      if (schema.allowsUnknownAttributes || attribute.name.startsWith('__') || attribute.name === '')
        continue;
      const names = schema.attributes.map((one) => one.name);
      report(diagnostic('BB210', { type: op.type, name: attribute.name, names }, about(model, op)));
    } else if (
      attribute.kind !== known.kind &&
      attribute.kind !== 'reference' &&
      attribute.kind !== 'undefined'
    ) {
      const args = { type: op.type, name: attribute.name, kind: attribute.kind, wanted: known.kind };
      report(diagnostic('BB211', args, about(model, op)));
    }
  }
  // Its strings are values here.
  if (gradientOf(op) !== undefined) return;
  for (const { name, required, kind } of schema.attributes) {
    if (required && !op.attributes.some((attribute) => attribute.name === name))
      report(diagnostic('BB209', { type: op.type, name, kind }, about(model, op)));
  }
}

/** Operators of opset 1 that never left the experiment; the ONNX checker lets them pass in any opset. */
const experimentalOps: ReadonlySet<string> = new Set(
  'ATen Affine ConstantFill Crop DynamicSlice GRUUnit GivenTensorFill ImageScaler ParametricSoftplus Scale ScaledTanh'.split(
    ' ',
  ),
);

function countProblem(op: Op, schema: OpSchema): string | undefined {
  const { inputs, outputs } = op;
  if (inputs.length < schema.minInputs || inputs.length > schema.maxInputs)
    return `has ${inputs.length} inputs, but takes ${range(schema.minInputs, schema.maxInputs)}`;
  if (outputs.length < schema.minOutputs || outputs.length > schema.maxOutputs)
    return `has ${outputs.length} outputs, but gives ${range(schema.minOutputs, schema.maxOutputs)}`;
  if (schema.outputCounts !== undefined && !schema.outputCounts.includes(outputs.length))
    return `has ${outputs.length} outputs, but gives ${schema.outputCounts.join(' or ')}`;
  return omitted('input', inputs, schema.inputs) ?? omitted('output', outputs, schema.outputs);
}

function omitted(
  what: string,
  values: readonly number[],
  parameters: readonly ParameterSchema[],
): string | undefined {
  const index = values.findIndex(
    (value, at) => value === NO_VALUE && parameterAt(parameters, at)?.option === 'single',
  );
  return index < 0 ? undefined : `leaves out ${what} ${parameters[index]?.name ?? index}, which it needs`;
}

const range = (least: number, most: number): string =>
  least === most
    ? String(least)
    : most === Number.POSITIVE_INFINITY
      ? `at least ${least}`
      : `${least} to ${most}`;

/** The operator whose name differs only in case or in a letter or two. */
function similarOp(op: Op): string | undefined {
  const wanted = op.type.toLowerCase();
  return latestOps(op.domain)
    .map(({ type }) => ({ type, distance: editDistance(wanted, type.toLowerCase(), 3) }))
    .filter(({ distance, type }) => distance <= Math.min(2, type.length / 2))
    .sort((a, b) => a.distance - b.distance)[0]?.type;
}
