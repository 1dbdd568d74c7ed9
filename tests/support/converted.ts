// Models on ONNX Runtime before and after conversion to another opset.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Case, isRandom, readIndex, readValues } from '../../cli/conformance/cases.ts';
import { difference, sameBits, typeDifference } from '../../cli/conformance/compare.ts';
import { inferModel } from '../../compiler/infer/infer.ts';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import type { Model } from '../../ir/graph.ts';
import { exportModel, importModel } from '../../ir/onnx/index.ts';
import { memorySource, readRange } from '../../ir/onnx/source.ts';
import { byteLengthOf, type DType, elementCount, type Tensor } from '../../ir/types.ts';
import { convertModel } from '../../ir/versions/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';

export type Outcome = 'same' | 'close' | 'differs' | 'refused' | 'not run' | 'no kernel';

export interface Converted {
  readonly [key: string]: string;
  readonly name: string;
  /** `close`: other bits, from another kernel for the newer form, within tolerance; `not run`: ONNX Runtime does not run it unconverted; `no kernel`: it has none for the newer form. */
  readonly outcome: Outcome;
  readonly reason: string;
}

type Tensors = ReadonlyMap<string, Tensor>;

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });

/** The model, or an error with the diagnostics. */
export function modelOfBytes(name: string, bytes: Uint8Array): Model {
  const { model, diagnostics } = importModel(memorySource(name, bytes));
  if (model === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return model;
}

export const convert = (model: Model, opset: number): ReturnType<typeof convertModel> =>
  convertModel(model, opset, { infer: (one) => inferModel(one).model });

export async function outputsOf(model: Model, inputs: Tensors): Promise<Map<string, Tensor>> {
  const parts = exportModel(model).pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : readRange(piece),
  );
  const session = await backend.loadModel(Buffer.concat(parts));
  try {
    const closed = [...session.inputs, ...session.outputs].find((port) => port.dtype === null);
    if (closed !== undefined) throw new Error(`ONNX Runtime does not hand ${closed.name} over to JavaScript`);
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

/** The cases of a folder whose opset is asked for, each with its own inputs. */
export async function compareConverted(
  folder: string,
  target: number,
  isAsked: (opset: number) => boolean,
): Promise<readonly Converted[]> {
  const results: Converted[] = [];
  for (const one of readIndex(folder)) {
    const model = modelOfBytes('model.onnx', readFileSync(path.join(folder, one.path, 'model.onnx')));
    const opset = model.header.opsets.get('');
    if (opset === undefined || !isAsked(opset)) continue;
    results.push(await compareCase(folder, one, model, target));
  }
  return results;
}

async function compareCase(folder: string, one: Case, model: Model, target: number): Promise<Converted> {
  const set = one.data_sets[0];
  if (set === undefined) return { name: one.path, outcome: 'not run', reason: 'it has no data' };
  const inputs = new Map<string, Tensor>();
  for (const [name, value] of readValues(folder, one, set, 'inputs')) {
    if (value.kind === 'tensor') inputs.set(name, value.tensor);
    else return { name: one.path, outcome: 'not run', reason: `input ${name} is of kind ${value.kind}` };
  }
  return compare(one.path, model, inputs, target, { ...one, random: isRandom(one) });
}

/** A model with made inputs, its open dimensions set to 1 where nothing else is known. */
export const compareModel = (name: string, bytes: Uint8Array, target: number): Promise<Converted> => {
  const model = modelOfBytes(name, bytes);
  return compare(name, model, madeInputs(model), target, { random: false, rtol: 1e-3, atol: 1e-6 });
};

async function compare(
  name: string,
  model: Model,
  inputs: Tensors,
  target: number,
  { random, ...tolerance }: { readonly random: boolean; readonly rtol: number; readonly atol: number },
): Promise<Converted> {
  const { model: converted, diagnostics } = convert(model, target);
  if (converted === undefined) return { name, outcome: 'refused', reason: diagnostics[0]!.message };
  let before: Tensors;
  try {
    before = await outputsOf(model, inputs);
  } catch (error) {
    return { name, outcome: 'not run', reason: (error as Error).message };
  }
  let after: Tensors;
  try {
    after = await outputsOf(converted, inputs);
  } catch (error) {
    const reason = (error as Error).message;
    return { name, outcome: /implementation for/.test(reason) ? 'no kernel' : 'differs', reason };
  }
  let outcome: Outcome = 'same';
  for (const [output, tensor] of before) {
    const other = after.get(output);
    if (other === undefined) return { name, outcome: 'differs', reason: `there is no output ${output}` };
    if (random ? typeDifference(other, tensor) === undefined : sameBits(other, tensor)) continue;
    const problem = difference(other, tensor, tolerance);
    if (random || problem !== undefined)
      return { name, outcome: 'differs', reason: `output ${output}: ${problem}` };
    outcome = 'close';
  }
  return { name, outcome, reason: '' };
}

/** What real models take where their inputs leave it open: a picture of 64 × 64, 512 samples, one row. */
const OPEN_SIZES = [1, 3, 64, 64];

export function madeInputs(model: Model): Map<string, Tensor> {
  const open = model.mainGraph.inputs
    .map((id) => model.value(id))
    .filter(({ weight }) => weight === undefined);
  return new Map(
    open.map(({ name, type }): [string, Tensor] => {
      if (type?.kind !== 'tensor' || type.dtype === undefined) throw new Error(`${name} is no tensor`);
      const rank = type.dims?.length ?? 0;
      const dims = (type.dims ?? []).map((dim, index) =>
        typeof dim === 'number' ? dim : rank === 4 ? OPEN_SIZES[index]! : rank === 2 && index === 1 ? 512 : 1,
      );
      return [name, { dtype: type.dtype, dims, bytes: numbers(type.dtype, elementCount(dims)!) }];
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
