// The reader of ONNX models: import, check and infer, as `bbc infer` and `bbc compile` begin.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { checkModel, fullCheck, typesOf } from '../../../compiler/index.ts';
import { ModelProtoSchema } from '../../../ir/generated/onnx-ml_pb.ts';
import { type Diagnostic, hasErrors, type Imported, importModel, memorySource } from '../../../ir/index.ts';
import { fixtures, onnxFiles } from '../../support/onnx-files.ts';
import { target } from '../harness.ts';
import { bombs } from '../model-bombs.ts';
import { byteChange, changed, changedBytes, parseWire, wireChange, writeWire } from '../wire-tree.ts';

const LARGEST_SEED_BYTES = 3000;
const seeds = onnxFiles(fixtures)
  .map((file) => readFileSync(file))
  .filter((bytes) => bytes.length <= LARGEST_SEED_BYTES);
/** Those that are whole: a few of the malformed ones are no protobuf. */
const trees = seeds.flatMap((bytes) => {
  try {
    const tree = parseWire(ModelProtoSchema, bytes);
    return Buffer.compare(writeWire(tree), bytes) === 0 ? [tree] : [];
  } catch {
    return [];
  }
});

const seed = fc.nat(trees.length - 1);
const mutated = fc
  .record({
    seed,
    donor: seed,
    changes: fc.array(wireChange, { minLength: 1, maxLength: 3 }),
    bytes: fc.oneof(
      { weight: 7, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(byteChange, { maxLength: 4, size: 'max' }) },
    ),
  })
  .map(({ seed, donor, changes, bytes }) =>
    changedBytes(
      writeWire(changed(trees[seed]!, trees[donor]!, changes)),
      bytes,
      seeds[donor % seeds.length]!,
    ),
  );
const bomb = fc
  .record({
    name: fc.constantFrom(...Object.keys(bombs)),
    n: fc.integer({ min: 1, max: 40 }),
    bytes: fc.array(byteChange, { maxLength: 1 }),
  })
  .map(({ name, n, bytes }) => changedBytes(bombs[name]!(n), bytes, seeds[0]!));
/** Rare, for they are slow to make: of sizes where what is not linear shows. */
const largeBomb = fc
  .record({ name: fc.constantFrom(...Object.keys(bombs)), n: fc.integer({ min: 100, max: 2000 }) })
  .map(({ name, n }) => bombs[name]!(n));
const random = fc.uint8Array({ maxLength: 300, size: 'max' });
export const modelBytes = fc.oneof(
  { weight: 1600, arbitrary: mutated },
  { weight: 100, arbitrary: random },
  { weight: 60, arbitrary: bomb },
  { weight: 1, arbitrary: largeBomb },
);

const external = memorySource('weights.bin', new Uint8Array(128));

function verdict(stage: string, diagnostics: readonly Diagnostic[]): string {
  const error = diagnostics.find(({ severity }) => severity === 'error');
  return `${stage} ${error?.code}`;
}

/** What comes of a file: accepted, or the first error and who reported it. */
export const readModel = (bytes: Uint8Array): readonly string[] =>
  verdictOf(
    importModel(memorySource('m.onnx', bytes), {
      external: (location) => (location === 'weights.bin' ? external : undefined),
    }),
  );

/** What a reader of a file takes for the file's fault and is its own. */
const ours = /undefined|not a function|not iterable|Cannot |Invalid|call stack/;

export function verdictOf({ model, diagnostics }: Imported): readonly string[] {
  const odd = diagnostics.find(({ code, message }) => code === 'BB101' && ours.test(message));
  if (odd !== undefined) throw new Error(odd.message);
  if (model === undefined) return [verdict('import', diagnostics)];
  const problems = checkModel(model);
  fullCheck(model);
  // What check refuses is inferred all the same: other tools of ours ask for types first.
  const inferred = typesOf(model);
  if (hasErrors(problems)) return [verdict('check', problems)];
  if (hasErrors(inferred.diagnostics)) return [verdict('infer', inferred.diagnostics)];
  return ['accepted'];
}

export const onnx = target({ name: 'onnx', arbitrary: modelBytes, run: readModel, bytes: (bytes) => bytes });
