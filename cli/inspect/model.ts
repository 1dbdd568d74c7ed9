// A model's contents: versions, metadata, boundary, ops by type, memory, weights by size.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { inferModel } from '../../compiler/infer/infer.ts';
import { activationBytes } from '../../compiler/memory/schedule.ts';
import { nominalModel } from '../../compiler/nominal.ts';
import {
  formatType,
  type Model,
  readWeight,
  sortModel,
  type Value,
  type Weight,
  weightByteLength,
} from '../../ir/index.ts';
import type { CommandContext } from '../context.ts';
import { loadSource } from '../load.ts';
import { formatBytes, formatCount } from '../output.ts';

export async function inspectModel(cx: CommandContext, file: string, top: number): Promise<void> {
  const { model, diagnostics } = await loadSource(file, { name: file });
  cx.require(diagnostics);
  const contents = describeModel(model!, file.endsWith('.onnx') ? await hashFile(file) : null, top);
  cx.result({ file, ...contents });

  cx.print(`${cx.colours.bold(file)}${contents.sha256 === null ? '' : `  sha256 ${contents.sha256}`}`);
  cx.print(`IR version ${contents.irVersion}, ${contents.producer || 'no producer named'}`);
  cx.print(
    `opsets ${Object.entries(contents.opsets)
      .map(([domain, version]) => `${domain} ${version}`)
      .join(', ')}`,
  );
  const { ops, functions, parameters, weightBytes } = contents;
  const total = Object.values(ops).reduce((sum, count) => sum + count, 0);
  cx.print(
    `${total} ops, ${functions} functions, ${formatCount(parameters)} parameters in ${formatBytes(weightBytes)}`,
  );
  const { activations, parameterTypes, metadata } = contents;
  const types = Object.entries(parameterTypes);
  if (types.length > 1)
    cx.print(`parameters: ${types.map(([dtype, count]) => `${formatCount(count)} ${dtype}`).join(', ')}`);
  const sizes = activations.nominal ? ', with a batch of 1 and 320 for every other open dimension' : '';
  if (activations.bytes === null) cx.print('activations: not known');
  else cx.print(`activations: ${formatBytes(activations.bytes)}${sizes}`);
  for (const [key, value] of Object.entries(metadata)) cx.print(`${key}: ${value}`);
  for (const [title, ports] of [
    ['inputs', contents.inputs],
    ['outputs', contents.outputs],
  ] as const) {
    cx.print();
    cx.printTable(
      [title, 'type'],
      ports.map(({ name, type }) => [name, type]),
    );
  }
  cx.print();
  cx.printTable(['op', { title: 'count', align: 'right' }], Object.entries(ops));
  if (contents.weights.length === 0) return;
  cx.print();
  cx.printTable(
    [
      contents.weightCount > contents.weights.length
        ? `largest of ${contents.weightCount} weights`
        : 'weights',
      'type',
      { title: 'size', align: 'right' },
    ],
    contents.weights.map(({ name, type, bytes }) => [name, type, formatBytes(bytes)]),
  );
}

function describeModel(model: Model, sha256: string | null, top: number) {
  const { header, mainGraph, functions } = model;
  const ops = new Map<string, number>();
  for (const op of model.allOps()) {
    const name = op.domain === '' ? op.type : `${op.domain}::${op.type}`;
    ops.set(name, (ops.get(name) ?? 0) + 1);
  }
  const weights = allWeights(model);
  const port = ({ name, type }: Value) => ({ name, type: formatType(type) });
  const { producerName = '', producerVersion = '', metadataProps = [] } = header.residue ?? {};
  const parameterTypes: Record<string, number> = {};
  for (const { dtype, elements } of weights) parameterTypes[dtype] = (parameterTypes[dtype] ?? 0) + elements;
  return {
    sha256,
    irVersion: header.irVersion,
    producer: [producerName, producerVersion].filter((text) => text !== '').join(' '),
    opsets: Object.fromEntries([...header.opsets].map(([domain, version]) => [domain || 'ai.onnx', version])),
    functions: functions.length,
    // An input with a default value is no input that anybody must give.
    inputs: mainGraph.inputs
      .map((id) => model.value(id))
      .filter((value) => value.weight === undefined)
      .map(port),
    outputs: mainGraph.outputs.map((id) => port(model.value(id))),
    ops: Object.fromEntries([...ops].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))),
    parameters: weights.reduce((sum, { elements }) => sum + elements, 0),
    parameterTypes,
    activations: activationsOf(model),
    metadata: Object.fromEntries(metadataProps.map(({ key, value }) => [key, value])),
    weightBytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    weightCount: weights.length,
    weights: weights.slice(0, top).map(({ name, type, bytes }) => ({ name, type, bytes })),
  };
}

/**
 * Bytes of values alive at once, at most, as ops run in their order; `nominal` if that takes sizes for dimensions
 * that the model leaves open. null if a size is not known even so.
 */
function activationsOf(model: Model): { readonly bytes: number | null; readonly nominal: boolean } {
  const { model: typed } = inferModel(sortModel(model).model);
  const bytes = activationBytes(typed);
  return bytes === null
    ? { bytes: activationBytes(nominalModel(typed)), nominal: true }
    : { bytes, nominal: false };
}

interface Held {
  readonly name: string;
  readonly dtype: string;
  readonly type: string;
  readonly bytes: number;
  readonly elements: number;
}

/** Initializers and Constant ops of all graphs, largest first. */
function allWeights(model: Model): Held[] {
  const found: Held[] = [];
  const add = (name: string, weight: Weight): void => {
    found.push({
      name,
      dtype: weight.dtype ?? '?',
      type: formatType({ kind: 'tensor', dtype: weight.dtype, dims: weight.dims }),
      // Strings have no size of their own; their packed form has.
      bytes: weightByteLength(weight) ?? (weight.dtype === undefined ? 0 : readWeight(weight).bytes.length),
      elements: weight.dims.reduce((product, dim) => product * dim, 1),
    });
  };
  for (const value of model.allValues()) if (value.weight !== undefined) add(value.name, value.weight);
  for (const op of model.allOps()) {
    if (op.type !== 'Constant' || op.domain !== '') continue;
    const [attribute] = op.attributes;
    if (attribute?.kind === 'tensor') add(model.value(op.outputs[0]!).name, attribute.value);
  }
  return found.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
