// bytesandbrains.json: text in, levels of lint rules or diagnostics out.

import fc from 'fast-check';
import { parseConfig, rules } from '../../../compiler/index.ts';
import { edit, edited } from '../edits.ts';
import { target } from '../harness.ts';
import { jsonPieces } from './topology.ts';

const ids = rules.map(({ id }) => id);
const level = fc.constantFrom<unknown>(
  'off',
  'warning',
  'error',
  'Error',
  '',
  0,
  null,
  [],
  {},
  { level: 'off' },
);
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ids) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', '', 'x'.repeat(10_000)) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) },
);
const valid = fc
  .dictionary(name, fc.oneof({ weight: 5, arbitrary: fc.constantFrom('off', 'warning', 'error') }, level), {
    maxKeys: 6,
  })
  .map((levels) => JSON.stringify({ lint: { rules: levels } }));
const texts = fc.oneof(
  { weight: 3, arbitrary: valid },
  {
    weight: 6,
    arbitrary: fc
      .record({ text: valid, edits: fc.array(edit(jsonPieces), { maxLength: 3 }) })
      .map(({ text, edits }) => edited(text, edits)),
  },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3000 }).map((depth) => '{"lint":'.repeat(depth)) },
);

function read(text: string): readonly string[] {
  const { config, diagnostics } = parseConfig(text, 'bytesandbrains.json', ids);
  if (config !== undefined) return ['accepted'];
  const [first] = diagnostics;
  if (first?.at?.line === undefined || first.hint === '') throw new Error('no place, or no hint');
  return [first.code];
}

export const configs = target({
  name: 'config',
  arbitrary: texts,
  run: read,
  bytes: (text) => Buffer.from(text),
});
