import type { RuleFacts } from '../../../compiler/index.ts';

export const suppressionWithoutReason: RuleFacts = {
  id: 'suppression-without-reason',
  level: 'error',
  summary: 'a suppression comment does not say why',
  rationale:
    'Whoever reads the line later cannot tell an accepted risk from a silenced mistake. The reason also stands in the SARIF report, where reviewers see it. A suppression without one has no effect.',
  examples: {
    bad: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('silent', () => {
  const x = input('x', float32, [4]);
  // bbc-lint-disable-next-line clock-while-recording
  output('y', x.relu());
});`,
    },
    good: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('told', () => {
  const x = input('x', float32, [4]);
  // bbc-lint-disable-next-line clock-while-recording: the year of the build is shown to users
  output('y', x.mul(new Date().getFullYear()));
});`,
    },
  },
};
