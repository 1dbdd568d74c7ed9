// What the checks share: the model, where to report, and how to say where.

import {
  type Diagnostic,
  type DiagnosticContext,
  describeOp,
  type Model,
  type Op,
  positionOf,
} from '../../ir/index.ts';

export interface CheckContext {
  readonly model: Model;
  readonly report: (problem: Diagnostic) => void;
  /** Whether one more with this code would not be listed. */
  readonly isFull: (code: Diagnostic['code']) => boolean;
}

/** The diagnostic context of an op: its name, and its line or file. */
export const about = (model: Model, op: Op): DiagnosticContext => ({
  op: describeOp(model, op),
  at: positionOf(model, op),
});

/** The diagnostic context of a value or of the whole file. */
export const inFile = (model: Model, value?: string): DiagnosticContext => ({
  ...(value === undefined ? {} : { value }),
  at: { file: model.header.file },
});
