// Which IR version a converted model gets: what its opsets came with, and what is in the model needs.

import type { Model } from '../graph.ts';
import { minIrVersion } from '../ops/schema.ts';
import type { DType, ValueType } from '../types.ts';

const PLAIN_INITIALIZERS = 4;
const SPARSE_INITIALIZERS = 5;
const TRAINING_INFO = 7;
const FUNCTIONS = 8;
const OVERLOADS = 10;
const ELEMENT_TYPES: Partial<Record<DType, number>> = {
  bfloat16: 4,
  float8e4m3fn: 9,
  float8e4m3fnuz: 9,
  float8e5m2: 9,
  float8e5m2fnuz: 9,
  uint4: 10,
  int4: 10,
  float4e2m1: 11,
  float8e8m0: 12,
  uint2: 13,
  int2: 13,
};

/** Never lower than the opsets and the content need; on the way up never lower than it was. */
export function irVersionFor(model: Model, opsets: ReadonlyMap<string, number>): number {
  const { header } = model;
  const needed = Math.max(
    ...[...opsets].map(([domain, version]) => minIrVersion(version, domain)),
    contentNeeds(model),
  );
  const isLower = [...opsets].some(([domain, version]) => version < header.opsets.get(domain)!);
  return isLower ? needed : Math.max(needed, header.irVersion);
}

function contentNeeds(model: Model): number {
  const needs = [3];
  for (const graph of model.graphs) {
    const { initializers, inputs, residue } = graph;
    const asInputs = new Set(inputs);
    if (initializers.some((id) => !asInputs.has(id))) needs.push(PLAIN_INITIALIZERS);
    if ((residue?.proto?.sparseInitializer.length ?? 0) > 0) needs.push(SPARSE_INITIALIZERS);
  }
  for (const { type, weight } of model.allValues()) {
    needs.push(ELEMENT_TYPES[weight?.dtype ?? 'float32'] ?? 0, typeNeeds(type));
  }
  if ((model.header.residue?.trainingInfo.length ?? 0) > 0) needs.push(TRAINING_INFO);
  if (model.functions.length > 0) needs.push(FUNCTIONS);
  if (model.functions.some((fn) => fn.overload !== '')) needs.push(OVERLOADS);
  return needs.reduce((most, one) => Math.max(most, one));
}

function typeNeeds(type: ValueType | undefined): number {
  if (type?.kind === 'tensor' || type?.kind === 'sparse') return ELEMENT_TYPES[type.dtype ?? 'float32'] ?? 0;
  if (type?.kind === 'sequence' || type?.kind === 'optional') return typeNeeds(type.elem);
  return 0;
}
