// Fold: what members answer, combined one at a time. A collect, and a Scan over what it stacks: so it has a gradient, and
// runs wherever Scan does. Where nobody else needs the rows, the compiler lets answers be folded while others still come.

import { composed } from './composed.ts';
import { scan } from './control.ts';
import { type CollectErrors, type CollectOptions, collect } from './crossing.ts';
import { on, type Place } from './place.ts';
import type { Checked, ElementOf, ShapeOf, Tensor, Value } from './types.ts';
import { isValue } from './value.ts';

type Values = Readonly<Record<string, Tensor>>;
type At<V, P extends string> = V extends Tensor
  ? Value<ElementOf<V>, ShapeOf<V>, P>
  : { readonly [Key in keyof V]: At<V[Key], P> };

export type FoldOptions<P extends string> = Omit<CollectOptions<P>, 'late'>;
/** The last of the values that were carried from answer to answer, and who answered. */
export type Folded<S extends Values, P extends string> = { readonly [Key in keyof S]: At<S[Key], P> } & {
  readonly senders: Value<'string', [number], P>;
  readonly missing: Value<'string', [number], P>;
};

/**
 * Combines what the members of a cohort answer, one after the other in the order of the set: `step` makes new values of those
 * so far, at first `initial`, and the next answer. Whoever does not answer is passed over; with fewer answers than `atLeast`
 * the result is missing, and of nobody it is `initial`. An answer is held until those before it are there, which is
 * done while others still come; not before all have come where a gradient goes back, or where `initial` or `step` read a
 * variable for the first time in the flow.
 * Fails as {@link collect} and {@link scan} do.
 */
export function fold<R extends Tensor | Values, const S extends Values, const P extends string = 'any'>(
  value: Checked<R, CollectErrors<R>>,
  initial: S,
  step: (before: At<S, P>, answer: At<R, P>) => { readonly [Key in keyof S]: Tensor },
  options: FoldOptions<P> = {},
): Folded<S, P> {
  return composed('fold', fold, () => {
    const single = isValue(value);
    const { senders, missing, ...rows } = collect(value as never, options) as unknown as Folded<Values, P>;
    const combine = (): Values =>
      scan(
        initial as Values,
        rows as Values,
        (before, answer) => step(before as never, (single ? answer.values : answer) as never) as never,
      ) as Values;
    const folded = options.at === undefined ? combine() : on(options.at as Place, combine as never);
    return { ...(folded as Values), senders, missing };
  }) as unknown as Folded<S, P>;
}
