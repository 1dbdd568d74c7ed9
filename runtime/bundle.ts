// A bundle as the runtime takes it: whoever loads it has checked its hashes.

import type { ByteSource, Manifest } from '../ir/index.ts';

export interface LoadedBundle {
  readonly manifest: Manifest;
  /** program.onnx */
  readonly onnx: Uint8Array;
  /** weights.bin; absent if the program has none. */
  readonly weights?: ByteSource;
  /** Of a peer that is in several classes: the bundle of each. `manifest` is the sum of theirs. */
  readonly parts?: readonly LoadedBundle[];
}

/** The bundle of each program. */
export const partsOf = (bundle: LoadedBundle): readonly LoadedBundle[] => bundle.parts ?? [bundle];
