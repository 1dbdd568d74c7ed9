// Opset imports: a list of messages in files, a map in memory.

import type { OperatorSetIdProto } from '../generated/onnx-ml_pb.ts';
import { isPresent } from './attributes.ts';

/** The standard domain may be spelled out in files; in memory it is "". */
export const domainOf = (written: string): string => (written === 'ai.onnx' ? '' : written);

export function readOpsets(list: readonly OperatorSetIdProto[]): {
  readonly versions: ReadonlyMap<string, number>;
  /** Whether writing `versions` gives the same messages. */
  readonly canonical: boolean;
} {
  const versions = new Map<string, number>();
  let canonical = true;
  for (const entry of list) {
    const domain = domainOf(entry.domain);
    canonical &&=
      domain === entry.domain &&
      isPresent(entry, 'domain') &&
      isPresent(entry, 'version') &&
      BigInt(Number(entry.version)) === entry.version &&
      entry.$unknown === undefined &&
      !versions.has(domain);
    versions.set(domain, Number(entry.version));
  }
  return { versions, canonical };
}

/** The list to write: the file's own if it still says the same. */
export function opsetDrafts(
  versions: ReadonlyMap<string, number>,
  file: readonly OperatorSetIdProto[] | undefined,
): readonly object[] {
  if (file !== undefined && file.length > 0) {
    const before = readOpsets(file).versions;
    if (
      before.size === versions.size &&
      [...versions].every(([domain, version]) => before.get(domain) === version)
    )
      return file;
  }
  return [...versions].map(([domain, version]) => ({ domain, version: BigInt(version) }));
}
