// Checks that a JSON document is a manifest before anything relies on it.

import { type Edge, type EdgeKind, MANIFEST_VERSION, type Manifest, type Port } from '../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../ir/diagnostic.ts';
import { isDType } from '../ir/types.ts';

type Check = (value: unknown, path: string) => void;

const wrong = (path: string, expected: string): never => {
  throw new DiagnosticError(diagnostic('BB620', { path, expected }));
};

const text: Check = (value, path) => {
  if (typeof value !== 'string') wrong(path, 'a string');
};
const count: Check = (value, path) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) wrong(path, 'a whole number from 0');
};
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value, path) => {
    if (!allowed.includes(value as string)) wrong(path, `one of ${allowed.join(', ')}`);
  };
const orNull =
  (check: Check): Check =>
  (value, path) => {
    if (value !== null) check(value, path);
  };
const list =
  (item: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) wrong(path, 'a list');
    (value as unknown[]).forEach((one, index) => {
      item(one, `${path}[${index}]`);
    });
  };
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const mapOf =
  (item: Check): Check =>
  (value, path) => {
    if (!isObject(value)) return wrong(path, 'an object');
    for (const [key, one] of Object.entries(value)) item(one, `${path}.${key}`);
  };
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (!isObject(value)) return wrong(path, 'an object');
    for (const [key, check] of Object.entries(fields))
      check(value[key], path === '' ? key : `${path}.${key}`);
  };

const dtype: Check = (value, path) => {
  if (typeof value !== 'string' || !isDType(value)) wrong(path, 'a dtype');
};
const dim: Check = (value, path) => {
  if (value !== null && typeof value !== 'string') count(value, path);
};
const shape = orNull(list(dim));
const port = object({ name: text, dtype: orNull(dtype), shape });
const end = object({ class: text, binder: oneOf('single', 'me', 'each', 'one', 'some') });
const kinds = ['send', 'broadcast', 'collect', 'trigger', 'scatter', 'exchange'] satisfies EdgeKind[];
const edge = object({
  id: count,
  value: text,
  kind: oneOf(...kinds),
  from: end,
  to: end,
  dtype: orNull(dtype),
  shape,
  bytes: orNull(count),
  codec: oneOf('raw'),
  envelope: count,
  deadlineNs: count,
});
const file = object({ file: text, bytes: count, sha256: text });
const manifest = object({
  deployment: text,
  program: text,
  class: text,
  members: mapOf(list(text)),
  files: object({ program: file, weights: orNull(file) }),
  opsets: mapOf(count),
  ops: mapOf(count),
  entries: list(object({ name: text, class: text })),
  inputs: list(port),
  outputs: list(port),
  slots: list(object({ name: text, role: text, component: text })),
  state: list(object({ key: text, dtype: orNull(dtype), shape, scope: oneOf('member', 'peer', 'session') })),
  edgesIn: list(edge),
  edgesOut: list(edge),
  memory: object({ weightBytes: count, stateBytes: count, activationBytes: orNull(count) }),
  wire: object({ version: count }),
});

/**
 * The manifest in a parsed JSON document; fields not known here are left alone.
 * Throws DiagnosticError BB620 (a field is wrong) or BB621 (another version).
 */
export function checkManifest(json: unknown): Manifest {
  if (!isObject(json)) return wrong('document', 'an object');
  if (json.version !== MANIFEST_VERSION) {
    const version = JSON.stringify(json.version) ?? 'none';
    throw new DiagnosticError(diagnostic('BB621', { version, known: MANIFEST_VERSION }));
  }
  manifest(json, '');
  const checked = json as unknown as Manifest;
  for (const one of [...checked.edgesIn, ...checked.edgesOut]) checkEnds(one, checked);
  if ((checked.members[checked.class] ?? []).length === 0)
    wrong(`members.${checked.class}`, 'a list with a peer');
  return checked;
}

function checkEnds(one: Edge, { members }: Manifest): void {
  for (const at of [one.from, one.to])
    if ((members[at.class] ?? []).length === 0)
      wrong(`members.${at.class} (named by edge ${one.id})`, 'a list with a peer');
}

/** Whether a tensor may stand at a port or cross on an edge; symbols and unknowns fit any size. */
export function fits(
  declared: Pick<Port, 'dtype' | 'shape'>,
  tensor: { readonly dtype: string; readonly dims: readonly number[] },
): boolean {
  if (declared.dtype !== null && declared.dtype !== tensor.dtype) return false;
  const dims = declared.shape;
  return (
    dims === null ||
    (dims.length === tensor.dims.length &&
      dims.every((one, index) => typeof one !== 'number' || one === tensor.dims[index]))
  );
}

/** `float32[2, N, ?]`; `any[…]` where something is not known. */
export const describePort = ({ dtype: type, shape: dims }: Pick<Port, 'dtype' | 'shape'>): string =>
  (type ?? 'any') + (dims === null ? '' : `[${dims.map((one) => one ?? '?').join(', ')}]`);
