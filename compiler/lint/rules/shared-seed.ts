import { attributeFloat, describeOp, type Op } from '../../../ir/index.ts';
import { atOp } from '../about.ts';
import { draws } from '../draws.ts';
import { rule } from '../rule.ts';

const model = (second: number): string => `
import { float32, input, module, output, randomNormal } from 'bytesandbrains';
export default module('start', () => {
  const x = input('x', float32, [4]);
  const w = randomNormal({ shape: [4], seed: 1 });
  const b = randomNormal({ shape: [4], seed: ${second} });
  output('y', x.mul(w).add(b));
});`;

export const sharedSeed = rule('shared-seed', {
  level: 'warning',
  needs: 'recorded',
  summary: 'two ops draw random numbers with the same seed',
  rationale:
    'A seed decides all numbers: ops of one kind draw the same ones, and those of different kinds draw numbers that depend on each other. What should be noise is then a pattern: it adds up where it should cancel, or cancels where it should not. Where the same numbers are meant, draw them once. An op in the body of a Loop, or in a function that is called twice, counts once.',
  *run({ model }) {
    const first = new Map<number, Op>();
    for (const op of model.allOps()) {
      const seed = draws(op) ? attributeFloat(op, 'seed') : undefined;
      if (seed === undefined) continue;
      const other = first.get(seed);
      first.set(seed, other ?? op);
      if (other === undefined) continue;
      yield {
        message: `${op.type} draws with seed ${seed}, as ${describeOp(model, other)} does: their numbers are not independent`,
        hint: 'another seed for each op; or draw once and use that for both',
        ...atOp(model, op),
        related: [{ message: `draws with seed ${seed} first`, at: other.at }],
      };
    }
  },
  examples: {
    bad: { model: model(1) },
    good: { model: model(2) },
  },
});
