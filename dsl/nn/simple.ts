// Layers without parameters: activations, dropout, flattening.

import { dimsIn } from '../core-op.ts';
import { dropout as dropped } from '../random/index.ts';
import { factOf } from '../value.ts';
import { leaf, problem, type Some, type UnaryLayer } from './layer.ts';
import type { Flattened, SameShape } from './rule.ts';
import type { Float, None } from './spec.ts';

type Activation<Name extends string> = UnaryLayer<None, None, SameShape<Name, Float>>;
const activation = <Name extends string>(name: Name, apply: (x: Some) => unknown): Activation<Name> =>
  leaf({ name, parameters: {}, apply: (_, x: Some) => apply(x) });

/** max(0, x). */
export const relu = (): Activation<'relu'> => activation('relu', (x) => x.relu());
/** x, or alpha · x below 0. */
export const leakyRelu = (alpha = 0.01): Activation<'leakyRelu'> =>
  activation('leakyRelu', (x) => x.leakyRelu({ alpha }));
/** x, or alpha · (eˣ − 1) below 0. */
export const elu = (alpha = 1): Activation<'elu'> => activation('elu', (x) => x.elu({ alpha }));
export const selu = (): Activation<'selu'> => activation('selu', (x) => x.selu());
/** x · Φ(x); with 'tanh' its usual approximation. */
export const gelu = (approximate: 'none' | 'tanh' = 'none'): Activation<'gelu'> =>
  activation('gelu', (x) => x.gelu({ approximate }));
/** x · sigmoid(x). */
export const silu = (): Activation<'silu'> => activation('silu', (x) => x.mul(x.sigmoid() as Some));
export const sigmoid = (): Activation<'sigmoid'> => activation('sigmoid', (x) => x.sigmoid());
export const tanh = (): Activation<'tanh'> => activation('tanh', (x) => x.tanh());
/** log(1 + eˣ). */
export const softplus = (): Activation<'softplus'> => activation('softplus', (x) => x.softplus());
export const softmax = (axis = -1): Activation<'softmax'> =>
  activation('softmax', (x) => x.softmax({ axis }));
export const logSoftmax = (axis = -1): Activation<'logSoftmax'> =>
  activation('logSoftmax', (x) => x.logSoftmax({ axis }));
export const hardSwish = (): Activation<'hardSwish'> => activation('hardSwish', (x) => x.hardSwish());
export const mish = (): Activation<'mish'> => activation('mish', (x) => x.mish());

/**
 * In training, each element becomes 0 with a probability of `ratio`, the others are divided by 1 − `ratio` (Srivastava et
 * al. 2014). Draws from the mode's key; training without one fails (BB331).
 */
export function dropout(ratio = 0.5): UnaryLayer<None, None, SameShape<'dropout', Float>> {
  if (!(ratio >= 0 && ratio < 1))
    throw problem('dropout', `ratio is ${ratio}, not a number from 0 to below 1`);
  return leaf({
    name: 'dropout',
    parameters: {},
    apply({ owner, training, key }, x: Some) {
      if (!training || ratio === 0) return x;
      if (key === undefined) return owner.fail('BB331', { layer: owner.scope || 'dropout' });
      return dropped(x, key, ratio);
    },
  });
}

/** [N, ...] → [N, all the rest]. */
export const flatten = (): UnaryLayer<None, None, Flattened> =>
  leaf({
    name: 'flatten',
    parameters: {},
    apply(_, x: Some) {
      const rest = dimsIn(factOf(x, 'flatten').type)?.slice(1);
      const known = rest?.every((dim) => typeof dim === 'number') ? (rest as number[]) : undefined;
      const width = known?.reduce((product, dim) => product * dim, 1);
      // With the width written down, nothing behind it depends on what the batch is.
      return width === undefined || width === 0 ? x.reshape([0, -1]) : x.reshape([-1, width]);
    },
  });
