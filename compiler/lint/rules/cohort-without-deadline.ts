import { CORE, findAttribute } from '../../../ir/index.ts';
import { isCore } from '../../split/places.ts';
import { atOp } from '../about.ts';
import { rule } from '../rule.ts';

const model = (options: string): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('round', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const all = collect({ x }, { at: server, ${options} });
  output('y', on(server, () => all.x.reduceMean()));
});`;

export const cohortWithoutDeadline = rule('cohort-without-deadline', {
  level: 'warning',
  needs: 'recorded',
  summary: 'a collect says nothing of how long it waits for its cohort',
  rationale:
    'Some member of a cohort is always slow or gone. Without within, the wait is what the compiler derives from the topology, at least ten seconds: how long a round may take is better decided than derived.',
  *run({ model }) {
    for (const op of model.opsOf()) {
      if (!isCore(op, CORE.collect) || findAttribute(op, 'within_ns') !== undefined) continue;
      yield {
        message: 'collects from a cohort without a deadline',
        hint: "say how long to wait: { within: '30s' }",
        ...atOp(model, op),
      };
    }
  },
  examples: {
    bad: { model: model('atLeast: 1') },
    good: { model: model("atLeast: 1, within: '30s'") },
  },
});
