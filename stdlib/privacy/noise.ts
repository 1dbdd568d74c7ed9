// Where the noise comes from: bits that nobody else knows, or, for experiments, a key.

import { composed } from '../../dsl/composed.ts';
import { dimsIn } from '../../dsl/core-op.ts';
import type { Place } from '../../dsl/place.ts';
import { callFunction } from '../../dsl/random/function.ts';
import { type Key, normal } from '../../dsl/random/index.ts';
import { normalNumbers } from '../../dsl/random/normal.ts';
import type { Recorder } from '../../dsl/recorder.ts';
import { secret } from '../../dsl/secret.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { AnyShape, Tensor, Value } from '../../dsl/types.ts';
import { factOf, isValue, toValue } from '../../dsl/value.ts';
import { tensorType } from '../../ir/index.ts';

/** Standard normal numbers, float64, in the shape of each value of a structure: drawn when asked for, each time others. */
export interface Noise {
  /** Whether only the host that drew them can know them. */
  readonly isSecret: boolean;
  /** One for each value of `values`; with `steps`, stacked on a first axis for so many steps. */
  draw<W extends object>(values: W, steps?: number): Drawn<W>;
}

/** Noise in the structure of what it is for. */
export type Drawn<W> = W extends Tensor
  ? Value<'float64', AnyShape, string>
  : { readonly [Key in keyof W]: Drawn<W[Key]> };

export interface HostNoiseOptions {
  /** Where it is drawn; each member of a cohort draws its own. Default: the place of the `on` around. */
  readonly at?: Place;
}

/**
 * Noise of the entropy of the host, drawn anew in each flow, at each member and for each use: what protects. A number is made
 * of 64 secret bits, as two quantiles of 32 bits over √2, so that it reaches 8.9 standard deviations and its grid is finer
 * than that of the float32 which leaves (Holohan and Braghin, Secure Random Sampling in Differential Privacy, 2021, say why
 * one draw is not enough). Costs 8 bytes of entropy a number, which a durable node keeps in its log.
 * `draw` fails (BB308) for shapes that are not known, and in the body of a loop, where every step would get the same noise:
 * draw for all steps outside, and scan over them.
 */
export function hostNoise({ at }: HostNoiseOptions = {}): Noise {
  return {
    isSecret: true,
    draw: function draw(values, steps) {
      return shaped('hostNoise', draw, values, steps, (owner, total) => {
        if (owner.graph !== owner.mainGraph) refuse(owner, 'hostNoise', IN_A_LOOP);
        const words = factOf(secret('uint32', [2 * total], at === undefined ? {} : { at }), 'hostNoise');
        const numbers = callFunction(owner, normalNumbers, [words], tensorType('float64', [2 * total]));
        const pairs = toValue<Value<'float64', [number]>>(numbers, owner).reshape([2, total]);
        return pairs.reduceSum({ axes: [0], keepdims: false }).mul(Math.SQRT1_2) as Numbers;
      });
    },
  };
}
const IN_A_LOOP = 'in the body of a loop each step would get the same noise: draw it outside, with steps';

/**
 * Noise of a key, the same in every run of the same seed: for experiments that others can repeat. It protects nothing, as
 * whoever has the program draws the same and takes it off again; so nothing that it is added to is declassified.
 * A key draws alike each time: fold into it what tells uses apart.
 */
export function seededNoise(key: Key): Noise {
  return {
    isSecret: false,
    draw: function draw(values, steps) {
      const numbers = (total: number) => normal(key, [total], { dtype: 'float64' }) as Numbers;
      return shaped('seededNoise', draw, values, steps, (_, total) => numbers(total));
    },
  };
}

type Numbers = Value<'float64', [number], string>;

/** Draws once for all values, and gives each its part in its shape. */
function shaped<W extends object>(
  what: string,
  // biome-ignore lint/complexity/noBannedTypes: any function marks where the author's frames begin
  caller: Function,
  values: W,
  steps: number | undefined,
  draw: (owner: Recorder, total: number) => Numbers,
): Drawn<W> {
  return composed(what, caller, (owner) => {
    if (steps !== undefined && !(Number.isSafeInteger(steps) && steps >= 1))
      refuse(owner, what, `${steps} is no number of steps`);
    const { values: leaves, around } = leavesOf<Tensor>(values, isValue);
    const shapes = leaves.map((one) => knownShape(owner, what, one));
    const sizes = shapes.map((shape) => shape.reduce((count, dim) => count * dim, 1));
    const each = sizes.reduce((sum, size) => sum + size, 0);
    const numbers = draw(owner, each * (steps ?? 1)).reshape([steps ?? 1, each]);
    let from = 0;
    const parts = shapes.map((shape, at) => {
      const part = numbers.slice([from], [from + sizes[at]!], { axes: [1] });
      from += sizes[at]!;
      return part.reshape(steps === undefined ? [...shape] : [steps, ...shape], {
        allowzero: shape.includes(0),
      });
    });
    return around(parts) as Drawn<W>;
  });
}

function knownShape(owner: Recorder, what: string, value: Tensor): readonly number[] {
  const dims = dimsIn(factOf(value, what).type);
  if (dims === undefined || !dims.every((dim) => typeof dim === 'number'))
    refuse(
      owner,
      what,
      'the shapes of what gets noise are not all known; state them with as(float32, [10, 4])',
    );
  return dims as readonly number[];
}

export const refuse = (owner: Recorder, op: string, reason: string): never =>
  owner.fail('BB308', { op, reason });
