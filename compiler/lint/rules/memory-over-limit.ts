import { memoryOf } from '../../memory/estimate.ts';
import { pointAt } from '../../point.ts';
import { rule } from '../rule.ts';
import { bytesText } from '../text.ts';

const model = `
import { float32, input, module, on, output, peer, state } from 'bytesandbrains';
const phone = peer('phone');
export default module('log', () => {
  const x = input('x', float32, [1024], { at: phone });
  const log = state('log', x.expand([256, 1024]).mul(0), { at: phone });
  const kept = on(phone, () => log.update((rows) => rows.add(x)));
  output('y', on(phone, () => kept.reduceMean()));
});`;

export const memoryOverLimit = rule('memory-over-limit', {
  level: 'error',
  needs: 'bound',
  summary: 'a program needs more memory than its class has',
  rationale:
    'Weights, state and the values that are alive at once, as far as their sizes are known when compiling. The compiler refuses a placement that cannot fit; this rule adds state and what arrives from other peers.',
  refusals: ['BB413'],
  *run({ topology, graph, ...deployment }) {
    const members = Object.fromEntries(topology.classes.map((one) => [one.name, one.members]));
    const memory = memoryOf(deployment, graph, members);
    for (const program of deployment.programs) {
      const limit = topology.classes.find((one) => one.name === program.class)?.memoryBytes;
      if (limit === undefined) continue;
      const { weightBytes, stateBytes, activationBytes } = memory(program);
      const needed = weightBytes + stateBytes + (activationBytes ?? 0);
      if (needed <= limit) continue;
      const parts = [
        `weights ${bytesText(weightBytes)}`,
        `state ${bytesText(stateBytes)}`,
        `values alive at once ${activationBytes === null ? 'not known' : bytesText(activationBytes)}`,
      ];
      yield {
        message: `${program.class} has ${bytesText(limit)} and needs ${bytesText(needed)}: ${parts.join(', ')}`,
        hint: 'raise the limit, or place part of the work on another class',
        ...pointAt(topology, ['classes', program.class, 'memory']),
      };
    }
  },
  examples: {
    bad: { model, topology: '{ "version": 1, "classes": { "phone": { "memory": "3MiB" } } }' },
    good: { model, topology: '{ "version": 1, "classes": { "phone": { "memory": "16MiB" } } }' },
  },
});
