// Codecs as the command line shows them: in a plan's tables, and refused before anything runs.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compileCommand } from '../../cli/commands/compile.ts';
import { explain } from '../../cli/commands/explain.ts';
import { bbcOf } from '../support/bbc.ts';

const bbc = bbcOf(compileCommand, explain);
const scratch = mkdtempSync(path.join(tmpdir(), 'plans-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const model = path.join(scratch, 'model.ts');
writeFileSync(
  model,
  `import { cohort, collect, float32, input, module, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
export default module('m', () => {
  const x = input('x', float32, [100], { at: phones.each });
  output('y', collect(x, { at: peer('server') }).values);
});
`,
);

async function compiledWith(codec: string | undefined) {
  const peers = path.join(scratch, 'topology.json');
  const link = { between: ['phone', 'server'], latency: '1ms', ...(codec !== undefined && { codec }) };
  writeFileSync(
    peers,
    JSON.stringify({ version: 1, classes: { server: {}, phone: { count: 2 } }, links: [link] }),
  );
  const out = path.join(scratch, 'dist');
  return { out, printed: await bbc('compile', model, '--peers', peers, '--no-check', '-o', out) };
}
const line = (text: string, start: RegExp): string => text.split('\n').find((one) => start.test(one)) ?? '';

test('a plan with codecs names them, in its table and in why it is so; one without has no such column', async () => {
  const { out, printed } = await compiledWith('top-k share=0.1');
  expect(printed).toMatchObject({ status: 0, err: '' });
  expect(line(printed.out, /^edge +from/)).toMatch(/ type +codec +bytes /);
  expect(line(printed.out, /^ +0 /)).toMatch(/ float32\[100\] +top-k share=0\.1 +47 B /);
  const why = await bbc('explain', out);
  expect(why).toMatchObject({ status: 0, err: '' });
  expect(line(why.out, /^edge .*deadline from/)).toMatch(/ value +codec +bytes /);
  expect(why.out).toContain('top-k share=0.1');
  const raw = await compiledWith(undefined);
  expect(raw.printed.out).not.toContain('codec');
  expect((await bbc('explain', raw.out)).out).not.toContain('codec');
});

test.each([
  ['top-k shar=0.1', 'error BB850: component "codec top-k shar=0.1": top-k has no setting shar'],
  ['int8 block=0', 'error BB850: component "codec int8 block=0": block is 0, not a whole number from 1'],
  ['top-k share', 'error BB403: "codec" of a link should be a kind of codec'],
])('%s is refused when compiling', async (codec, message) => {
  const { printed } = await compiledWith(codec);
  expect(printed.status).toBe(1);
  expect(printed.err).toContain(message);
});

test('a kind that the project has not is whose peers have it', async () => {
  const { printed } = await compiledWith('mine size=3');
  expect(printed).toMatchObject({ status: 0, err: '' });
  expect(line(printed.out, /^ +0 /)).toMatch(/ mine size=3 +– /);
});
