// Gradients against those of the reference data.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { difference } from '../../cli/conformance/compare.ts';
import { tensorFrom } from '../../cli/tensors/elements.ts';
import { gradModel } from '../../compiler/index.ts';
import { formatDiagnostic, isTensor, type Model, type Tensor } from '../../ir/index.ts';
import { decodeDataValue } from '../../ir/onnx/index.ts';
import { type Engine, modelOfBytes, onCpu } from './converted.ts';

interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}
interface OperatorMeta {
  readonly inputs: readonly {
    readonly name: string;
    readonly dx?: string;
    readonly v?: string;
    readonly ddx?: string;
  }[];
  readonly outputs: readonly { readonly name: string; readonly dy?: string }[];
  readonly tolerance: Tolerance;
  /** The point is not differentiable: other values are right too. */
  readonly ties?: string;
  readonly second_order?: boolean;
}
interface ModelMeta {
  readonly inputs: readonly { readonly name: string; readonly file: string }[];
  readonly loss: string;
  readonly parameters: readonly { readonly name: string; readonly grad: string }[];
}

/** The files of a case by name; undefined: there is no such file. */
export type CaseFiles = (name: string) => Uint8Array | undefined;

export const filesIn =
  (folder: string): CaseFiles =>
  (name) =>
    existsSync(path.join(folder, name)) ? readFileSync(path.join(folder, name)) : undefined;

export function reader(files: CaseFiles) {
  const bytes = (name: string): Uint8Array => {
    const found = files(name);
    if (found === undefined) throw new Error(`${name} is not there`);
    return found;
  };
  const tensor = (name: string): Tensor => {
    const value = decodeDataValue('tensor', bytes(name), name);
    if (!isTensor(value)) throw new Error(`${name} is no tensor`);
    return value;
  };
  const json = <T>(name: string): T => JSON.parse(new TextDecoder().decode(bytes(name))) as T;
  return {
    tensor,
    json,
    has: (name: string): boolean => files(name) !== undefined,
    model: (name: string): Model => modelOfBytes(name, bytes(name)),
    meta: <T>(): T => json<T>('meta.json'),
  };
}

interface Differentiated {
  readonly model: Model;
  /** What its new inputs and outputs are called, in the order in which they were asked for. */
  readonly given: readonly string[];
  readonly made: readonly string[];
}

function differentiated(model: Model, wrt: readonly string[], outputs: readonly string[]): Differentiated {
  const { model: grad, diagnostics } = gradModel(model, { wrt, outputs });
  if (grad === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  const names = (ids: Model['mainGraph']['outputs'], count: number): readonly string[] =>
    count === 0 ? [] : ids.slice(-count).map((id) => grad.value(id).name);
  const { inputs, outputs: all } = grad.mainGraph;
  return { model: grad, given: names(inputs, outputs.length), made: names(all, wrt.length) };
}

async function run(engine: Engine, model: Model, values: ReadonlyMap<string, Tensor>) {
  const results = await engine(model, values);
  return (name: string): Tensor => {
    const value = results.get(name);
    if (value === undefined || !isTensor(value)) throw new Error(`there is no ${name}`);
    return value;
  };
}

/** What is wrong with our gradients of an operator's case, of both orders; '' if nothing is. */
export async function gradientCase(files: CaseFiles, engine: Engine = onCpu): Promise<string> {
  const { meta: readMeta, tensor: read, has, model } = reader(files);
  const meta = readMeta<OperatorMeta>();
  const source = model('forward.onnx');
  const wanted = meta.inputs.filter(({ dx }) => dx !== undefined);
  const wrt = wanted.map(({ name }) => name);
  const upstream = meta.outputs.filter(({ dy }) => dy !== undefined);
  const first = differentiated(
    source,
    wrt,
    upstream.map(({ name }) => name),
  );
  const values = new Map<string, Tensor>();
  meta.inputs.forEach(({ name }, index) => {
    if (has(`input_${index}.pb`)) values.set(name, read(`input_${index}.pb`));
  });
  for (const [index, { dy }] of upstream.entries()) values.set(first.given[index]!, read(dy!));
  const result = await run(engine, first.model, values);
  for (const [index, { name, dx }] of wanted.entries()) {
    const problem = difference(result(first.made[index]!), read(dx!), meta.tolerance);
    if (problem !== undefined) return `gradient of ${name}: ${problem}`;
  }
  if (!meta.second_order) return '';
  const directions = wanted.flatMap((one, index) => (one.v === undefined ? [] : [{ ...one, index }]));
  const again = wanted.filter(({ ddx }) => ddx !== undefined);
  const second = differentiated(
    first.model,
    again.map(({ name }) => name),
    directions.map(({ index }) => first.made[index]!),
  );
  for (const [index, { v }] of directions.entries()) values.set(second.given[index]!, read(v!));
  const twice = await run(engine, second.model, values);
  for (const [index, { name, ddx }] of again.entries()) {
    const problem = difference(twice(second.made[index]!), read(ddx!), meta.tolerance);
    if (problem !== undefined) return `second gradient of ${name}: ${problem}`;
  }
  return '';
}

/** The same for a whole model: the gradient of its loss with respect to its parameters. */
export async function gradientModel(
  files: CaseFiles,
  tolerance: Tolerance,
  engine: Engine = onCpu,
): Promise<string> {
  const { meta: readMeta, tensor: read, model: readModel } = reader(files);
  const meta = readMeta<ModelMeta>();
  const source = readModel('model.onnx');
  const { model, given, made } = differentiated(
    source,
    meta.parameters.map(({ name }) => name),
    [meta.loss],
  );
  const values = new Map(meta.inputs.map(({ name, file }) => [name, read(file)]));
  values.set(given[0]!, tensorFrom('float32', [], [1]));
  const result = await run(engine, model, values);
  for (const [index, { name, grad }] of meta.parameters.entries()) {
    const problem = difference(result(made[index]!), read(grad), tolerance);
    if (problem !== undefined) return `gradient of ${name}: ${problem}`;
  }
  return '';
}
