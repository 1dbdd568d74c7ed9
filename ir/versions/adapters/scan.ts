// Scan 8 → 9: the older one runs over axis 1 for each row of axis 0 on its own; the newer knows no batch. A scan
// over the rows whose body is the scan over axis 1 is the same:
//
//   y = Scan<body, num_scan_inputs = 1>("", init, x)            opset 8
//
//   y = Scan<num_scan_inputs = 2, body = { init_row, x_row =>   opset 9
//     Scan<body, num_scan_inputs = 1>(init_row, x_row)
//   }>(init, x)

import { findAttribute, type GraphId, NO_VALUE, type ValueId } from '../../graph.ts';
import type { ValueType } from '../../types.ts';
import { type Adapter, type Form, intAttribute } from '../form.ts';
import type { Workbench } from '../workbench.ts';

export const overRows: Adapter = (op, bench) => {
  const [lengths = NO_VALUE, ...inputs] = op.inputs;
  if (lengths !== NO_VALUE) return bench.refuse('it scans rows of different lengths (sequence_lens)');
  const body = findAttribute(op, 'body');
  if (body?.kind !== 'graph') return bench.refuse('it has no body');
  const rows = scanOfRow(op, inputs, body.value, bench);
  return {
    ...op,
    inputs,
    attributes: [
      { name: 'body', kind: 'graph', value: rows },
      intAttribute('num_scan_inputs', inputs.length),
    ],
  };
};

/** The graph that scans one row. */
function scanOfRow(op: Form, inputs: readonly ValueId[], body: GraphId, bench: Workbench): GraphId {
  const { editor } = bench;
  const { name, parent } = editor.graph(body);
  const rows = editor.addGraph({
    kind: 'subgraph',
    name: `${name}_rows`,
    ...(parent !== undefined && { parent }),
  });
  editor.setGraph(body, { parent: rows });
  const ins = inputs.map((id, index) => {
    const row = bench.value(id, 'row', rowType(bench.typeOf(id)), rows);
    editor.setValue(row, { def: { kind: 'input', index } });
    return row;
  });
  // Results that nobody wants are outputs of the body all the same.
  const results = editor.graph(body).outputs;
  const outs = results.map((id, index) => {
    const result = op.outputs[index] ?? NO_VALUE;
    return bench.value(result === NO_VALUE ? id : result, 'row', rowType(bench.typeOf(result)), rows);
  });
  const directions = bench.ints(op, 'directions');
  const scan = editor.addOp(rows, {
    type: 'Scan',
    inputs: ins,
    outputs: outs,
    attributes: [
      { name: 'body', kind: 'graph', value: body },
      intAttribute('num_scan_inputs', bench.int(op, 'num_scan_inputs', 1)),
      ...(directions === undefined
        ? []
        : [{ name: 'scan_input_directions', kind: 'ints' as const, value: directions.map(BigInt) }]),
    ],
  });
  editor.setGraph(rows, { inputs: ins, outputs: outs, ops: [scan] });
  return rows;
}

const rowType = (type: ValueType | undefined): ValueType | undefined =>
  type?.kind === 'tensor' && type.dims !== undefined ? { ...type, dims: type.dims.slice(1) } : undefined;
