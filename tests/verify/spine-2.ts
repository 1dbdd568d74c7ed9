// Done line 2: real models cut over k peers give the bits of the uncut model at level 'disabled', and differ by at
// most 1e-6 relative to max|y| at the default level; a large fp16 model within 2e-3.

import path from 'node:path';
import { sameBits } from '../../cli/conformance/compare.ts';
import { loadSource } from '../../cli/load.ts';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { type Compilation, chainTopology, compile } from '../../compiler/index.ts';
import { HEIGHT, readLine, WIDTH } from '../../examples/02-text-recogniser/image.ts';
import { hasErrors, type Model, type Tensor } from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { type OnnxRuntimeBackend, onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { largeModel } from './large-model.ts';
import type { Line, Verification } from './verification.ts';

const COUNTS = [2, 3, 5, 8];
/** These have enough ops for 8 peers: a refusal would be an error. */
const NEVER_REFUSED = ['cls', 'det', 'rec', 'embedding', 'silero-op15', 'silero-half'];

const audio = (state: readonly number[]) => ({ input: [1, 512], state, sr: [] });
/** Dimensions of each model's inputs. */
const inputs: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  cls: { x: [1, 3, 48, 192] },
  det: { x: [1, 3, 2 * HEIGHT, WIDTH] },
  rec: { x: [1, 3, 48, 160] },
  'silero-v5': audio([2, 1, 128]),
  'silero-v6': audio([2, 1, 128]),
  'silero-legacy': { input: [1, 512], sr: [], h: [2, 1, 64], c: [2, 1, 64] },
  'silero-op15': audio([2, 1, 128]),
  'silero-half': { input: [1, 512], state: [2, 1, 128] },
  'silero-op18-ifless': audio([2, 1, 128]),
  melspectrogram: { input: [1, 12640] },
  embedding: { input_1: [1, 76, 32, 1] },
  'wake-word': { 'onnx::Flatten_0': [1, 16, 96] },
};

interface Outcome {
  readonly refused: string | null;
  readonly bitEqual: boolean;
  /** Largest difference relative to max|y|. */
  readonly relative: number;
  /** Ops of each peer that are not Constants. */
  readonly ops: readonly number[];
  readonly [key: string]: string | null | boolean | number | readonly number[];
}

const verify: Line = async (cx) => {
  const exact = onnxRuntimeBackend({ optimization: 'disabled' });
  const usual = onnxRuntimeBackend();
  try {
    for (const [name, dims] of Object.entries(inputs)) {
      // On noise the detector finds nothing: its outputs are near zero, and so is what they are compared with.
      const values = name === 'det' ? { x: textImage() } : valuesFor(dims);
      for (const count of COUNTS) {
        const outcome = await cx.step(`${name} ${count}`, () =>
          compare(cx.model(name), count, values, exact, usual),
        );
        judge(cx, `${name}, ${count} peers`, outcome, !NEVER_REFUSED.includes(name), 1e-6);
      }
    }
    const large = await cx.step('large 3', () => compareLarge(cx, exact, usual));
    cx.figure(
      'fp16 model of 88 MB, 3 peers',
      describe(large),
      large.refused === null && large.relative <= 2e-3,
    );
  } finally {
    await exact.close();
    await usual.close();
  }
};
export default verify;

function judge(cx: Verification, what: string, outcome: Outcome, mayRefuse: boolean, limit: number): void {
  const { refused, bitEqual, relative, ops } = outcome;
  const holds =
    refused === null ? bitEqual && relative <= limit && ops.every((count) => count > 0) : mayRefuse;
  cx.figure(what, describe(outcome), holds);
}

const describe = ({ refused, bitEqual, relative, ops }: Outcome): string =>
  refused ??
  `${bitEqual ? 'bit-equal' : 'NOT bit-equal'} at disabled, ${relative.toExponential(1)} at all, ops ${ops.join(' + ')}`;

async function compare(
  file: string,
  count: number,
  values: Readonly<Record<string, Tensor>>,
  exact: OnnxRuntimeBackend,
  usual: OnnxRuntimeBackend,
): Promise<Outcome> {
  const { model } = await loadSource(file);
  const available = opsThatCount(model!);
  const { compilation, diagnostics } = compile(model!, { topology: chainTopology(count) });
  if (hasErrors(diagnostics)) {
    const reasons = diagnostics.map(({ code, message }) => `${code} ${message}`).join('; ');
    // Only a model with fewer ops than peers may be refused.
    const why = available < count ? 'refused' : 'WRONGLY refused';
    return { refused: `${why}, ${available} ops: ${reasons}`, bitEqual: false, relative: 0, ops: [] };
  }
  const ops = compilation.deployment!.programs.map(({ ops }) => ops);
  const equal = await run(file, compilation, values, exact);
  const close = await run(file, compilation, values, usual);
  return { refused: null, bitEqual: equal.bitEqual, relative: close.relative, ops };
}

