import type { RuleFacts } from '../../../compiler/index.ts';

export const unusedSuppression: RuleFacts = {
  id: 'unused-suppression',
  level: 'warning',
  summary: 'a suppression comment has nothing to suppress',
  rationale:
    'What it was about is gone, and it would hide the next finding on that line. Suppressions of rules that did not look are left alone: without a topology, most rules over plans do not.',
  examples: {
    bad: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('stale', () => {
  const x = input('x', float32, [4]);
  // bbc-lint-disable-next-line clock-while-recording: the year of the build is shown to users
  output('y', x.mul(2026));
});`,
    },
    good: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('fresh', () => {
  const x = input('x', float32, [4]);
  output('y', x.mul(2026));
});`,
    },
  },
};
