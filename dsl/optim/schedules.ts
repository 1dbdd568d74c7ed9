// Learning rates that change with the number of updates.

import { constant } from '../constant.ts';
import { min } from '../ops/generated/ops.ts';
import type { AnyShape, Tensor, Value } from '../types.ts';
import { isValue } from '../value.ts';
import type { Counter, Rate, Schedule } from './optimizer.ts';

type Scalar = Value<'float32', AnyShape, 'any'>;
const float = (step: Counter): Scalar => step.cast({ to: 'float32' }) as Scalar;

/** The same rate always. */
export const constantRate =
  (rate: number): Schedule =>
  () =>
    constant(rate);

/** rate · factor^⌊step / every⌋ */
export const stepDecay =
  ({
    rate,
    every,
    factor,
  }: {
    readonly rate: number;
    readonly every: number;
    readonly factor: number;
  }): Schedule =>
  (step) =>
    constant(factor)
      .pow(step.div(every).cast({ to: 'float32' }) as Scalar)
      .mul(rate) as Tensor<'float32'>;

/** rate · factor^(step / every) */
export const exponentialDecay =
  ({
    rate,
    factor,
    every = 1,
  }: {
    readonly rate: number;
    readonly factor: number;
    readonly every?: number;
  }): Schedule =>
  (step) =>
    constant(factor)
      .pow(float(step).div(every) as Scalar)
      .mul(rate) as Tensor<'float32'>;

/** Half a cosine from `rate` at the first update to `least` at `steps`, and `least` from then on. */
export const cosineDecay =
  ({
    rate,
    steps,
    least = 0,
  }: {
    readonly rate: number;
    readonly steps: number;
    readonly least?: number;
  }): Schedule =>
  (step) => {
    const done = min([float(step).div(steps) as Scalar, constant(1)]) as Scalar;
    return done
      .mul(Math.PI)
      .cos()
      .add(1)
      .mul((rate - least) / 2)
      .add(least) as Tensor<'float32'>;
  };

/** From `1 / steps` of the rate up to all of it in equal parts. A schedule as the rate counts from the first update. */
export const warmup =
  ({ steps, rate }: { readonly steps: number; readonly rate: Rate }): Schedule =>
  (step) => {
    const share = min([float(step).add(1).div(steps) as Scalar, constant(1)]) as Scalar;
    const full = typeof rate === 'number' ? constant(rate) : isValue(rate) ? rate : (rate as Schedule)(step);
    return share.mul(full as Scalar) as Tensor<'float32'>;
  };
