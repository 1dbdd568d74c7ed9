// Whether a cut run gave what the uncut graph gives on the same backend.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type DataValue,
  DiagnosticError,
  diagnostic,
  exportModel,
  isOurDomain,
  type Model,
  readWeight,
  type Tensor,
  tensorsOf,
} from '../../ir/index.ts';
import { writeFolder } from '../../runtime/host/node-sink.ts';
import { bitDifference, dataDifference, maxAbsDiff, typeDifference } from '../conformance/compare.ts';
import { elementsOf } from '../tensors/elements.ts';
import type { WholeModels } from './backends.ts';

export interface Verification {
  /** Largest over all outputs; null if types or shapes differ. */
  readonly maxAbsDiff: number | null;
  /** Largest finite magnitude of the uncut run's numbers. */
  readonly maxAbs: number;
  readonly bitEqual: boolean;
}

/**
 * Runs the graph uncut: the file itself if there is one, else an export of `uncut`. Throws DiagnosticError BB834
 * for a graph with ops, or with secrets, that only nodes of ours have.
 */
export async function runUncut(
  backend: WholeModels,
  source: string,
  uncut: Model,
  inputs: ReadonlyMap<string, DataValue>,
): Promise<ReadonlyMap<string, DataValue>> {
  for (const id of uncut.mainGraph.inputs) {
    const { name, entropy, at } = uncut.value(id);
    if (entropy === true)
      throw new DiagnosticError(diagnostic('BB834', { op: `secret ${name}` }, { ...(at && { at }) }));
  }
  if (source.endsWith('.onnx')) return runModelFile(backend, source, inputs);
  for (const op of uncut.allOps()) {
    if (isOurDomain(op.domain)) {
      throw new DiagnosticError(
        diagnostic('BB834', { op: op.type }, { op: op.name, ...(op.at && { at: op.at }) }),
      );
    }
  }
  const scratch = mkdtempSync(path.join(tmpdir(), 'bbc-uncut-'));
  try {
    const folder = path.join(scratch, 'model');
    writeFolder(folder, (sink) => {
      const { pieces, external } = exportModel(uncut, { external: { file: 'weights.bin', minBytes: 1024 } });
      sink.write('model.onnx', pieces);
      if (external.length > 0) sink.write('weights.bin', withGaps(external));
    });
    return await runModelFile(backend, path.join(folder, 'model.onnx'), inputs);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function* withGaps(weights: ReturnType<typeof exportModel>['external']) {
  let at = 0;
  for (const { weight, offset, byteLength } of weights) {
    if (offset > at) yield new Uint8Array(offset - at);
    yield weight.range ?? readWeight(weight).bytes;
    at = offset + byteLength;
  }
}

async function runModelFile(
  backend: WholeModels,
  file: string,
  inputs: ReadonlyMap<string, DataValue>,
): Promise<ReadonlyMap<string, DataValue>> {
  const model = await backend.loadModel(file);
  try {
    return await model.run(inputs);
  } finally {
    await model.release();
  }
}

export function compareRuns(
  outputs: ReadonlyMap<string, DataValue>,
  uncut: ReadonlyMap<string, DataValue>,
): Verification {
  let worst = 0;
  let largest = 0;
  let bitEqual = true;
  for (const [name, expected] of uncut) {
    const actual = outputs.get(name);
    bitEqual &&= actual !== undefined && dataDifference(actual, expected, bitDifference) === undefined;
    worst = Math.max(worst, actual === undefined ? Number.POSITIVE_INFINITY : distance(actual, expected));
    largest = tensorsOf(expected).reduce((most, tensor) => Math.max(most, magnitude(tensor)), largest);
  }
  return { maxAbsDiff: Number.isFinite(worst) ? worst : null, maxAbs: largest, bitEqual };
}

/** Largest difference of two tensors in the same place of the values; infinite if they are not alike. */
function distance(actual: DataValue, expected: DataValue): number {
  if (dataDifference(actual, expected, typeDifference) !== undefined) return Number.POSITIVE_INFINITY;
  const others = tensorsOf(expected);
  return tensorsOf(actual).reduce((most, tensor, at) => Math.max(most, maxAbsDiff(tensor, others[at]!)), 0);
}

function magnitude(tensor: Tensor): number {
  if (tensor.dtype === 'string') return 0;
  let most = 0;
  for (const element of elementsOf(tensor)) {
    const size = Math.abs(Number(element));
    if (size > most && size !== Number.POSITIVE_INFINITY) most = size;
  }
  return most;
}
