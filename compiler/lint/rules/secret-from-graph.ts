import { attributeFloat, dependenciesOf, type Model, type Op, type ValueId } from '../../../ir/index.ts';
import { atOp } from '../about.ts';
import { draws, isKeyed } from '../draws.ts';
import { rule } from '../rule.ts';

const model = (dtype: string, mask: string, ...more: readonly string[]): string => `
import { ${[dtype, 'input', 'module', 'on', 'output', 'peer', ...more].join(', ')} } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('masked', () => {
  const x = input('x', ${dtype}, [4], { at: phone, private: true });
  const mask = ${mask};
  const sent = on(phone, () => x.add(mask).declassify('the mask hides it'));
  output('y', on(server, () => sent.neg()));
});`;
const topology = '{ "version": 1, "classes": { "phone": {}, "server": {} } }';

export const secretFromGraph = rule('secret-from-graph', {
  level: 'warning',
  needs: 'recorded',
  summary: 'a value is declassified, and numbers drawn in the graph are what went into it',
  rationale:
    'A mask or noise protects as long as nobody else knows it. A seed stands in the program, so whoever has the program, or guesses the seed, draws the same numbers and takes them off again; without a seed a backend starts from the clock, and its generators are not made for secrets. Numbers that must be secret come from the host, which draws a `secret` for each flow and member anew; its bits are the mask, or what noise is made of. Philox, by which keys draw, is made for statistics: a key of secret words is secret, and what it draws is as good as Philox is. Whether the draw is what protects the value is not decided, and state is not followed; Dropout is not looked at.',
  *run({ model }) {
    const drawn = new Map<ValueId, Op>();
    const hosts = ofPrivateInputs(model);
    for (const op of model.opsOf()) {
      // A key that the host gives is as secret as a mask that it gives.
      const isSeeded = isKeyed(op) && !hosts.has(op.inputs[0]!);
      const own = isSeeded || (draws(op) && op.type !== 'Dropout') ? op : undefined;
      const draw =
        own ??
        dependenciesOf(model, op)
          .map((id) => drawn.get(id))
          .find((one) => one !== undefined);
      if (draw === undefined) continue;
      if (op.declassified === undefined) for (const id of op.outputs) drawn.set(id, draw);
      else {
        const seed = attributeFloat(draw, 'seed');
        yield {
          message: isKeyed(draw)
            ? 'what is declassified here depends on draws from a key that everyone with the program can make'
            : `what is declassified here depends on ${draw.type}, ${seed === undefined ? 'whose generator is not made for secrets' : `whose seed ${seed} everyone with the program knows`}`,
          hint: 'take what must stay secret from the host’s entropy: secret(uint32, [4], { at }); if the draw protects nothing, suppress this with that reason',
          ...atOp(model, op),
          related: [{ message: `${draw.type} draws`, at: draw.at }],
        };
      }
    }
  },
  examples: {
    bad: { model: model('float32', 'on(phone, () => x.randomNormalLike({ seed: 7 }))'), topology },
    good: { model: model('int32', 'secret(int32, [4], { at: phone })', 'secret'), topology },
  },
});

/** Values that private inputs go into. */
function ofPrivateInputs(model: Model): ReadonlySet<ValueId> {
  const values = new Set(model.mainGraph.inputs.filter((id) => model.value(id).private === true));
  for (const op of model.opsOf())
    if (dependenciesOf(model, op).some((id) => values.has(id))) for (const id of op.outputs) values.add(id);
  return values;
}
