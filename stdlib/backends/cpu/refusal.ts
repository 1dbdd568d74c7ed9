// Why an op cannot run, as diagnostics.

import { type Diagnostic, DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import { Invalid, type OpContext, Unsupported } from './kernel.ts';

type About = Pick<OpContext, 'domain' | 'type' | 'opset'>;

const facts = ({ domain, type, opset }: About) => ({ type, domain: domain || 'ai.onnx', opset });

/** The operators of ONNX without a kernel, by domain, and why. */
export const withoutKernel: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'ai.onnx': { ImageDecoder: 'images come in formats that take a library each' },
  'ai.onnx.preview.training': {
    Gradient: 'it stands for ops that differentiation puts in its place before anything runs',
  },
};

/** No kernel for an op (BB753). */
export function unknownOp(op: About, name: string): Diagnostic {
  const about = facts(op);
  const why = withoutKernel[about.domain]?.[op.type];
  return diagnostic('BB753', why === undefined ? about : { ...about, why }, { op: name });
}

/** What a kernel threw, as BB754 or BB755; an error that is a bug of ours stays what it is. */
export function refusal(error: unknown, op: About, name: string): unknown {
  if (error instanceof Unsupported)
    return new DiagnosticError(diagnostic('BB754', { ...facts(op), dtype: error.dtype }, { op: name }));
  // A RangeError is memory that cannot be had: a shape beyond all bounds.
  if (error instanceof Invalid || error instanceof RangeError)
    return new DiagnosticError(diagnostic('BB755', { ...facts(op), reason: error.message }, { op: name }));
  return error;
}
