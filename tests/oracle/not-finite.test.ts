// Runs the built package: `npm test` builds first. A loss that is NaN or infinite, whatever its element type, backend and place: its session ends before anything of its round
// is kept, and peer and first op are told.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  constant,
  entry,
  float16,
  float32,
  float64,
  gradient,
  module,
  next,
  on,
  output,
  peer,
  scan,
  state,
} from '../../dsl/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { builtBbc } from '../support/built-bbc.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, plain } from '../support/deploy.ts';
import { projectRoot } from '../support/root.ts';

const backends = { cpu: cpuBackend(), onnxruntime: onnxRuntimeBackend({ workers: 0 }) };
afterAll(() => Promise.all(Object.values(backends).map((one) => one.close())));
const server = peer('server');
const client = peer('client');

/** Runs to the end; gives its last flow, and what the peers then hold. */
async function last(
  source: Parameters<typeof deploy>[0],
  topology: readonly string[],
  backend: Parameters<typeof deploy>[2],
) {
  const deployment = await deploy(source, topologyOf(...topology), backend);
  const each: FlowResult[] = [];
  const result = await deployment.invoke({}, { onFlow: (one) => each.push(one), flows: 6 });
  const states = await deployment.state();
  await deployment.close();
  return { result, states, flows: each.length };
}
const sizes = { float16, float32, float64 } as const;

describe.each(Object.entries(backends))('on %s', (_, backend) => {
  test.each(Object.entries(sizes))('of %s: NaN, and infinity', async (_, dtype) => {
    for (const op of ['Log', 'Sqrt']) {
      const source = module('m', () => {
        entry('step', server, () => {
          // 2, 1, 0, -1: the logarithm is infinite in round 2, the root no number in round 3.
          const w = state('w', constant(2), { at: server });
          const before = w.read();
          const x = before.cast({ to: dtype });
          output('loss', op === 'Log' ? x.log().neg() : x.sqrt().add(x));
          w.assign(before.sub(1));
          next('step');
        });
      });
      const { result, states } = await last(source, ['server'], backend);
      expect(result.notFinite).toMatchObject({ kind: 'not-finite', peer: 'server', value: 'loss' });
      expect(result.notFinite!.op).toMatch(new RegExp(`^${op} \\(`));
      const step = op === 'Log' ? 2 : 3;
      expect(result.step).toBe(step);
      // What this round would have assigned was not.
      expect(plain(states.server!.w)).toEqual([2 - step]);
    }
  });

  test('in local steps: the loop is named, and the loss that leaves it', async () => {
    const source = module('m', () => {
      entry('round', server, () => {
        const w = state('w', constant(1), { at: server });
        const batches = constant([1, 2, 3, 4]);
        const { w: end, loss } = scan({ w: w.read() }, { x: batches }, ({ w: now }, { x }) => {
          const here = now.mul(x).exp();
          return { w: now.add(gradient(here, now)), loss: here };
        });
        w.assign(end);
        output('loss', loss.reduceMean({ keepdims: false }));
        next('round');
      });
    });
    const { result, states, flows } = await last(source, ['server'], backend);
    expect(flows).toBe(1);
    expect(result.notFinite).toMatchObject({ peer: 'server', value: 'loss' });
    expect(result.notFinite!.op).toMatch(/^Scan \(/);
    expect(states.server!.w).toBeUndefined();
  });

  test('that came from another peer than where it is noticed: the first op there is named', async () => {
    const source = module('m', () => {
      entry('round', server, () => {
        const w = state('w', constant(1), { at: client });
        const h = on(client, () => {
          const now = w.read();
          w.assign(now.sub(1));
          // Of a vector, which is not a loss: nobody looks at it there.
          return constant([1, 2]).mul(now).log();
        });
        const loss = on(server, () => h.mul(2).reduceSum({ keepdims: false }));
        const total = state('total', constant(0), { at: server });
        total.assign(total.read().add(loss));
        output('loss', loss);
        next('round');
      });
    });
    const { result, states } = await last(source, ['server', 'client'], backend);
    expect(result.step).toBe(1);
    expect(result.notFinite).toMatchObject({ peer: 'server', value: 'loss', input: 'log' });
    expect(result.notFinite!.origin).toMatchObject({ peer: 'client', value: 'log' });
    expect(result.notFinite!.origin!.op).toMatch(/^Log \(/);
    // One round is kept, and no more.
    expect(plain(states.server!.total)[0]).toBeCloseTo(2 * Math.log(2), 5);
  });
});

test('is told with the line at the other peer by bbc run, in one process and in many', async () => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'not-finite-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(projectRoot, path.join(folder, 'node_modules/bytesandbrains'));
  writeFileSync(
    path.join(folder, 'topology.json'),
    '{ "version": 1, "classes": { "server": { "backend": "cpu" }, "client": { "backend": "cpu" } } }',
  );
  writeFileSync(
    path.join(folder, 'model.ts'),
    `import { constant, entry, module, next, on, output, peer, state } from 'bytesandbrains';
const server = peer('server');
const client = peer('client');
export default module('m', () => {
  entry('round', server, () => {
    const w = state('w', constant(1), { at: client });
    const h = on(client, () => constant([1, 2]).mul(w.update((before) => before.sub(1))).log());
    output('loss', on(server, () => h.mul(2).reduceSum({ keepdims: false })));
    next('round');
  });
});
`,
  );
  for (const where of [[], ['--processes']]) {
    const args = ['run', 'model.ts', '--peers', 'topology.json', '--no-check', ...where];
    const { status, chunks } = await builtBbc(args, folder);
    const said = chunks.flatMap(({ stream, text }) => (stream === 'err' ? [text] : [])).join('');
    expect(said).toMatch(
      /^model\.ts:7:\d+: error BB825: loss is NaN or infinite in round 0, at server: Log \(h\) at client gave the first such number.*\n {2}try: lower the learning rate/,
    );
    expect(status).toBe(1);
  }
});