async function run(
  file: string,
  compilation: Compilation,
  values: Readonly<Record<string, Tensor>>,
  backend: OnnxRuntimeBackend,
): Promise<{ bitEqual: boolean; relative: number }> {
  const whole = await backend.loadModel(file);
  const expected = await whole.run(new Map(Object.entries(values)));
  await whole.release();
  const deployment = await startDeployment({ peers: peersOf(deploymentInMemory(compilation)), backend });
  try {
    const { outputs, causes } = await deployment.invoke(values);
    let bitEqual = true;
    let relative = 0;
    for (const [name, tensor] of expected) {
      const actual = outputs[name];
      if (actual === undefined || !('bytes' in actual)) throw new Error(`${name}: ${JSON.stringify(causes)}`);
      bitEqual &&= sameBits(actual, tensor);
      relative = Math.max(relative, relativeDifference(actual, tensor));
    }
    return { bitEqual, relative };
  } finally {
    await deployment.close();
  }
}

function relativeDifference(actual: Tensor, expected: Tensor): number {
  if (expected.dtype !== 'float32') return sameBits(actual, expected) ? 0 : Number.POSITIVE_INFINITY;
  const [a, b] = [floats(actual), floats(expected)];
  let [largest, difference] = [0, 0];
  for (let at = 0; at < b.length; at++) {
    largest = Math.max(largest, Math.abs(b[at]!));
    difference = Math.max(difference, Math.abs(a[at]! - b[at]!));
  }
  return difference === 0 ? 0 : difference / largest;
}
const floats = ({ bytes }: Tensor): Float32Array => new Float32Array(new Uint8Array(bytes).buffer);

function opsThatCount(model: Model): number {
  let count = 0;
  for (const op of model.opsOf()) if (op.domain !== '' || op.type !== 'Constant') count++;
  return count;
}

/** Numbers that look random, the same each time; `sr` is the sample rate. */
function valuesFor(all: Readonly<Record<string, readonly number[]>>): Record<string, Tensor> {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const values: Record<string, Tensor> = {};
  for (const [name, dims] of Object.entries(all)) {
    if (name === 'sr') {
      values[name] = { dtype: 'int64', dims, bytes: new Uint8Array(BigInt64Array.of(16000n).buffer) };
      continue;
    }
    const data = Float32Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, next);
    values[name] = { dtype: 'float32', dims, bytes: new Uint8Array(data.buffer) };
  }
  return values;
}

/** The example's line of text, -1 to 1, amid grey: float32[1, 3, 2 · HEIGHT, WIDTH]; the detector wants multiples of 32. */
function textImage(): Tensor {
  const pixels = readLine(path.resolve(import.meta.dirname, '../../examples/02-text-recogniser/line.png'));
  const dims = [1, 3, 2 * HEIGHT, WIDTH];
  const data = new Float32Array(3 * 2 * HEIGHT * WIDTH);
  for (const [at, value] of pixels.entries()) {
    const [channel, x, y] = [at % 3, Math.floor(at / 3) % WIDTH, Math.floor(at / 3 / WIDTH) + HEIGHT / 2];
    data[(channel * 2 * HEIGHT + y) * WIDTH + x] = value / 127.5 - 1;
  }
  return { dtype: 'float32', dims, bytes: new Uint8Array(data.buffer) };
}

/** A bright disc before a dark ground: something that is not background. */
function disc(size: number): Tensor {
  const data = new Float32Array(3 * size * size);
  for (let at = 0; at < data.length; at++) {
    const [x, y] = [(at % size) / size - 0.5, (Math.floor(at / size) % size) / size - 0.5];
    data[at] = x * x + y * y < 0.09 ? 0.4 - 0.5 * y : -0.3 + 0.2 * x;
  }
  return { dtype: 'float32', dims: [1, 3, size, size], bytes: new Uint8Array(data.buffer) };
}

async function compareLarge(
  cx: Verification,
  exact: OnnxRuntimeBackend,
  usual: OnnxRuntimeBackend,
): Promise<Outcome> {
  const file = largeModel(cx);
  const { model } = await loadSource(file);
  const [input] = model!.mainGraph.inputs
    .map((id) => model!.value(id))
    .filter((one) => one.weight === undefined);
  return compare(file, 3, { [input!.name]: disc(1024) }, exact, usual);
}
