import type { RuleFacts } from '../../../compiler/index.ts';

export const unknownRule: RuleFacts = {
  id: 'unknown-rule',
  level: 'error',
  summary: 'a suppression comment names no rule, or one that does not exist',
  rationale: 'It suppresses nothing, although its author believes it does.',
  examples: {
    bad: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('misspelt', () => {
  const x = input('x', float32, [4]);
  output('y', x.relu()); // bbc-lint-disable-line clock-while-recordin: no clock is read here
});`,
    },
    good: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('well-spelt', () => {
  const x = input('x', float32, [4]);
  output('y', x.mul(new Date().getFullYear())); // bbc-lint-disable-line clock-while-recording: shown to users
});`,
    },
  },
};
