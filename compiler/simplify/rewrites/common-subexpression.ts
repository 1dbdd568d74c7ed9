// What was computed before, from the same values in the same way, is not computed again.
//
//   a = Relu(x)
//   b = Relu(x)   →   a in place of b

import { type Attribute, NO_VALUE, type Op, readRange } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';
import { tableOf } from './table.ts';

/** Different each time they run. */
const random = new Set([
  'Bernoulli',
  'Dropout',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

export const commonSubexpression = rewrite('common-subexpression', {
  exact: true,
  apply(op, bench) {
    const key = keyOf(op, bench);
    const first = key === undefined ? undefined : tableOf(bench, 'common-subexpression').firstBefore(op, key);
    if (
      first === undefined ||
      first.outputs.some((id, index) => id === NO_VALUE && op.outputs[index] !== NO_VALUE)
    )
      return false;
    return bench.forward(op, first.outputs);
  },
});

/** Equal for ops that compute the same; undefined if that is not to be told. */
function keyOf(op: Op, bench: Workbench): string | undefined {
  if (
    !bench.isStandard(op) ||
    random.has(op.type) ||
    bench.hasEffects(op) ||
    (bench.isOutput(op.outputs[0]!) && op.type === 'Constant')
  )
    return undefined;
  const attributes: string[] = [];
  for (const attribute of op.attributes) {
    const text = textOf(attribute);
    if (text === undefined) return undefined;
    attributes.push(text);
  }
  const place = op.place === undefined ? '' : JSON.stringify(op.place);
  return [op.type, op.inputs.join(), op.outputs.length, place, ...attributes.sort()].join('\n');
}

/** Larger contents are compared where constants are, not as text. */
const MAX_BYTES = 1024;

function textOf(attribute: Attribute): string | undefined {
  const { name, kind } = attribute;
  const said = (value: unknown): string => `${name} ${kind} ${String(value)}`;
  switch (attribute.kind) {
    case 'int':
    case 'ints':
    case 'reference':
    case 'string':
      return said(attribute.value);
    case 'float':
      return said(floatText(attribute.value));
    case 'floats':
      return said(attribute.value.map(floatText));
    case 'strings':
      return said(attribute.value.map(String).join(';'));
    case 'tensor': {
      const { dtype, dims, range } = attribute.value;
      if (range === undefined || range.byteLength > MAX_BYTES) return undefined;
      return said(`${dtype} ${dims} ${readRange(range)}`);
    }
    default:
      return undefined;
  }
}

const floatText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));
