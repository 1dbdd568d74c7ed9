// Done line 4: the text of every conformance model reads back as that model, and what ONNX's own parser and printer make
// of a text is what ours make of it.

import { runTests } from './run-tests.ts';
import type { Line } from './verification.ts';

const verify: Line = async (cx) => {
  const files = await cx.step('text', () =>
    runTests(['tests/oracle/text.test.ts'], `${cx.folder}/report.json`),
  );
  for (const tests of Object.values(files))
    for (const [name, status] of Object.entries(tests)) cx.figure(name, status, status === 'passed');
};
export default verify;
