// Gradients of a random graph against central differences.

import { elementsOf, tensorFrom } from '../../../cli/tensors/elements.ts';
import { gradModel } from '../../../compiler/index.ts';
import { inferModel } from '../../../compiler/infer/infer.ts';
import { exportModel, formatDiagnostic, isTensor, type Model, type Tensor } from '../../../ir/index.ts';
import { readRange } from '../../../ir/onnx/index.ts';
import { convertModel } from '../../../ir/versions/index.ts';
import { cpuBackend } from '../../../stdlib/backends/cpu/index.ts';
import { generator } from '../../../stdlib/backends/cpu/random.ts';
import { modelOfBytes } from '../converted.ts';
import { onnxOf } from '../onnx-text.ts';
import { elementwise, type Generators } from './elementwise.ts';
import { iterated } from './iterated.ts';
import { movement } from './movement.ts';
import { products } from './products.ts';
import { rarer } from './rarer.ts';
import { sampled } from './sampled.ts';
import { type Draw, Sketch } from './sketch.ts';

export const generators: Generators = {
  ...elementwise,
  ...movement,
  ...products,
  ...iterated,
  ...rarer,
  ...sampled,
};
/** Since when there is an operator, where that is after opset 18. */
const since: Readonly<Record<string, number>> = {
  AffineGrid: 20,
  Attention: 23,
  CausalConvWithState: 27,
  CumProd: 26,
  DeformConv: 19,
  Gelu: 20,
  LinearAttention: 27,
  RMSNormalization: 23,
  RotaryEmbedding: 23,
  Swish: 24,
  TensorScatter: 24,
};

export interface Outcome {
  /** '' if all is well. */
  readonly problem: string;
  /** Why nothing was compared: a kink nearby, or a size that must be known. */
  readonly skipped?: string;
}

const cpu = cpuBackend();
const bytesOf = (model: Model): Uint8Array =>
  Buffer.concat(
    exportModel(model).pieces.map((piece) => (piece instanceof Uint8Array ? piece : readRange(piece))),
  );
type Values = ReadonlyMap<string, Tensor>;
type Run = (values: Values) => Values;
function runner(model: Model): Run {
  const loaded = cpu.loadModel(bytesOf(model), () => undefined);
  return (values) => {
    const results = loaded.run(new Map(values));
    return new Map(
      [...results].flatMap(([name, value]) => (isTensor(value) ? [[name, value] as const] : [])),
    );
  };
}

const numbers = (tensor: Tensor): number[] => elementsOf(tensor).map(Number);
const like = (tensor: Tensor, values: readonly number[]): Tensor =>
  tensorFrom(tensor.dtype, [...tensor.dims], [...values]);
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, one, at) => sum + one * b[at]!, 0);

/** The graph about this operator that these draws give. */
function sketch(type: string, draw: Draw): Sketch {
  const opset = draw.int(Math.max(18, since[type] ?? 18), 26);
  const s = new Sketch(draw, opset);
  const names = Object.keys(generators).filter((one) => (since[one] ?? 18) <= opset);
  // Others before it, whose results it may read, and after it.
  if (draw.int(0, 1) === 0) generators[s.pick(names)]!(s);
  generators[type]!(s);
  if (draw.int(0, 3) === 0) generators[s.pick(names)]!(s);
  return s;
}

