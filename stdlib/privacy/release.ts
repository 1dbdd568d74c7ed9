// A bounded sum leaves with noise: the Gaussian mechanism.

import { dimsIn } from '../../dsl/core-op.ts';
import { float32, float64 } from '../../dsl/dtypes.ts';
import type { Recorder } from '../../dsl/recorder.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { AnyShape, Value } from '../../dsl/types.ts';
import { factOf, isValue } from '../../dsl/value.ts';
import type { Real } from './clip.ts';
import type { Drawn, Noise } from './noise.ts';

export interface ReleaseOptions<W> {
  /** The largest Euclidean norm, over all values together, of what one record or member adds to the sum: C. */
  readonly clip: number;
  /** The noise's standard deviation over `clip`: σ. With 0 it is only clipped, which protects nothing. */
  readonly noiseMultiplier: number;
  /** How many are in a sum on average: what it is divided by, however many are in this one. */
  readonly expected: number;
  /** Where the noise comes from; or noise that was drawn before, such as a row of it in the body of a scan. */
  readonly noise: Noise | Drawn<W>;
}

/** Fails (BB330) for what cannot be. */
export function checkRelease<W>(owner: Recorder, what: string, options: ReleaseOptions<W>): void {
  const { clip, noiseMultiplier, expected } = options;
  if (!(clip > 0 && clip < Number.POSITIVE_INFINITY))
    owner.fail('BB330', { what, reason: `clip is ${clip}, which no norm can be kept to` });
  if (!(noiseMultiplier >= 0 && noiseMultiplier < Number.POSITIVE_INFINITY))
    owner.fail('BB330', { what, reason: `${noiseMultiplier} is no noise multiplier` });
  if (!(expected > 0 && expected < Number.POSITIVE_INFINITY))
    owner.fail('BB330', { what, reason: `${expected} is no number of those expected` });
}

/** (sum + σC · noise) / expected: computed in float64, rounded once, and declassified if the noise is secret. */
export function released<W extends object>(
  owner: Recorder,
  sums: W,
  { clip, noiseMultiplier, expected, noise }: ReleaseOptions<W>,
): W {
  const { values, around } = leavesOf<Real>(sums, isValue);
  const over = (one: Value<'float64', AnyShape>, like: Real): Real =>
    alike(one.div(expected).cast({ to: float32 }), like);
  if (noiseMultiplier === 0) return around(values.map((sum) => over(sum.cast({ to: float64 }), sum))) as W;
  const source = isSource(noise) ? noise : undefined;
  const drawn = leavesOf<Value<'float64', AnyShape>>(source?.draw(sums) ?? noise, isValue).values;
  if (drawn.length !== values.length)
    owner.fail('BB308', { op: 'noise', reason: `it has ${drawn.length} values, for ${values.length}` });
  const reason = `normal noise of ${noiseMultiplier} times the norm ${clip} that anyone adds, from the host’s entropy`;
  const noised = values.map((sum, at) => {
    const some = drawn[at]!.mul(noiseMultiplier * clip);
    const one = over(sum.cast({ to: float64 }).add(some as never), sum);
    return source?.isSecret === true ? one.declassify(reason) : one;
  });
  return around(noised) as W;
}

const isSource = (noise: object): noise is Noise => typeof (noise as Partial<Noise>).draw === 'function';

/** A value that is known to have the shape of another. */
export function alike(value: Real, model: Real): Real {
  const dims = dimsIn(factOf(model, 'as').type);
  return dims === undefined ? value : (value.as(float32, dims as never) as unknown as Real);
}
