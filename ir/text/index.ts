// ONNX's textual syntax, read and written.

import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../generated/onnx-ml_pb.ts';
import type { Model } from '../graph.ts';
import { exportModel } from '../onnx/export.ts';
import { readRange } from '../onnx/source.ts';
import { unwritten } from './unwritten.ts';
import { writeText } from './write.ts';

/** A model as text, and what the text leaves out, in words. Embedded weights are written in full. */
export function exportText(model: Model): { readonly text: string; readonly unwritten: readonly string[] } {
  const parts = exportModel(model).pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : readRange(piece),
  );
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const proto = fromBinary(ModelProtoSchema, bytes);
  return { text: writeText(proto), unwritten: unwritten(proto) };
}
