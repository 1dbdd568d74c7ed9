// A folder of ONNX backend test cases, as its index.json tells it.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type DataValue, DiagnosticError, diagnostic } from '../../ir/index.ts';
import { decodeDataValue } from '../../ir/onnx/index.ts';

interface IndexValue {
  readonly file: string;
  readonly proto: 'TensorProto' | 'SequenceProto' | 'OptionalProto';
  readonly name: string;
}
export interface DataSet {
  readonly name: string;
  readonly inputs: readonly IndexValue[];
  readonly outputs: readonly IndexValue[];
}
export interface Case {
  /** Relative to the folder, as reports name it. */
  readonly path: string;
  /** `ai.onnx::Add` to count. */
  readonly ops: Readonly<Record<string, number>>;
  readonly data_sets: readonly DataSet[];
  readonly rtol: number;
  readonly atol: number;
  /** `random`: the values differ from run to run. */
  readonly reference: string;
}

/** The cases in the index's order. Throws DiagnosticError BB880, BB830. */
export function readIndex(folder: string): readonly Case[] {
  const file = path.join(folder, 'index.json');
  let index: { readonly format?: unknown; readonly cases?: readonly Case[] };
  try {
    index = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new DiagnosticError(diagnostic('BB880', { file, reason: (error as Error).message }));
  }
  if (index.format !== 'onnx-conformance-index/1' || !Array.isArray(index.cases)) {
    throw new DiagnosticError(diagnostic('BB830', { file }));
  }
  return index.cases;
}

const kinds = { TensorProto: 'tensor', SequenceProto: 'sequence', OptionalProto: 'optional' } as const;

/** The values of a data set, by name. */
export function readValues(
  folder: string,
  one: Case,
  set: DataSet,
  side: 'inputs' | 'outputs',
): Map<string, DataValue> {
  return new Map(
    set[side].map(({ file, proto, name }): [string, DataValue] => {
      const full = path.join(folder, one.path, set.name, file);
      return [name, decodeDataValue(kinds[proto], readFileSync(full), full)];
    }),
  );
}

/** Ops that draw from a generator of the backend's own. */
const randomOps = [
  'Bernoulli',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
];

/** Whether only types and shapes can be compared. */
export const isRandom = (one: Case): boolean =>
  one.reference === 'random' || randomOps.some((op) => one.ops[`ai.onnx::${op}`] !== undefined);

/** Cases whose path, or the last part of it, matches a pattern with `*` and `?`. */
export function filterCases(cases: readonly Case[], glob: string | undefined): readonly Case[] {
  if (glob === undefined) return cases;
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const pattern = new RegExp(`^${source}$`);
  return cases.filter(({ path: name }) => pattern.test(name) || pattern.test(path.basename(name)));
}
