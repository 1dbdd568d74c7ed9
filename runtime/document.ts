// What a parsed JSON document must hold, said as data: `object({ name: text, shape: orNull(list(dim)) })`.

import { type BinderKind, type EdgeKind, triggerKinds } from '../ir/deployment.ts';
import { isDType } from '../ir/types.ts';

/** The first field that is not what it should be. */
export interface Mismatch {
  /** `edgesIn[0].kind` */
  readonly path: string;
  readonly expected: string;
}
export type Check = (value: unknown, path: string) => Mismatch | undefined;

export const that =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : { path, expected };

function firstMismatch<T>(items: Iterable<T>, check: (item: T) => Mismatch | undefined) {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = that('a string', (value) => typeof value === 'string');
export const count = that(
  'a whole number from 0',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);
export const hash = that(
  'a sha256 in lower-case hex',
  (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
);
export const scalar = that('a string, number or boolean', (value) =>
  ['string', 'number', 'boolean'].includes(typeof value),
);
export const oneOf = (...allowed: readonly string[]): Check =>
  that(`one of ${allowed.join(', ')}`, (value) => allowed.includes(value as string));
export const orNull =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);
export const orNone =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? undefined : check(value, path);
export const list =
  (item: Check, atLeast: 0 | 1 = 0): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return { path, expected: 'a list' };
    if (value.length < atLeast) return { path, expected: 'a list with an element' };
    return firstMismatch(value.entries(), ([index, one]) => item(one, `${path}[${index}]`));
  };
const fields =
  (checksOf: (value: object) => readonly (readonly [key: string, check: Check])[]): Check =>
  (value, path) =>
    isObject(value)
      ? firstMismatch(checksOf(value), ([key, check]) =>
          check(value[key], path === '' ? key : `${path}.${key}`),
        )
      : { path, expected: 'an object' };
export const mapOf = (item: Check): Check => fields((value) => Object.keys(value).map((key) => [key, item]));
/** Fields not named here are left alone: a later version may have more. */
export const object = (checks: Readonly<Record<string, Check>>): Check =>
  fields(() => Object.entries(checks));

// The parts that manifests and plans share.

export const dtype = that('a dtype', (value) => typeof value === 'string' && isDType(value));
const dim: Check = (value, path) =>
  value === null || typeof value === 'string' ? undefined : count(value, path);
export const shape = orNull(list(dim));

/** Deeper than any type of ONNX. */
const MAX_NESTING = 16;
/** A type as {@link ValueType} has it; what is not known is left out. */
const typeWithin = (depth: number): Check =>
  orNone((value, path) =>
    depth > MAX_NESTING
      ? { path, expected: `a type of at most ${MAX_NESTING} containers` }
      : object({
          kind: oneOf('tensor', 'sparse', 'sequence', 'optional', 'map', 'opaque'),
          dtype: orNone(dtype),
          dims: orNone(list(dim)),
          elem: typeWithin(depth + 1),
        })(value, path),
  );
const stated = { dtype: orNull(dtype), shape, type: typeWithin(0) };
export const port = object({ name: text, ...stated });
const binder = oneOf(...(['single', 'me', 'each', 'one', 'some'] satisfies BinderKind[]));
export const end = object({ class: text, binder, seat: orNone(text), within: orNone(list(text)) });
const kinds = [
  'send',
  'broadcast',
  'collect',
  'trigger',
  'scatter',
  'exchange',
  'local',
] satisfies EdgeKind[];
export const edge = object({
  id: count,
  value: text,
  kind: oneOf(...kinds),
  from: end,
  to: end,
  ...stated,
  bytes: orNull(count),
  codec: text,
  envelope: count,
  deadlineNs: count,
});
export const entry = object({
  name: text,
  class: text,
  seat: orNone(text),
  joint: orNone(that('true', (value) => value === true)),
  trigger: orNone(oneOf(...triggerKinds)),
  arguments: orNone(list(port)),
});
export const seat = object({ name: text, entry: text, binder, inputs: list(text), outputs: list(text) });
export const members = mapOf(list(text, 1));
export const memory = object({ weightBytes: count, stateBytes: count, activationBytes: orNull(count) });
