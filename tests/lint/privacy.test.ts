// What the linter says of noised values: those of the host's noise may leave, nothing else.

import { expect, test } from 'vitest';
import { type Finding, lint } from '../../compiler/index.ts';
import { recordText, topologyFrom } from '../support/lint-examples.ts';

const topology = topologyFrom('{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }');
const findings = async (...lines: readonly string[]): Promise<readonly Finding[]> => {
  const text = [
    "import { cohort, collect, constant, float32, input, module, on, output, peer, secret, uint32 } from 'bytesandbrains';",
    "import { clipUpdate, hostNoise, noisedMean, privateGradient, secureSum, seededNoise } from 'bytesandbrains/privacy';",
    "import { key, normal } from 'bytesandbrains/random';",
    "const phones = cohort('phone'); const server = peer('server');",
    "export default module('m', () => {",
    "const x = input('x', float32, ['N', 2], { at: phones.each, private: true });",
    'const w = constant([1, 2]);',
    'const made = (options: object) => on(phones.each, () => privateGradient({ w }, { x }, ({ w }, one) => one.x.mul(w).reduceMean({ keepdims: false }), { clip: 1, noiseMultiplier: 1, expected: 8, noise: hostNoise(), ...options } as never).w);',
    "const sent = (value: any) => output('y', collect(value, { at: server, within: '5s' }).values.mul(1));",
    ...lines,
    '});',
  ].join('\n');
  return lint(await recordText(text), { topology }).filter(({ rule }) =>
    ['private-value-leaves-class', 'secret-from-graph'].includes(rule),
  );
};
const rules = async (...lines: readonly string[]): Promise<string[]> =>
  (await findings(...lines)).map(({ rule, message }) => `${rule}: ${message}`);

test('a gradient with noise of the host may leave', async () => {
  expect(await rules('sent(made({}));')).toEqual([]);
});

test('one that is only clipped may not, nor one with noise that everybody can draw', async () => {
  const leak = /^private-value-leaves-class: .* private input x and goes from class phone to server$/;
  for (const options of ['{ noiseMultiplier: 0 }', '{ noise: seededNoise(key(7)) }'])
    expect(await rules(`sent(made(${options}));`), options).toEqual([expect.stringMatching(leak)]);
});

test('that such noise is declassified all the same is told', async () => {
  const [one, ...rest] = await rules(
    "sent(made({ noise: seededNoise(key(7)) }).declassify('an experiment'));",
  );
  expect(rest).toEqual([]);
  expect(one).toMatch(/^secret-from-graph: what is declassified here depends on draws from a key/);
});

test('a clipped update may not leave by itself, and what the server makes of all with noise may', async () => {
  const update =
    'const update = on(phones.each, () => clipUpdate({ u: x.reduceSum({ axes: [0], keepdims: false }).as(float32, [2]) }, 1));';
  const release = (sent: string): string[] => [
    update,
    `const { u } = collect(${sent}, { at: server, within: '5s' });`,
    'const mean = on(server, () => noisedMean({ clip: 1, noiseMultiplier: 1, expected: 3, noise: hostNoise({ at: server }) })({ u }));',
    "output('back', on(phones.each, () => mean.u.mul(2)));",
  ];
  expect(await rules(...release('update'))).toEqual([
    expect.stringMatching(
      /^private-value-leaves-class: .* private input x and goes from class phone to server$/,
    ),
  ]);
  const trusting = "{ u: update.u.declassify('clipped, for a server that is trusted to add the noise') }";
  expect(await rules(...release(trusting))).toEqual([]);
});

test('what is masked may leave, and no other value that was to be: neither itself nor what it is in fixed point', async () => {
  const update =
    'const u = on(phones.each, () => x.reduceSum({ axes: [0], keepdims: false }).as(float32, [2]));';
  const masked =
    'const { sum } = secureSum({ u }, { members: phones, at: server, threshold: 2, seconds: 5, most: 1, count: 3 });';
  expect(await rules(update, masked, "output('sum', sum.u);")).toEqual([]);
  const leak = /^private-value-leaves-class: .* private input x and goes from class phone to server$/;
  for (const bare of ['u', 'u.clip({ min: -1, max: 1 } as never)'])
    expect(await rules(update, masked, "output('sum', sum.u);", `sent(${bare});`), bare).toEqual([
      expect.stringMatching(leak),
    ]);
});

test('keys of masks do not leave, nor is a mask of everybody’s a mask', async () => {
  const own = 'const own = secret(uint32, [2], { at: phones.each });';
  expect(await rules(own, 'sent(own.bitwiseNot());')).toEqual([
    expect.stringMatching(/private input own and goes from class phone to server$/),
  ]);
  const masked =
    'on(phones.each, () => x.reduceSum({ axes: [0], keepdims: false }).as(float32, [2]).add(normal(key(7), [2])))';
  expect(await rules(`sent(${masked});`)).toEqual([
    expect.stringMatching(/goes from class phone to server$/),
  ]);
});
