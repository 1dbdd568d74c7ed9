// Secure aggregation in a module: its messages are values that cross as any others do, and are in the plan with their bytes.
//
// Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning, 2017, figure 4; the cryptography is
// a component's (stdlib/protocols/secure-aggregation).

import type { Cohort } from '../../dsl/cohort.ts';
import { protocol } from '../../dsl/component.ts';
import { composed } from '../../dsl/composed.ts';
import { constant } from '../../dsl/constant.ts';
import { dimsIn } from '../../dsl/core-op.ts';
import { collect, scatter } from '../../dsl/crossing.ts';
import { float32, float64, int64, uint8, uint32 } from '../../dsl/dtypes.ts';
import { concat, where } from '../../dsl/ops/generated/ops.ts';
import { on, type Place } from '../../dsl/place.ts';
import type { Recorder } from '../../dsl/recorder.ts';
import { secret } from '../../dsl/secret.ts';
import { self } from '../../dsl/sets.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { AnyShape, ElementOf, ShapeOf, Tensor, Value } from '../../dsl/types.ts';
import { factOf, isValue } from '../../dsl/value.ts';
import { SIZES, secureAggregation } from '../protocols/secure-aggregation/declaration.ts';
import { refuse } from './noise.ts';

export interface MaskedSumOptions<P extends string = string> {
  /** Whose values are added: at most 255 members. */
  readonly members: Cohort;
  /** Where the sum is to be. */
  readonly at: Place<P>;
  /** How many must answer each time, else there is no sum: more than half of those whose keys came, and two at least. */
  readonly threshold: number;
  /** How long each of the four waits may take. */
  readonly seconds: number;
  /** Which round it is: a scalar, int64. Masks are others in each. Default: 0, as secrets are new in each flow anyway. */
  readonly round?: Tensor<'int64'>;
  /** What is summed: masks are others for each name. Default: sum. */
  readonly name?: string;
}

export interface MaskedSum<P extends string = string> {
  /** uint32[N]: the sum modulo 2³². Missing where fewer than the threshold answered, or what they sent does not fit. */
  readonly sum: Value<'uint32', AnyShape, P>;
  /** Whose values are in it: string[k]. */
  readonly survivors: Value<'string', [number], P>;
}

type Bytes = Value<'uint8', AnyShape, string>;
type Peers = Value<'string', [number], string>;

/**
 * The sum of what members have, modulo 2³², which is all that the place learns of it: uint32[N] each. Members who drop out are
 * left out or recovered from, as long as the threshold answers in every wait.
 * Four waits: for keys, for shares, for masked values, for what undoes masks. Each deals with who answered the one before.
 * Fails (BB330) for a threshold or time that cannot be.
 */
export function maskedSum<const P extends string>(
  values: Tensor<'uint32'>,
  options: MaskedSumOptions<P>,
): MaskedSum<P> {
  return composed('maskedSum', maskedSum, (owner) => {
    const { members, at, seconds, name = 'sum' } = options;
    checkOptions(owner, options);
    const threshold = constant(BigInt(options.threshold), int64);
    const round = options.round ?? constant(0n, int64);
    const use = { kind: 'secure-aggregation' } as const;
    const slot = owner.qualified(name);
    const member = protocol(`${slot} member`, secureAggregation, { at: members.each, use });
    const server = protocol(`${slot} server`, secureAggregation, { at, use });
    const wait = (turn: number) =>
      ({ at, atLeast: options.threshold, within: `${seconds * turn}s` }) as {
        at: Place;
        atLeast: number;
        within: `${number}s`;
      };

    const own = secret('uint8', [SIZES.secret], { at: members.each });
    const known = on(members.each, () =>
      member.keys(own as never).declassify('public keys, and a commitment'),
    );
    const first = collect({ keys: known as Tensor }, wait(1)) as unknown as { keys: Bytes; senders: Peers };
    const cohort = first.senders;
    // How many there are is known when it runs; a name for it keeps what crosses a matter of the plan.
    const [all, some] = [`${name}_members`, `${name}_sharers`];
    const sized = (value: Tensor, ...shape: readonly (string | number)[]): Bytes =>
      (value as Bytes).as(uint8, shape as never) as unknown as Bytes;
    const keys = sized(first.keys, all, SIZES.keys);

    const sharing = members.some(cohort as never) as Place;
    const rows = on(sharing, () =>
      sized(call(member.share, own, self(), cohort, keys, threshold, round), all, SIZES.row).declassify(
        'each row is sealed for one member',
      ),
    );
    const second = collect({ rows }, wait(2)) as unknown as { rows: Bytes; senders: Peers };
    const sharers = second.senders;

    const masking = members.some(sharers as never) as Place;
    // Of each sender's rows that for one member: those of the senders, in their order, to each.
    const dealt = on(at, () => {
      const places = sharers.positionsIn(cohort as never) as Tensor<'int64'>;
      const theirs = second.rows.gather(places as never, { axis: 1 }) as Bytes;
      return sized(theirs.transpose({ perm: [1, 0, 2] }), some, some, SIZES.row);
    });
    const dealtTo = scatter(dealt as never, masking as never, { members: sharers as never }) as Bytes;
    const inbox = sized(dealtTo, some, SIZES.row);
    const masked = on(masking, () =>
      call(member.mask, values, own, self(), cohort, keys, sharers, inbox, round, {
        tensor: name,
      }).declassify('masked: uniform until all of a cohort’s are added'),
    );
    const third = collect({ masked }, wait(3)) as unknown as { masked: Value<'uint32'>; senders: Peers };
    const survivors = third.senders;

    const revealing = members.some(survivors as never) as Place;
    const revealed = on(revealing, () =>
      sized(
        call(member.reveal, own, self(), cohort, keys, sharers, inbox, survivors, threshold, round),
        some,
        32,
      ).declassify('of each member a share of one seed, never of both'),
    );
    const fourth = collect({ revealed }, wait(4)) as unknown as { revealed: Bytes; senders: Peers };
    const sum = on(at, () =>
      call(
        server.recover,
        ...[third.masked, cohort, keys, sharers, second.rows, survivors, fourth.revealed, fourth.senders],
        ...[threshold, round, { tensor: name }],
      ),
    );
    return { sum, survivors } as unknown as MaskedSum<P>;
  });
}

