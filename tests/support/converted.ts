// Models before and after conversion to another opset, on ONNX Runtime or on the CPU backend.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isRandom, readIndex, readValues } from '../../cli/conformance/cases.ts';
import { bitDifference, dataDifference, difference, typeDifference } from '../../cli/conformance/compare.ts';
import type { DataValues } from '../../cli/conformance/whole.ts';
import { inferModel } from '../../compiler/infer/infer.ts';
import { type DataValue, isTensor } from '../../ir/data.ts';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import type { Model } from '../../ir/graph.ts';
import { exportModel, importModel } from '../../ir/onnx/index.ts';
import { memorySource, readRange } from '../../ir/onnx/source.ts';
import { byteLengthOf, type DType, elementCount, type Tensor } from '../../ir/types.ts';
import { convertModel } from '../../ir/versions/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';

export type Outcome = 'same' | 'close' | 'differs' | 'refused' | 'not run' | 'no kernel';

export interface Converted {
  readonly [key: string]: string;
  readonly name: string;
  /**
   * `close`: other bits, from another kernel for the newer form, within tolerance; `not run`: not even unconverted;
   * `no kernel`: the backend has none for the newer form.
   */
  readonly outcome: Outcome;
  readonly reason: string;
}

const onnxRuntimeSessions = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });
const cpu = cpuBackend();

/** Runs a model; throws the backend's words if it cannot. */
export type Engine = (model: Model, inputs: DataValues) => Promise<DataValues>;

/** A model that can be run again and again. */
export interface OpenModel {
  run(inputs: DataValues): Promise<DataValues>;
  close(): Promise<void>;
}
export type OpenEngine = (model: Model) => Promise<OpenModel>;

export const openOnCpu: OpenEngine = async (model) => {
  const loaded = cpu.loadModel(bytesOf(model), () => undefined);
  return { run: async (inputs) => loaded.run(inputs), close: async () => {} };
};

export const openOnOnnxRuntime: OpenEngine = async (model) => {
  const session = await onnxRuntimeSessions.loadModel(bytesOf(model));
  const run = async (inputs: DataValues): Promise<DataValues> => {
    const closed = [...session.inputs, ...session.outputs].find((port) => port.dtype === null);
    if (closed !== undefined) throw new Error(`ONNX Runtime does not hand ${closed.name} over to JavaScript`);
    const tensors = [...inputs].map(([name, value]): [string, Tensor] => {
      if (!isTensor(value)) throw new Error(`input ${name} is of kind ${value.kind}`);
      return [name, value];
    });
    return session.run(new Map(tensors));
  };
  return { run, close: () => session.release() };
};

/** A model opened for one run. */
export const once =
  (open: OpenEngine): Engine =>
  async (model, inputs) => {
    const opened = await open(model);
    try {
      return await opened.run(inputs);
    } finally {
      await opened.close();
    }
  };
export const onCpu = once(openOnCpu);
export const onOnnxRuntime = once(openOnOnnxRuntime);

export const bytesOf = (model: Model): Uint8Array =>
  Buffer.concat(
    exportModel(model).pieces.map((piece) => (piece instanceof Uint8Array ? piece : readRange(piece))),
  );

