import { findAttribute } from '../../../ir/index.ts';
import { atOp } from '../about.ts';
import { draws } from '../draws.ts';
import { rule } from '../rule.ts';

const model = (options: string): string => `
import { float32, input, module, output } from 'bytesandbrains';
export default module('noise', () => {
  const x = input('x', float32, [4]);
  output('y', x.add(x.randomNormalLike({ ${options} })));
});`;

export const unseededRandom = rule('unseeded-random', {
  level: 'warning',
  needs: 'recorded',
  summary: 'an op draws random numbers without a seed',
  rationale:
    'Without a seed a run cannot be repeated, so neither can a failure; and two peers that should do the same work do not.',
  *run({ model }) {
    for (const op of model.allOps()) {
      if (!draws(op) || findAttribute(op, 'seed') !== undefined) continue;
      yield {
        message: `${op.type} draws without a seed`,
        hint: 'give it one: { seed: 1 }, another for each op',
        ...atOp(model, op),
      };
    }
  },
  examples: {
    bad: { model: model('') },
    good: { model: model('seed: 7') },
  },
});