/** The graph about this operator that the seed gives; a problem says how to run it again. */
export function checkSeed(type: string, seed: number): Outcome {
  const next = generator([...type].reduce((hash, one) => Math.imul(hash, 31) + one.charCodeAt(0), seed));
  const s = sketch(type, {
    int: (from, to) => from + Math.floor(next() * (to - from + 1)),
    real: () => next() * 4 - 2,
  });
  let outcome: Outcome;
  try {
    outcome = check(s);
  } catch (error) {
    outcome = { problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  if (outcome.problem === '') return outcome;
  const replay = `GRADIENT_OF=${type} GRADIENT_SEED=${seed} npx vitest run tests/property/gradients.test.ts`;
  return { problem: `${outcome.problem}\n${s.text()}run it alone: ${replay}` };
}

function check(s: Sketch): Outcome {
  const recorded = modelOfBytes('random.onnx', onnxOf(s.text()));
  const infer = (one: Model): Model => inferModel(one).model;
  // In an older form, or a newer one, if it can be said there.
  const forward = s.rarely(2)
    ? (convertModel(infer(recorded), s.int(7, 26), { infer }).model ?? recorded)
    : recorded;
  const values = new Map(s.inputs.map(({ name, value }) => [name, value] as const));
  const wrt = s.inputs.filter(({ value }) => value.dtype === 'float64').map(({ name }) => name);
  if (wrt.length === 0) return { problem: '', skipped: 'nothing to differentiate' };
  return outcomeOf(s, forward, wrt, s.made, values, s.rarely(4));
}

function outcomeOf(
  s: Sketch,
  forward: Model,
  wrt: readonly string[],
  outputs: readonly string[],
  values: Values,
  twice: boolean,
): Outcome {
  const run = runner(forward);
  const results = run(values);
  const { model, diagnostics } = gradModel(forward, { wrt, outputs });
  if (model === undefined) {
    const words = diagnostics.map(formatDiagnostic).join('\n');
    return /not known|sizes that are known/.test(words)
      ? { problem: '', skipped: words }
      : { problem: words };
  }
  const [given, made] = [
    model.mainGraph.inputs.slice(-outputs.length),
    model.mainGraph.outputs.slice(-wrt.length),
  ].map((ids) => ids.map((id) => model.value(id).name)) as [string[], string[]];
  const weights = outputs.map((name) => numbers(results.get(name)!).map(() => s.draw.real()));
  const all = new Map([
    ...values,
    ...given.map((name, at) => [name, like(results.get(outputs[at]!)!, weights[at]!)] as const),
  ]);
  const gradients = runner(model)(all);
  /** The sum of output · weight. */
  const total = (point: Values): number => {
    const now = run(point);
    return outputs.reduce((sum, name, at) => sum + dot(numbers(now.get(name)!), weights[at]!), 0);
  };
  const scale = outputs.reduce(
    (sum, name, at) =>
      sum + Math.abs(dot(numbers(results.get(name)!).map(Math.abs), weights[at]!.map(Math.abs))),
    1,
  );
  // Rounded to float32, small differences are lost, and large ones are not exact.
  const [step, alike, tolerance] = s.isCoarse ? [4e-3, 2e-3, 1e-2] : [1e-5, 1e-6, 1e-5];
  let skipped: string | undefined;
  for (const [at, name] of wrt.entries()) {
    const [value, gradient] = [values.get(name)!, gradients.get(made[at]!)!];
    if (String(value.dims) !== String(gradient.dims) || value.dtype !== gradient.dtype)
      return { problem: `the gradient of ${name} is ${gradient.dtype}[${gradient.dims}]` };
    const direction = numbers(value).map(() => s.draw.real());
    /** The total so far along the direction. */
    const moved = (by: number): number => {
      const point = numbers(value).map((one, index) => one + by * direction[index]!);
      return total(new Map([...values, [name, like(value, point)]]));
    };
    const slope = (by: number): number => (moved(by) - moved(-by)) / (2 * by);
    const [near, far] = [slope(step), slope(2 * step)];
    const size = Math.max(scale, Math.abs(near));
    // A large step may have a kink in its middle, which leaves no other trace.
    const bend = s.isCoarse ? Math.abs(moved(step) - 2 * moved(0) + moved(-step)) / step : 0;
    if (!(Math.abs(near - far) <= alike * size) || !(bend <= 1.5 * tolerance * size)) {
      skipped = 'a kink is near';
      continue;
    }
    const got = dot(numbers(gradient), direction);
    if (!(Math.abs(got - near) <= tolerance * size))
      return { problem: `along a direction of ${name} differences give ${near}, the gradient ${got}` };
  }
  if (!twice || skipped !== undefined) return { problem: '', ...(skipped !== undefined && { skipped }) };
  return outcomeOf(s, model, wrt, made, all, false);
}
