// Done line 9: misuse does not compile, with the stated message; a failing fragment leaves nothing behind; a silent
// peer ends the flow at its deadline, by name; a collect of five gives the same bytes in every order of arrival.

import path from 'node:path';
import { runTests } from './run-tests.ts';
import type { Line } from './verification.ts';

/** Where each behaviour is shown, and how its tests are called. */
const behaviours: readonly (readonly [what: string, file: string, names: RegExp])[] = [
  ['misuse does not compile', 'tests/types/types.test.ts', /tell what is wrong with|let .* compile/],
  ['cost of the types', 'tests/types/types.test.ts', /instantiations per op/],
  [
    'a failing fragment',
    'tests/sim/fragments.test.ts',
    /leaves no assignment and no send when its backend fails/,
  ],
  ['a silent peer', 'tests/sim/flows.test.ts', /a silent peer ends it at the deadline, naming peer and edge/],
  ['a collect of five', 'tests/sim/collect.test.ts', /same bytes in all 120 orders of arrival/],
];

const verify: Line = async (cx) => {
  const files = [...new Set(behaviours.map(([, file]) => file))];
  const statuses = await cx.step('tests', () => runTests(files, path.join(cx.folder, 'report.json')));
  for (const [what, file, names] of behaviours) {
    const tests = Object.entries(statuses[file] ?? {}).filter(([name]) => names.test(name));
    if (tests.length === 0) cx.figure(what, `no test of ${file} is called so`, false);
    for (const [name, status] of tests) cx.figure(what, `${name}: ${status}`, status === 'passed');
  }
};
export default verify;
