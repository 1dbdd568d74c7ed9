// Runs the built package: `npm test` builds first. A run that is stopped and resumed ends in the bits of one that is not: states, arguments, outputs.

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { elementsOf } from '../../cli/tensors/elements.ts';
import { readTensorFile } from '../../cli/tensors/files.ts';
import type { Tensor } from '../../ir/index.ts';
import { builtBbc } from '../support/built-bbc.ts';
import { projectRoot } from '../support/root.ts';

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'checkpoint-')));
mkdirSync(path.join(folder, 'node_modules'));
symlinkSync(projectRoot, path.join(folder, 'node_modules/bytesandbrains'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => path.join(folder, name);

writeFileSync(
  file('topology.json'),
  '{ "version": 1, "classes": { "server": { "backend": "cpu" }, "phone": { "count": 2, "backend": "cpu" } } }',
);
writeFileSync(
  file('one-phone.json'),
  '{ "version": 1, "classes": { "server": { "backend": "cpu" }, "phone": { "count": 1, "backend": "cpu" } } }',
);
// Phones keep what they have seen, the server the sum; the session's own argument decides when it ends.
writeFileSync(
  file('rounds.ts'),
  `import { cohort, entry, float32, input, module, next, on, output, peer, state } from 'bytesandbrains';
const server = peer('server');
const phones = cohort('phone');
export default module('rounds', () => {
  const x = input('x', float32, [3], { at: phones.each });
  const seen = state('seen', [0, 0, 0], { at: phones.each });
  const sum = state('sum', [0, 0, 0], { at: server });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const scale = round.cast({ to: float32 });
    const here = on(phones.each, () => seen.update((before) => before.mul(0.7).add(x.mul(scale.sin()))));
    const all = here.collect();
    const total = sum.update((before) => before.mul(0.9).add(all.values.reduceSum({ keepdims: false }).mul(0.1)));
    output('total', total);
    next('round', { round: round.add(1n) }).when(round.less(7n));
  });
});
`,
);
writeFileSync(
  file('once.ts'),
  `import { float32, input, module, output, peer, state } from 'bytesandbrains';
const server = peer('server');
export default module('once', () => {
  const x = input('x', float32, [2], { at: server });
  const s = state('s', [1, 1], { at: server });
  output('y', s.update((before) => before.mul(1.1).add(x)));
});
`,
);

async function ran(...args: readonly string[]) {
  const { status, chunks } = await builtBbc(['run', ...args, '--json'], folder);
  const out = chunks.filter(({ stream }) => stream === 'out').map(({ text }) => text);
  return { status, document: JSON.parse(out.join('')) };
}
const common = (source: string, topology = 'topology.json') => [
  file(source),
  ...['--peers', file(topology), '--random', '3', '--no-check'],
];

describe('a run that is stopped and resumed', () => {
  for (const [what, source, where, count, size] of [
    ['of rounds', 'rounds.ts', [], [], 6],
    // Each process takes a second to start; the run that is not stopped needs none.
    ['of rounds, with a process for each peer', 'rounds.ts', ['--processes'], [], 5],
    ['of flows that are called', 'once.ts', [], ['--flows', '8'], 4],
  ] as const) {
    test(`${what}, ends as one that was not`, async () => {
      const args = common(source, where.length > 0 ? 'one-phone.json' : 'topology.json');
      const whole = await ran(...args, ...count, '--checkpoint', file('whole.npz'));
      await ran(...args, ...where, '--flows', '3', '--checkpoint', file('part.npz'));
      const rest = source === 'once.ts' ? ['--flows', '5'] : [];
      const second = ['--resume', file('part.npz'), '--checkpoint', file('part.json'), '--every', '2'];
      const resumed = await ran(...args, ...where, ...rest, ...second);
      expect(resumed.document.outputs).toEqual(whole.document.outputs);
      expect(resumed.document.flows).toBe(5);
      expect(readTensorFile(file('part.json'))).toEqual(readTensorFile(file('whole.npz')));
      expect(readTensorFile(file('whole.npz')).size).toBe(size);
    });
  }

  test('by Ctrl-C, has a whole checkpoint, says so by its exit status, and goes on', async () => {
    writeFileSync(
      file('count.ts'),
      `import { entry, module, next, output, peer, state } from 'bytesandbrains';
const server = peer('server');
export default module('count', () => {
  const total = state('total', [0], { at: server });
  entry('round', server, { initial: { round: 1 } }, ({ round }) => {
    output('total', total.update((before) => before.add(round)));
    next('round', { round: round.add(1) }).when(round.less(1e6));
  });
});
`,
    );
    const checkpoint = file('stopped.npz');
    const args = ['run', file('count.ts'), '--peers', file('server.json'), '--no-check'];
    writeFileSync(file('server.json'), '{ "version": 1, "classes": { "server": { "backend": "cpu" } } }');
    const main = path.join(projectRoot, 'dist/cli/main.js');
    // A group of its own, as a terminal's: Ctrl-C reaches each process in it.
    const child = spawn(process.execPath, [main, ...args, '--checkpoint', checkpoint, '--every', '10'], {
      detached: true,
      stdio: 'ignore',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
    const poll = setInterval(() => {
      if (!existsSync(checkpoint)) return;
      clearInterval(poll);
      process.kill(-child.pid!, 'SIGINT');
    }, 20);
    expect(await ended).toBe(130);
    clearInterval(poll);
    const kept = (): readonly [step: number, total: number] => {
      const content = readTensorFile(checkpoint);
      const [step, total] = ['step', 'state:server:total'].map((name) => content.get(name) as Tensor);
      return [Number(elementsOf(step!)[0]), Number(elementsOf(total!)[0])];
    };
    const [step, total] = kept();
    expect(step).toBeGreaterThan(9);
    expect(total).toBe((step * (step + 1)) / 2);
    await builtBbc([...args, '--resume', checkpoint, '--flows', '3', '--checkpoint', checkpoint], folder);
    expect(kept()).toEqual([step + 3, ((step + 3) * (step + 4)) / 2]);
  });

  test('is not resumed with arguments of another type', async () => {
    const args = common('rounds.ts');
    await ran(...args, '--flows', '1', '--checkpoint', file('one.json'));
    const kept = JSON.parse(readFileSync(file('one.json'), 'utf8'));
    const wrong = {
      ...kept,
      'argument:round': { dtype: 'float32', dims: [2], data: [1, 2] },
      'argument:x': [1],
    };
    writeFileSync(file('wrong.json'), JSON.stringify(wrong));
    const { status, document } = await ran(...args, '--resume', file('wrong.json'));
    expect([status, document.diagnostics.map(({ code }: { code: string }) => code)]).toEqual([
      1,
      ['BB780', 'BB780'],
    ]);
    expect(document.diagnostics[0].message).toBe(
      'the states do not fit this deployment: argument round of entry round is int64[], not float32[2]',
    );
    expect(document.diagnostics[1].message).toContain('entry round has no argument x');
  });

  test('is not resumed when its session is over', async () => {
    await ran(...common('rounds.ts'), '--checkpoint', file('over.npz'));
    const again = await ran(...common('rounds.ts'), '--resume', file('over.npz'));
    expect(again.status).toBe(1);
    expect(again.document.diagnostics[0]).toMatchObject({
      code: 'BB782',
      message: 'nothing to resume: the session was over after 8 flows',
    });
  });

  test('is not resumed from states of another program, or from no checkpoint', async () => {
    await ran(...common('once.ts'), '--checkpoint', file('once.npz'));
    const other = await ran(...common('rounds.ts'), '--resume', file('once.npz'));
    expect([other.status, other.document.diagnostics[0].message]).toEqual([
      1,
      'the states do not fit this deployment: server has no state s',
    ]);
    writeFileSync(file('none.json'), '{ "x": [1, 2] }');
    const none = await ran(...common('once.ts'), '--resume', file('none.json'));
    expect(none.document.diagnostics[0]).toMatchObject({
      code: 'BB781',
      message: 'not a checkpoint: it has no int64 scalar step',
    });
  });

  test('keeps the last whole checkpoint where the next cannot be written', async () => {
    await ran(...common('once.ts'), '--checkpoint', file('kept.npz'));
    const before = readFileSync(file('kept.npz'));
    const failed = await ran(...common('once.ts'), '--checkpoint', file('no/such/folder.npz'));
    expect(failed.document.diagnostics[0].code).toBe('BB882');
    expect(readFileSync(file('kept.npz'))).toEqual(before);
  });
});

describe('what was trained, as plain ONNX,', () => {
  writeFileSync(
    file('trained.ts'),
    `import { constant, float32, gradient, input, module, on, output, peer, state } from 'bytesandbrains';
const client = peer('client');
const server = peer('server');
export default module('trained', () => {
  const x = input('x', float32, [3, 4], { at: client });
  const w = state('w', constant([[1, 2], [3, 4], [5, 6], [7, 8]]), { at: client });
  const v = state('v', constant([[1], [2]]), { at: server });
  const now = { w: w.read(), v: v.read() };
  const h = on(client, () => x.matmul(now.w).tanh());
  const y = on(server, () => h.matmul(now.v));
  output('y', y);
  const g = gradient(on(server, () => y.mul(y).reduceMean({ keepdims: false })), now);
  w.assign(now.w.sub(g.w.mul(0.1)));
  v.assign(now.v.sub(g.v.mul(0.1)));
});
`,
  );
  writeFileSync(
    file('split.json'),
    '{ "version": 1, "classes": { "client": { "backend": "cpu" }, "server": { "backend": "cpu" } } }',
  );
  const bbc = async (...args: readonly string[]): Promise<number> => (await builtBbc(args, folder)).status;
  const output = async (...args: readonly string[]) =>
    (await ran(...args, '--random', '5', '--backend', 'cpu')).document.outputs.y;

  test('is the same from the programs and from the module, and gives what the next flow would', async () => {
    expect(await bbc('compile', 'trained.ts', '--peers', 'split.json', '-o', 'dist')).toBe(0);
    const kept = await ran('dist', '--random', '4', '--flows', '5', '--checkpoint', 'state.npz');
    expect(kept.document).toMatchObject({ flows: 5 });
    expect(await bbc('export', 'dist', '--state', 'state.npz', '-o', 'a.onnx')).toBe(0);
    expect(await bbc('export', 'trained.ts', '--state', 'state.npz', '--outputs', 'y', '-o', 'b.onnx')).toBe(
      0,
    );
    writeFileSync(file('one.json'), '{ "version": 1, "classes": { "client": { "backend": "cpu" } } }');
    const next = await output('dist', '--resume', 'state.npz');
    expect(await output('a.onnx', '--peers', 'one.json')).toEqual(next);
    expect(await output('b.onnx', '--peers', 'one.json')).toEqual(next);
    expect(await output('dist')).not.toEqual(next);
  });
});
