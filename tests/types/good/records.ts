// Many values at once: when, orElse, and states that are updated together.

import { bool, constant, float32, input, module, on, orElse, peer, type Value, when } from 'bytesandbrains';
import { initial, linear, read, states, update } from 'bytesandbrains/nn';

export default module('records', () => {
  const server = peer('server');
  const due = input('due', bool, [], { at: server });
  const layer = linear({ in: 2, out: 3 });
  const held = states(layer.parameters, { at: server });
  const other = on(server, () => when(initial(layer.parameters, 1), due));
  const weight: Value<'float32', [3, 2], string> = other.weight;
  const after = update(held, (latest) => orElse(other, latest));
  const bias: Value<'float32', [3], 'server'> = after.bias;
  const [one, { two }] = when([bias, { two: weight }], due);
  one.add(two.matmul(constant([0, 0])));
  layer(read(held))(input('x', float32, [4, 2], { at: server }));
  // @ts-expect-error: a value for each
  orElse(other, { weight });
  // @ts-expect-error: a condition is a bool
  when({ weight }, weight);
});
