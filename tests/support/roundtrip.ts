// Is a file after import and export still the same, message by message? Judged by the protobuf library.

import { readFileSync } from 'node:fs';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import { exportModel } from '../../ir/index.ts';
import { importFile, joined } from './onnx-files.ts';

export interface RoundTrip {
  readonly file: string;
  /** `refused`: the file could not be imported. */
  readonly outcome: 'equal' | 'changed' | 'refused';
  readonly detail: string;
}

/** Imports and exports a file twice. Equal: the same messages once, the same bytes twice. */
export function verifyRoundTrip(file: string): RoundTrip {
  const { model, diagnostics } = importFile(file);
  if (model === undefined) return { file, outcome: 'refused', detail: diagnostics[0]?.code ?? '' };
  const first = joined(exportModel(model).pieces);
  if (!canonical(readFileSync(file)).equals(canonical(first)))
    return { file, outcome: 'changed', detail: 'messages differ' };
  const again = importFile(file, first).model;
  const second = again === undefined ? Buffer.of() : joined(exportModel(again).pieces);
  return second.equals(first)
    ? { file, outcome: 'equal', detail: '' }
    : { file, outcome: 'changed', detail: 'the second export differs' };
}

/** Decoded and encoded by the library: equal for equal messages, unknown fields and presence included. */
const canonical = (bytes: Uint8Array): Buffer =>
  Buffer.from(toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, bytes)));
