// Checks that a JSON document is a manifest before anything relies on it.

import { type DataValue, fitsType, typeOfData } from '../ir/data.ts';
import { type Edge, MANIFEST_VERSION, type Manifest, type Port, typeOfPort } from '../ir/deployment.ts';
import { roleNames } from '../ir/roles/table.ts';
import { formatType } from '../ir/types.ts';
import {
  count,
  dtype,
  edge,
  entry,
  hash,
  isObject,
  list,
  type Mismatch,
  mapOf,
  members,
  memory,
  object,
  oneOf,
  orNone,
  orNull,
  port,
  scalar,
  seat,
  shape,
  text,
} from './document.ts';
import { badManifest, otherManifest } from './problem.ts';

const slotMethod = object({ kind: oneOf('query', 'update', 'ask'), inputs: list(port), outputs: list(port) });
const file = object({ file: text, bytes: count, sha256: hash });
const manifest = object({
  deployment: hash,
  program: text,
  class: text,
  members,
  files: object({ program: file, weights: orNull(file) }),
  opsets: mapOf(count),
  ops: mapOf(count),
  entries: list(entry),
  seats: orNone(list(seat)),
  inputs: list(port),
  outputs: list(port),
  slots: list(
    object({
      name: text,
      role: oneOf(...roleNames),
      component: text,
      options: mapOf(scalar),
      fields: orNone(list(port)),
      methods: orNone(mapOf(slotMethod)),
    }),
  ),
  state: list(object({ key: text, dtype: orNull(dtype), shape, scope: oneOf('member', 'peer', 'session') })),
  edgesIn: list(edge),
  edgesOut: list(edge),
  memory,
  wire: object({ version: count }),
});

const wrong = ({ path, expected }: Mismatch): never => {
  throw badManifest(path, expected);
};

/**
 * The manifest in a parsed JSON document; fields not known here are left alone.
 * Throws DiagnosticError BB620 (a field is wrong) or BB621 (another version).
 */
export function checkManifest(json: unknown): Manifest {
  if (!isObject(json)) return wrong({ path: 'document', expected: 'an object' });
  if (json.version !== MANIFEST_VERSION) {
    const version = JSON.stringify(json.version) ?? 'none';
    throw otherManifest(version, MANIFEST_VERSION);
  }
  const mismatch = manifest(json, '');
  if (mismatch !== undefined) return wrong(mismatch);
  const checked = json as unknown as Manifest;
  for (const one of [...checked.edgesIn, ...checked.edgesOut]) checkEnds(one, checked);
  if (!Object.hasOwn(checked.members, checked.class))
    wrong({ path: `members.${checked.class}`, expected: 'a list with a peer' });
  return checked;
}

function checkEnds(one: Edge, { members }: Manifest): void {
  for (const at of [one.from, one.to])
    if (!Object.hasOwn(members, at.class))
      wrong({ path: `members.${at.class} (named by edge ${one.id})`, expected: 'a list with a peer' });
}

export type Declared = Pick<Port, 'dtype' | 'shape' | 'type'>;

/** Whether a value may stand at a port or cross on an edge; symbols and unknowns fit any size. */
export const fits = (declared: Declared, value: DataValue): boolean => fitsType(typeOfPort(declared), value);

/** `float32[2, N, ?]`, `seq(int64[])`; `any[…]` where something is not known. */
export const describePort = (declared: Declared): string =>
  formatType(typeOfPort(declared)).replace(/^\?/, 'any');

export const describeData = (value: DataValue): string => formatType(typeOfData(value));

/** What is wrong with what a component gave; a backend's results are as its segment makes them. */
export function resultMisfit(results: readonly Port[], outputs: readonly DataValue[]): string | undefined {
  if (outputs.length !== results.length) return `${outputs.length} results where ${results.length} belong`;
  const at = results.findIndex((port, index) => !fits(port, outputs[index]!));
  if (at === -1) return undefined;
  return `${results[at]!.name} is ${describeData(outputs[at]!)} where ${describePort(results[at]!)} belongs`;
}
