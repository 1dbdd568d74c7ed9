// Ops that draw random numbers.

import { NO_VALUE, type Op } from '../../ir/index.ts';

const drawing = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
]);

/** The words of a key: what every draw from it is made of. */
export const isKeyed = ({ domain, type }: Op): boolean =>
  domain === 'bytesandbrains.random' && type === 'RandomWords';

/** Dropout draws only if its third input, training mode, is there. */
export function draws({ domain, type, inputs }: Op): boolean {
  if (domain !== '') return false;
  return drawing.has(type) || (type === 'Dropout' && (inputs[2] ?? NO_VALUE) !== NO_VALUE);
}
