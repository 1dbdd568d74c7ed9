// Single ops of a graph in memory, computed now: for constant folding.

import { DiagnosticError } from '../../../ir/diagnostic.ts';
import type { Evaluator } from '../../../ir/evaluator.ts';
import { type Attribute, NO_VALUE, type Op, type Weight } from '../../../ir/graph.ts';
import { readWeight } from '../../../ir/onnx/weights.ts';
import type { Tensor } from '../../../ir/types.ts';
import { AttributeContext, type AttributeValue } from './attributes.ts';
import { type FindKernel, Invalid, type KernelFamily, kernelFinder } from './kernel.ts';
import { allFamilies } from './kernels/index.ts';
import { domainOf, upToNewest } from './names.ts';
import { refusal } from './refusal.ts';
import { fromTensor, toTensor, type Value } from './value.ts';

/** Computes with the kernels of `families`; default: all. */
export function cpuEvaluator(families: readonly KernelFamily[] = allFamilies): Evaluator {
  const find = upToNewest(kernelFinder(families));
  return (op, inputs, opset) => evaluate(find, op, inputs, opset);
}

function evaluate(
  find: FindKernel,
  op: Op,
  inputs: readonly (Tensor | undefined)[],
  opset: number,
): readonly (Tensor | undefined)[] | undefined {
  const domain = domainOf(op.domain);
  const kernel = find(domain, op.type, opset);
  const attributes = attributesOf(op);
  if (kernel === undefined || attributes === undefined) return undefined;
  const wanted = op.outputs.map((value) => value !== NO_VALUE);
  const context = new AttributeContext({ domain, type: op.type, opset, wanted }, attributes, {
    random: refuse,
  });
  try {
    const results = kernel(context, ...inputs.map((one) => one && fromTensor(one)));
    const list = Array.isArray(results) ? (results as readonly (Value | undefined)[]) : [results as Value];
    const outputs = wanted.map((wants, index) => (wants ? list[index] : undefined));
    if (outputs.some((value) => value !== undefined && value.kind !== 'tensor')) return undefined;
    return outputs.map((value) => (value?.kind === 'tensor' ? toTensor(value) : undefined));
  } catch (error) {
    if (refusal(error, context, op.name) instanceof DiagnosticError) return undefined;
    throw error;
  }
}

const refuse = (): never => {
  throw new Invalid('it draws random numbers');
};

const weight = (one: Weight) => fromTensor(readWeight(one));

/** undefined: the op has attributes that are no constants of the op alone. */
function attributesOf(op: Op): ReadonlyMap<string, AttributeValue> | undefined {
  const attributes = new Map<string, AttributeValue>();
  for (const attribute of op.attributes) {
    const value = attributeValue(attribute);
    if (value === undefined) return undefined;
    attributes.set(attribute.name, value);
  }
  return attributes;
}

function attributeValue(attribute: Attribute): AttributeValue | undefined {
  switch (attribute.kind) {
    case 'float':
    case 'int':
    case 'string':
    case 'floats':
    case 'ints':
    case 'strings':
      return attribute.value;
    case 'tensor':
      return weight(attribute.value);
    case 'tensors':
      return attribute.value.map(weight);
    default:
      return undefined;
  }
}
