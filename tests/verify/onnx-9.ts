// Done line 9: 200,000 mutations of conformance models through import, check and infer: no throw that is not a
// diagnostic, none slower than 1 s, none above 200 MB. ONNX's whole set where it is beside the project, else ours.

import { runBatches } from '../fuzz/batches.ts';
import type { Line } from './verification.ts';

const verify: Line = (cx) =>
  runBatches(cx, [{ target: 'conformance', cases: 20_000, count: 10, inputs: 200_000, heapMiB: 256 }]);
export default verify;
