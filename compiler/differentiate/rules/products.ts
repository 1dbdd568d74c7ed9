// Products of many factors: of elements along an axis, and determinants.

import type { Attribute, ValueId } from '../../../ir/index.ts';
import { type Builder, int, ints } from '../builder.ts';
import type { Rule, Rules } from '../rule.ts';

/**
 * Each factor's gradient is the product of those before it times a sum over the results behind it, which is made step by
 * step from the end: s = dy + x' s', where x' and s' are those of the next step. Nothing is divided, so zeros do no harm.
 */
const cumulativeProduct: Rule = ({ b, op, x, dy }) => {
  const input = x[0]!;
  const rank = b.rank(input);
  const given = b.numbers(x[1]!)?.[0] ?? b.refuse('its axis is not known');
  const axis = given < 0 ? given + rank : given;
  const [exclusive, reverse] = [b.int(op, 'exclusive', 0) !== 0, b.int(op, 'reverse', 0)];
  const before = b.op('CumProd', [input, x[1]!], int('exclusive', 1), int('reverse', reverse));
  const rest = [
    b.op('Shape', [input], int('start', 0), int('end', axis)),
    b.op('Shape', [input], int('start', axis + 1)),
  ];
  const none = b.op('Expand', [b.scalar(0, input), b.op('Concat', rest, int('axis', 0))]);
  const direction = [1 - reverse];
  const attributes: Attribute[] = [
    { name: 'body', kind: 'graph', value: oneFactor(b, exclusive) },
    int('num_scan_inputs', 2),
    ints('scan_input_axes', [axis, axis]),
    ints('scan_output_axes', [axis]),
    ints('scan_input_directions', [...direction, ...direction]),
    ints('scan_output_directions', direction),
  ];
  const [, sums] = b.ops('Scan', [none, dy[0]!, input], 2, ...attributes);
  return [b.mul(before, sums!)];
};

/** From what the next step hands on, the gradient of a result and a factor: what this one hands on, and its sum. */
function oneFactor(b: Builder, exclusive: boolean) {
  const body = b.subgraph('cumulative_product');
  const { editor } = b;
  const [next, given, factor] = ['next', 'given', 'factor'].map((name, index) =>
    editor.addValue(body.graph, { name: b.unique(`grad/${name}`), def: { kind: 'input', index } }),
  ) as [ValueId, ValueId, ValueId];
  const sum = exclusive ? body.op('Identity', [next]) : body.add(given, next);
  const handed = exclusive ? body.add(given, body.mul(factor, next)) : body.mul(factor, sum);
  editor.setGraph(body.graph, { inputs: [next, given, factor], outputs: [handed, sum], ops: body.made });
  return body.graph;
}

/** The cofactors: determinants of what is left without a row and a column, with their signs. */
const determinant: Rule = ({ b, x, dy }) => {
  const input = x[0]!;
  const dims = b.dims(input);
  const [rank, size] = [dims.length, dims.at(-1)];
  if (typeof size !== 'number') return b.refuse('the size of its matrices is not known');
  const given = b.op('Unsqueeze', [dy[0]!, b.list([-2, -1])]);
  if (size === 1) return [given];
  const all = Array.from({ length: size }, (_, at) => at);
  const others = b.op('Reshape', [
    b.list(all.flatMap((at) => all.filter((one) => one !== at))),
    b.list([size, size - 1]),
  ]);
  // […, row left out, other rows, column left out, other columns]
  const rows = b.op('Gather', [input, others], int('axis', rank - 2));
  const parts = b.op('Gather', [rows, others], int('axis', rank));
  const batch = Array.from({ length: rank - 2 }, (_, at) => at);
  const minors = b.transpose(parts, [...batch, rank - 2, rank, rank - 1, rank + 1]);
  const signs = all.flatMap((row) => all.map((column) => ((row + column) % 2 === 0 ? 1 : -1)));
  const sign = b.cast(b.op('Reshape', [b.list(signs), b.list([size, size])]), b.dtype(input));
  return [b.mul(given, b.mul(b.op('Det', [minors]), sign))];
};

export const manyFactors: Rules = { CumProd: cumulativeProduct, Det: determinant };
