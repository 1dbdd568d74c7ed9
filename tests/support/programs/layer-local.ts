// Program 11 of the semantics: layers on different peers learn from losses of their own, so nothing goes back. Micro-batches
// are sessions of their own, up to sixteen at once: gradients are taken at what was read, steps at what is there by then.

import {
  constant,
  entry,
  gradient,
  int64,
  interval,
  module,
  on,
  peer,
  start,
  state,
} from '../../../dsl/index.ts';
import { fixedKey, key, normal } from '../../../dsl/random/index.ts';

const layers = [peer('layer0'), peer('layer1'), peer('layer2')];
export const topology = { version: 1, classes: { layer0: {}, layer1: {}, layer2: {} } };

export default module('layer-local', () => {
  const p = layers.map((at, i) => state(`w${i}`, normal(fixedKey(i), [4, 4]).mul(0.5), { at }));
  const count = state('batches', constant(0, int64), { at: layers[0]! });

  const forward = (): void => {
    let h = on(layers[0]!, () => normal(key(9), [8, 4]));
    for (const [i, at] of layers.entries()) {
      h = on(at, () => {
        const used = p[i]!.read();
        const out = h.matmul(used).tanh();
        // Each layer's own loss: what comes out has a mean square of one half.
        const local = out.mul(out).sub(0.5).abs().reduceMean({ keepdims: false });
        const g = gradient(local, used);
        p[i]!.update((w) => w.sub(g.mul(0.05)));
        return out;
      });
    }
  };

  entry('feed', layers[0]!, interval('100ms'), () => {
    const n = count.update((before) => before.add(1n));
    start('batch').when(n.lessOrEqual(32n));
  });
  entry('batch', layers[0]!, { limit: 16 }, forward);
});