/** The model, or an error with the diagnostics. */
export function modelOfBytes(name: string, bytes: Uint8Array): Model {
  const { model, diagnostics } = importModel(memorySource(name, bytes));
  if (model === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return model;
}

export const convert = (model: Model, opset: number): ReturnType<typeof convertModel> =>
  convertModel(model, opset, { infer: (one) => inferModel(one).model });

/** The cases of a folder whose opset is asked for, each with its own inputs. */
export async function compareConverted(
  folder: string,
  target: number,
  isAsked: (opset: number) => boolean,
  engine: Engine = onOnnxRuntime,
): Promise<readonly Converted[]> {
  const results: Converted[] = [];
  for (const one of readIndex(folder)) {
    const model = modelOfBytes('model.onnx', readFileSync(path.join(folder, one.path, 'model.onnx')));
    const opset = model.header.opsets.get('');
    if (opset === undefined || !isAsked(opset)) continue;
    const set = one.data_sets[0]!;
    const inputs = readValues(folder, one, set, 'inputs');
    results.push(await compare(one.path, model, inputs, target, engine, { ...one, random: isRandom(one) }));
  }
  return results;
}

/** A model with made inputs, its open dimensions set to 1 where nothing else is known. */
export const compareModel = (
  name: string,
  bytes: Uint8Array,
  target: number,
  engine: Engine = onOnnxRuntime,
): Promise<Converted> => {
  const model = modelOfBytes(name, bytes);
  return compare(name, model, madeInputs(model), target, engine, { random: false, rtol: 1e-3, atol: 1e-6 });
};

async function compare(
  name: string,
  model: Model,
  inputs: DataValues,
  target: number,
  engine: Engine,
  { random, ...tolerance }: { readonly random: boolean; readonly rtol: number; readonly atol: number },
): Promise<Converted> {
  const { model: converted, diagnostics } = convert(model, target);
  if (converted === undefined) return { name, outcome: 'refused', reason: diagnostics[0]!.message };
  let before: DataValues;
  try {
    before = await engine(model, inputs);
  } catch (error) {
    return { name, outcome: 'not run', reason: (error as Error).message };
  }
  let after: DataValues;
  try {
    after = await engine(converted, inputs);
  } catch (error) {
    const reason = (error as Error).message;
    return { name, outcome: /implementation for/.test(reason) ? 'no kernel' : 'differs', reason };
  }
  let outcome: Outcome = 'same';
  let again: DataValues | undefined;
  for (const [output, value] of before) {
    const other = after.get(output);
    if (other === undefined) return { name, outcome: 'differs', reason: `there is no output ${output}` };
    if (dataDifference(other, value, random ? typeDifference : bitDifference) === undefined) continue;
    // What draws random numbers differs from itself too.
    again ??= await engine(model, inputs);
    if (dataDifference(again.get(output)!, value, bitDifference) !== undefined) {
      if (dataDifference(other, value, typeDifference) === undefined) continue;
    }
    const problem = dataDifference(other, value, (a, e) => difference(a, e, tolerance));
    if (random || problem !== undefined)
      return { name, outcome: 'differs', reason: `output ${output}: ${problem}` };
    outcome = 'close';
  }
  return { name, outcome, reason: '' };
}

/** What real models take where their inputs leave it open: a picture of 64 × 64, 512 samples, one row. */
const OPEN_SIZES = [1, 3, 64, 64];

export function madeInputs(model: Model): DataValues {
  const open = model.mainGraph.inputs
    .map((id) => model.value(id))
    .filter(({ weight }) => weight === undefined);
  return new Map(
    open.map(({ name, type }): [string, DataValue] => {
      if (type?.kind !== 'tensor' || type.dtype === undefined) throw new Error(`${name} is no tensor`);
      const rank = type.dims?.length ?? 0;
      const dims = (type.dims ?? []).map((dim, index) =>
        typeof dim === 'number' ? dim : rank === 4 ? OPEN_SIZES[index]! : rank === 2 && index === 1 ? 512 : 1,
      );
      const { dtype } = type;
      return [name, { dtype, dims, bytes: numbers(dtype, elementCount(dims)!) }];
    }),
  );
}

/** Numbers of both signs, some of them equal. */
function numbers(dtype: DType, count: number): Uint8Array {
  const values = Array.from({ length: count }, (_, at) => (((at * 7919) % 37) - 18) / 8);
  if (dtype === 'float32') return new Uint8Array(Float32Array.from(values).buffer);
  if (dtype === 'float64') return new Uint8Array(Float64Array.from(values).buffer);
  // A rate or a length, for silero.
  if (dtype === 'int64') return new Uint8Array(BigInt64Array.from(values, () => 16000n).buffer);
  // Halves by their bits: 1.0 and up, with any fraction.
  if (dtype === 'float16') {
    const bits = values.map((value, at) => (value < 0 ? 0xbc00 : 0x3c00) + ((at * 37) % 1024));
    return new Uint8Array(Uint16Array.from(bits).buffer);
  }
  return new Uint8Array(byteLengthOf(dtype, count)!);
}
