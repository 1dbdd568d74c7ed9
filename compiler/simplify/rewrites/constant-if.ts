// The branch that is always taken stands where the If stood.
//
//   initializer c = true
//   y = If(c) { a = Relu(x); return a } else { … }   →   y = Relu(x)

import { findAttribute } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

export const constantIf = rewrite('constant-if', {
  exact: true,
  ops: ['If'],
  apply(op, bench) {
    const condition = bench.numbers(op.inputs[0])?.[0];
    if (condition === undefined) return false;
    const branch = findAttribute(op, condition ? 'then_branch' : 'else_branch');
    if (branch?.kind !== 'graph') return false;
    const { outputs } = bench.graph(branch.value);
    if (outputs.length !== op.outputs.length || !bench.canUnwrap(op, branch.value)) return false;
    bench.unwrap(op, branch.value);
    // Each result has a name that its readers know: an Identity where the value cannot take it.
    op.outputs.forEach((id, index) => {
      if (id > 0 && bench.useCount(id) > 0)
        bench.insertBefore(op, { type: 'Identity', inputs: [outputs[index]!], outputs: [id] });
    });
    bench.remove(
      op,
      op.outputs.filter((id) => id > 0 && bench.useCount(id) > 0),
    );
    return true;
  },
});
