import { rule } from '../rule.ts';

export const edgeWithoutLink = rule('edge-without-link', {
  level: 'error',
  needs: 'bound',
  summary: 'a value must go between classes that no link of the topology joins',
  rationale:
    'The compiler refuses such a plan: a message without a way would end every flow at its deadline. Route the value over a class that is linked to both, or add the link.',
  refusals: ['BB414'],
  run: () => [],
  examples: {
    bad: {
      model: `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('unlinked', () => {
  const x = input('x', float32, [4], { at: phone });
  const h = on(phone, () => x.relu());
  output('y', on(server, () => h.exp()));
});`,
      topology: '{ "version": 1, "classes": { "phone": {}, "server": {} }, "links": [] }',
    },
    good: {
      model: `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('linked', () => {
  const x = input('x', float32, [4], { at: phone });
  const h = on(phone, () => x.relu());
  output('y', on(server, () => h.exp()));
});`,
      topology:
        '{ "version": 1, "classes": { "phone": {}, "server": {} }, "links": [{ "between": ["phone", "server"] }] }',
    },
  },
});
