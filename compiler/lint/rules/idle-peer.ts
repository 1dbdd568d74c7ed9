import { pointAt } from '../../point.ts';
import { rule } from '../rule.ts';

export const idlePeer = rule('idle-peer', {
  level: 'warning',
  needs: 'bound',
  summary: 'a class of the topology has no work',
  rationale:
    'Its peers get no program, so they can be left out; or a misspelt placement rule sends their work elsewhere.',
  *run({ topology, programs }) {
    for (const { name, members } of topology.classes) {
      if (programs.some((program) => program.class === name)) continue;
      const peers = members.length === 1 ? 'its peer does' : `its ${members.length} peers do`;
      yield {
        message: `no op, input or output is placed on ${name}: ${peers} nothing`,
        hint: `place something there, or take ${name} out of the topology`,
        ...pointAt(topology, ['classes', name]),
      };
    }
  },
  examples: {
    bad: {
      model: `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
export default module('idle', () => {
  const x = input('x', float32, [4], { at: phone });
  output('y', on(phone, () => x.relu()));
});`,
      topology: '{ "version": 1, "classes": { "phone": {}, "server": {} } }',
    },
    good: {
      model: `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('busy', () => {
  const x = input('x', float32, [4], { at: phone });
  const h = on(phone, () => x.relu());
  output('y', on(server, () => h.exp()));
});`,
      topology: '{ "version": 1, "classes": { "phone": {}, "server": {} } }',
    },
  },
});
