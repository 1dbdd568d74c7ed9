// Runs the built package: `npm test` builds first. What authors get wrong about training is told with a code, the author's line
// and what to try. NaN, a quorum and broken data have tests of their own: not-finite, quorum, data-files.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { builtBbc } from '../support/built-bbc.ts';
import { projectRoot } from '../support/root.ts';

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'bad-training-')));
mkdirSync(path.join(folder, 'node_modules'));
symlinkSync(projectRoot, path.join(folder, 'node_modules/bytesandbrains'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(path.join(folder, 'topology.json'), '{ "version": 1, "classes": { "server": {} } }');

/** The eighth line is the one with the mistake. */
const model = (mistake: string): string => `import * as bb from 'bytesandbrains';
const { constant, entry, float32, gradient, input, int64, module, next, output, peer, state } = bb;
const server = peer('server');
export default module('m', () => {
  const x = input('x', float32, [1, 1, 4, 4], { at: server });
  entry('step', server, () => {
    const w = state('w', constant([[[[1]]]]), { at: server }).read(); const n = state('n', constant([1n]), { at: server }).read();
    ${mistake}
    next('step');
  });
});
`;

test.each([
  [
    'a loss that is no scalar',
    "output('g', gradient(x.mul(w), w));",
    /^model\.ts:8:\d+: error BB284: .*try: reduce it/s,
  ],
  [
    'a parameter that does not reach the loss',
    "output('g', gradient(x.reduceSum({ keepdims: 0 }), w));",
    /^model\.ts:8:\d+: error BB286: "w" does not reach the loss.*try: leave it out/s,
  ],
  [
    'a parameter of whole numbers',
    "output('g', gradient(x.mul(n.cast({ to: float32 })).reduceSum({ keepdims: 0 }), n));",
    /^model\.ts:8:\d+: error BB283: .*"n" is no tensor of floating-point numbers.*try: leave it out/s,
  ],
  [
    'an op that cannot be differentiated',
    "output('g', gradient(x.resize({ scales: w.reshape([1]).expand([4n]) }).reduceSum({ keepdims: 0 }), w));",
    /^model\.ts:8:\d+: error BB281: Resize cannot be differentiated: a gradient of its scales .*through .*try: compute it in other operators/s,
  ],
])('%s', async (_, mistake, expected) => {
  writeFileSync(path.join(folder, 'model.ts'), model(mistake));
  const args = ['compile', 'model.ts', '--peers', 'topology.json', '-o', 'out', '--no-check'];
  const { status, chunks } = await builtBbc(args, folder);
  const said = chunks.flatMap(({ stream, text }) => (stream === 'err' ? [text] : [])).join('');
  expect(said).toMatch(expected);
  expect(status).toBe(1);
});
