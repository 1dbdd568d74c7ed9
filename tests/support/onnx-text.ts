// Models that documents and tests show in ONNX's textual syntax, as files. Nothing is checked here: a model that
// breaks the rules of ONNX is as good as any other.

import { toBinary } from '@bufbuild/protobuf';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import { ModelProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import { readText } from '../../ir/text/read.ts';

const usualHeader = '<ir_version: 10, opset_import: ["" : 21]>\n';

/** The bytes of an .onnx file; a text without a header gets the usual one. Throws if it is no such text. */
export function onnxOf(text: string): Uint8Array {
  const whole = text.trimStart().startsWith('<') ? text : usualHeader + text;
  const { proto, diagnostics } = readText(whole, 'model.onnxtxt');
  if (proto === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return toBinary(ModelProtoSchema, proto);
}