/** Of a method whose operands' types only the recording tells. */
const call = (method: (...given: never[]) => unknown, ...given: readonly unknown[]): Tensor =>
  method(...(given as never[])) as Tensor;

export interface SecureSumOptions<P extends string = string> extends MaskedSumOptions<P> {
  /** The largest absolute value of a number: what is beyond is cut off at the member. */
  readonly most: number;
  /** How many members there are at most: their sum must fit. */
  readonly count: number;
}

/** In the same structure, at another place. */
type At<W, P extends string> = W extends Tensor
  ? Value<ElementOf<W>, ShapeOf<W>, P>
  : { readonly [Key in keyof W]: At<W[Key], P> };

export interface SecureSum<W, P extends string = string> {
  /** float32, in the shapes of what went in. */
  readonly sum: At<W, P>;
  readonly survivors: Value<'string', [number], P>;
}

/**
 * The sum of the members' values, of a record of float32, each in fixed point: clamped to ±`most` and rounded to a grid, so that
 * it is off by at most half a step, (most · count / 2³⁰), for each member. What is not a number counts as 0. A sum that so many
 * members cannot have, since masks were left in it, is missing (a plausibility bound), as is what `maskedSum` misses.
 * Fails (BB330) for options that cannot be, (BB308) for shapes that are not known.
 */
export function secureSum<const W extends object, const P extends string>(
  values: W,
  options: SecureSumOptions<P>,
): SecureSum<W, P> {
  return composed('secureSum', secureSum, (owner) => {
    const { members, at, most, count } = options;
    const cannot = (reason: string): never => owner.fail('BB330', { what: 'secureSum', reason });
    if (!(most > 0 && most < Number.POSITIVE_INFINITY)) cannot(`most is ${most}`);
    if (!(Number.isSafeInteger(count) && count >= 2 && count <= 255))
      cannot(`${count} members cannot be added`);
    const { values: leaves, around } = leavesOf<Value<'float32', AnyShape>>(values, isValue);
    const shapes = leaves.map((one) => shapeOf(owner, one));
    // A power of two, so that steps are exact; all members' together stay below 2³¹.
    const scale = 2 ** Math.floor(Math.log2(2 ** 31 / (count * 2 * most)));
    const top = Math.floor(2 * most * scale);
    const fixed = on(members.each, () => {
      const flat = concat(
        leaves.map((one) => one.reshape([-1])) as never,
        { axis: 0 } as never,
      ) as unknown as Value<'float32', [number]>;
      const wide = where(flat.isNaN(), constant(0), flat).cast({ to: float64 }).add(most).mul(scale);
      const cut = wide.clip({ min: constant(0, float64), max: constant(top, float64) } as never).round();
      return cut.cast({ to: uint32 });
    });
    const { sum, survivors } = maskedSum(fixed as never, options as SecureSumOptions) as MaskedSum<never>;
    const parts = on(at, () => {
      const many = survivors.shape().cast({ to: float64 });
      const whole = sum.cast({ to: float64 }) as unknown as Value<'float64', [number]>;
      const isPlausible = whole.reduceMax({ keepdims: true }).lessOrEqual(many.mul(top)).reshape([]);
      const real = whole
        .div(scale)
        .sub(many.mul(most))
        .cast({ to: float32 })
        .when(isPlausible as never) as unknown as Value<'float32', [number]>;
      let from = 0;
      const each = shapes.map((shape) => {
        const size = shape.reduce((product, dim) => product * dim, 1);
        const part = real.slice([from], [from + size]);
        from += size;
        return part.reshape([...shape]) as Tensor;
      });
      return Object.fromEntries(each.map((part, which) => [`${which}`, part]));
    });
    const sums = around(shapes.map((_, which) => (parts as Readonly<Record<string, Tensor>>)[`${which}`]));
    return { sum: sums, survivors } as unknown as SecureSum<W, P>;
  });
}

function shapeOf(owner: Recorder, value: Tensor): readonly number[] {
  const dims = dimsIn(factOf(value, 'secureSum').type);
  if (dims === undefined || !dims.every((dim) => typeof dim === 'number'))
    refuse(
      owner,
      'secureSum',
      'the shapes of what is added are not all known; state them with as(float32, [10, 4])',
    );
  return dims as readonly number[];
}

function checkOptions(owner: Recorder, { threshold, seconds }: MaskedSumOptions): void {
  const cannot = (reason: string): never => owner.fail('BB330', { what: 'maskedSum', reason });
  if (!(Number.isSafeInteger(threshold) && threshold >= 2 && threshold <= 255))
    cannot(`a threshold of ${threshold} is none: two at least, and more than half of the members`);
  if (!(seconds > 0 && seconds < 1e6)) cannot(`${seconds} s is no time to wait`);
}
