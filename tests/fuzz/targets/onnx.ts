// The reader of ONNX models: import, check and infer, as `bbc infer` and `bbc compile` begin.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { Verdict } from '../../../compiler/index.ts';
import { ModelProtoSchema } from '../../../ir/generated/onnx-ml_pb.ts';
import { type Diagnostic, hasErrors, type Imported, importModel, memorySource } from '../../../ir/index.ts';
import { fixtures, onnxFiles, sharedOnnx } from '../../support/onnx-files.ts';
import { projectRoot } from '../../support/root.ts';
import { target } from '../harness.ts';
import { bombs } from '../model-bombs.ts';
import { byteChange, changed, changedBytes, parseWire, wireChange, writeWire } from '../wire-tree.ts';

const LARGEST_SEED_BYTES = 3000;
const seeds = readSeeds(fixtures, LARGEST_SEED_BYTES);

function readSeeds(folder: string, largestBytes: number): readonly Uint8Array[] {
  return onnxFiles(folder)
    .map((file) => readFileSync(file))
    .filter((bytes) => bytes.length <= largestBytes);
}

/** Models that differ from one of the seeds in a few fields, and at times in a few bytes. */
function mutations(of: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  /** Those that are whole: a few of the malformed ones are no protobuf. */
  const trees = of.flatMap((bytes) => {
    try {
      const tree = parseWire(ModelProtoSchema, bytes);
      return Buffer.compare(writeWire(tree), bytes) === 0 ? [tree] : [];
    } catch {
      return [];
    }
  });
  const seed = fc.nat(trees.length - 1);
  return fc
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
      changedBytes(writeWire(changed(trees[seed]!, trees[donor]!, changes)), bytes, of[donor % of.length]!),
    );
}

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
  { weight: 1600, arbitrary: mutations(seeds) },
  { weight: 100, arbitrary: random },
  { weight: 60, arbitrary: bomb },
  { weight: 1, arbitrary: largeBomb },
);

const external = memorySource('weights.bin', new Uint8Array(128));

function refusal(stage: string, diagnostics: readonly Diagnostic[]): string {
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
  if (model === undefined) return [refusal('import', diagnostics)];
  // As `bbc check` and `bbc infer` do. What check refuses is inferred all the same: other tools ask for types first.
  const verdict = new Verdict(model);
  const checked = verdict.full();
  const { diagnostics: inferred } = verdict.types();
  if (hasErrors(checked)) return [refusal('check', checked)];
  if (hasErrors(inferred)) return [refusal('infer', inferred)];
  return ['accepted'];
}

export const onnx = target({ name: 'onnx', arbitrary: modelBytes, run: readModel, bytes: (bytes) => bytes });

const LARGEST_CONFORMANCE_BYTES = 20_000;
const shared = path.join(sharedOnnx, 'conformance');
const conformanceFolder = existsSync(shared) ? shared : path.join(projectRoot, 'tests/fixtures/conformance');

export const conformance = target({
  name: 'conformance',
  arbitrary: fc.constant(undefined).chain(() => conformanceMutations()),
  run: readModel,
  bytes: (bytes) => bytes,
});

let made: fc.Arbitrary<Uint8Array> | undefined;
/** Made when first asked for: reading the whole set takes a while, and the other targets do without. */
function conformanceMutations(): fc.Arbitrary<Uint8Array> {
  made ??= mutations(readSeeds(conformanceFolder, LARGEST_CONFORMANCE_BYTES));
  return made;
}
