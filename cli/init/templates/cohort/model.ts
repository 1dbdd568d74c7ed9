// Phones learn together: each computes a gradient from examples that never leave it, the server averages what
// comes back within the deadline and keeps the weights from flow to flow.
import { cohort, collect, constant, float32, input, module, on, output, peer, state } from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');

export default module('regression', () => {
  const x = input('x', float32, [16, 3], { at: phones.each, private: true });
  const y = input('y', float32, [16, 1], { at: phones.each, private: true });
  const weight = state('weight', constant(new Float32Array(3), float32, [3, 1]), { at: server });

  const before = weight.read();
  const gradient = on(phones.each, () =>
    x
      .transpose({ perm: [1, 0] })
      .matmul(x.matmul(before).sub(y))
      .declassify('summed over 16 examples; the server is trusted with sums'),
  );
  const answers = collect(gradient, { at: server, within: '5s', atLeast: 2 });
  const step = on(server, () => answers.values.reduceMean({ axes: [0], keepdims: 0 }).mul(0.05));
  // Too few answers: this flow changes nothing.
  const after = weight.update((latest) => latest.sub(step.when(step.present())));

  output('weights', after);
  output('answered', answers.senders);
});
