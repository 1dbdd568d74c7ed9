// Done line 5: at least 200,000 random and mutated inputs to every reader of what comes from outside: no throw that
// is not a diagnostic, nothing slower than 1 s, no growth beyond the caps, each counted. Of readers that the issue
// does not name there are fewer.

import { runBatches } from '../fuzz/batches.ts';
import type { Line } from './verification.ts';

const named = { inputs: 200_000 };
const further = { cases: 10_000, count: 2, inputs: 20_000 };

const verify: Line = (cx) =>
  runBatches(cx, [
    { target: 'rules', cases: 50_000, count: 4, ...named },
    { target: 'envelope', cases: 50_000, count: 4, ...named },
    // A case is a sequence of some twenty inputs.
    { target: 'node', cases: 2_500, count: 4, ...named },
    { target: 'topology', cases: 50_000, count: 4, ...named },
    { target: 'onnx', cases: 20_000, count: 13, ...named },
    ...['tensors', 'bundle', 'config', 'text'].map((target) => ({ target, ...further })),
  ]);
export default verify;
