// Gradient, ONNX's recorded form of training. A file names its values by string; in memory they are ids like all others,
// so that renaming, copying and sorting keep them right.
//
//   file      dw = Gradient<xs = ["w"], y = "loss", zs = ["x"]>(w, x)
//   memory    dw = Gradient(w, x, loss)

import { findAttribute, type NewOp, NO_VALUE, type Op, type ValueId } from './graph.ts';

/** The domain of ONNX's training operators, and the version that programs import. */
export const TRAINING_DOMAIN = 'ai.onnx.preview.training';
export const TRAINING_VERSION = 1;

export const isGradient = ({ domain, type }: Pick<Op, 'domain' | 'type'>): boolean =>
  domain === TRAINING_DOMAIN && type === 'Gradient';

export interface GradientOf {
  /** What y is differentiated with respect to, in the order of the op's outputs. */
  readonly xs: readonly ValueId[];
  /** What the file lists beside them; they change nothing. */
  readonly zs: readonly ValueId[];
  readonly y: ValueId;
}

/** undefined for what is no Gradient, or still has strings: a file's whose inputs are not the values that it names. */
export function gradientOf(
  op: Pick<Op, 'domain' | 'type' | 'inputs' | 'outputs' | 'attributes'>,
): GradientOf | undefined {
  if (!isGradient(op) || findAttribute(op, 'y') !== undefined) return undefined;
  const { inputs, outputs } = op;
  return {
    xs: inputs.slice(0, outputs.length),
    zs: inputs.slice(outputs.length, -1),
    y: inputs.at(-1) ?? NO_VALUE,
  };
}

/** The op that has the gradients of y with respect to `xs` as its outputs. */
export const gradientOp = (
  xs: readonly ValueId[],
  y: ValueId,
  outputs: readonly ValueId[],
): Pick<NewOp, 'type' | 'inputs' | 'outputs'> & { readonly domain: string } => ({
  domain: TRAINING_DOMAIN,
  type: 'Gradient',
  inputs: [...xs, y],
  outputs,
});
