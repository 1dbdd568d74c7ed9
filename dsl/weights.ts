// Tensors of an existing model's file, by name: for modules whose weights stay where they are.

import {
  constantOf,
  DiagnosticError,
  type DType,
  formatType,
  type Imported,
  importModel,
  type Model,
  tensorType,
  type Weight,
} from '../ir/index.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { Value as Tensor } from './types.ts';
import { toValue } from './value.ts';

/**
 * A tensor of the file as a constant of the module. Fails (BB318) if the file has none of this name, dtype and dims.
 */
export type Weights = <const D extends DType, const S extends readonly number[]>(
  name: string,
  dtype: D,
  dims: S,
) => Tensor<D, [...S], 'any'>;

/**
 * The weights of an existing `.onnx` file, by its path relative to the module's file: its initializers and what its
 * Constant ops hold. They are neither copied nor read: the recording refers to their bytes in the file, or in the
 * file of external data. Fails with BB1xx if the file cannot be read.
 *
 *     const weight = weights('./rec.onnx');
 *     const h = x.conv(weight('conv_1.w', float32, [64, 3, 3, 3]));
 */
export function weights(path: string): Weights {
  const get = (name: string, dtype: DType, dims: readonly number[]): unknown => {
    const owner: Recorder = recorder('weights');
    return owner.call(get, () => {
      const tensors = tensorsOf(owner, path);
      const weight = tensors.get(name);
      if (weight === undefined) owner.fail('BB318', { file: path, name, reason: 'there is none' });
      const wanted = tensorType(dtype, dims);
      const held = tensorType(weight.dtype, weight.dims);
      if (formatType(wanted) !== formatType(held)) {
        const reason = `it is ${formatType(held)}, not ${formatType(wanted)}`;
        owner.fail('BB318', { file: path, name, reason });
      }
      return toValue(addWeight(owner, path, name, weight), owner);
    });
  };
  return get as Weights;
}

/** One value per tensor, however often it is asked for. */
function addWeight(owner: Recorder, path: string, name: string, weight: Weight): Fact {
  const key = `weight ${path} ${name}`;
  const known = owner.once.get(key);
  if (known !== undefined) return known as Fact;
  const fact = owner.addValue(name, tensorType(weight.dtype, weight.dims), {}, owner.main);
  owner.editor.setValue(fact.id, { def: { kind: 'initializer' }, weight });
  owner.initializers.push(fact.id);
  owner.once.set(key, fact);
  return fact;
}

function tensorsOf(owner: Recorder, path: string): ReadonlyMap<string, Weight> {
  const key = `weights ${path}`;
  const known = owner.once.get(key);
  if (known !== undefined) return known as ReadonlyMap<string, Weight>;
  const { model, diagnostics } = readModelFile(owner, path);
  if (model === undefined) throw new DiagnosticError(diagnostics);
  const tensors = namedTensors(model);
  owner.once.set(key, tensors);
  return tensors;
}

/**
 * The tensors of a model by name: initializers and the tensors of Constant ops, of all its graphs. A name that
 * several graphs use for different tensors stands for none.
 */
export function namedTensors(model: Model): ReadonlyMap<string, Weight> {
  const tensors = new Map<string, Weight>();
  const ambiguous = new Set<string>();
  for (const value of model.allValues()) {
    const weight = value.weight ?? (value.def.kind === 'op' ? constantOf(model.op(value.def.op)) : undefined);
    if (weight === undefined || weight.dtype === undefined) continue;
    if (tensors.has(value.name)) ambiguous.add(value.name);
    tensors.set(value.name, weight);
  }
  for (const name of ambiguous) tensors.delete(name);
  return tensors;
}

/** Reads a model's file; its external data lies beside it. */
export function readModelFile(owner: Recorder, path: string): Imported {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const external = (location: string): ReturnType<typeof owner.environment.open> | undefined => {
    try {
      return owner.environment.open(folder + location);
    } catch (error) {
      if (error instanceof DiagnosticError) return undefined;
      throw error;
    }
  };
  return importModel(owner.environment.open(path), { external });
}
