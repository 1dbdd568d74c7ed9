// Loads a peer's segments into its backend.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { Backend, LoadedSegment, LoadOptions } from '../backend.ts';
import type { LoadedBundle } from '../bundle.ts';
import { segmentModels } from '../segment-model.ts';

export type Segments = ReadonlyMap<string, LoadedSegment>;

/** All or none. Rejects with DiagnosticError BB703 if the backend refuses a segment. */
export async function loadSegments(
  peer: string,
  bundle: LoadedBundle,
  backend: Backend,
  options: LoadOptions,
): Promise<Segments> {
  const loaded = new Map<string, LoadedSegment>();
  for (const [name, model] of segmentModels(bundle)) {
    try {
      loaded.set(name, await backend.load(model, options));
    } catch (error) {
      await releaseSegments(loaded);
      if (error instanceof DiagnosticError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new DiagnosticError(diagnostic('BB703', { peer, segment: name, reason }));
    }
  }
  return loaded;
}

export const releaseSegments = (segments: Segments): Promise<unknown> =>
  Promise.allSettled([...segments.values()].map((one) => one.release()));
