import {
  attributeFloat,
  CORE,
  describeOp,
  type Model,
  type Op,
  placeKey,
  type ValueId,
} from '../../../ir/index.ts';
import { isCore } from '../../split/places.ts';
import { atOp } from '../about.ts';
import { draws, isKeyed } from '../draws.ts';
import { type Problem, rule } from '../rule.ts';

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
  summary: 'two ops draw random numbers with the same seed or key',
  rationale:
    'A seed, or a key, decides all numbers: ops of one kind draw the same ones, and those of different kinds draw numbers that depend on each other. What should be noise is then a pattern: it adds up where it should cancel, or cancels where it should not. Where the same numbers are meant, draw them once. Of keys, fold one for each draw: key(7).fold("noise"). Draws of one key at different places are meant to be alike, and entries do not meet. An op in the body of a Loop, or in a function that is called twice, counts once.',
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
    yield* sharedKeys(model);
  },
  examples: {
    bad: { model: model(1) },
    good: { model: model(2) },
  },
});

/** Draws of one key at one place. Keys are the same where they are folded alike. */
function* sharedKeys(model: Model): Iterable<Problem> {
  const ids = new Map<string, number>();
  const numbers = new Map<ValueId, number>();
  const number = (text: string): number => {
    const known = ids.get(text) ?? ids.size;
    ids.set(text, known);
    return known;
  };
  const first = new Map<string, Op>();
  for (const op of model.opsOf()) {
    const inputs = op.inputs.map((id) => numbers.get(id) ?? number(`value ${id}`));
    const isAlike = op.domain === 'bytesandbrains.random' || isCore(op, CORE.self) || isCore(op, CORE.digest);
    const label = `${op.type} ${inputs.join()}`;
    op.outputs.forEach((id, index) => {
      numbers.set(id, number(isAlike ? `${label} ${index}` : `value ${id}`));
    });
    if (!isKeyed(op)) continue;
    const where = op.place ? placeKey(op.place) : '';
    const key = `${inputs[0]} ${where}`;
    const other = first.get(key);
    first.set(key, other ?? op);
    if (other === undefined) continue;
    yield {
      message: 'draws from a key that another op draws from: their numbers are not independent',
      hint: "a key of its own for each draw, such as key.fold('noise'); or draw once and use that for both",
      ...atOp(model, op),
      related: [{ message: 'draws from it first', at: other.at }],
    };
  }
}
