// Gradients of operators, control flow and second order against PyTorch's.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { onCpu, onOnnxRuntime } from '../support/converted.ts';
import { gradientCase } from '../support/gradients.ts';

interface Line {
  readonly case: string;
  readonly meta: object;
  readonly files: Readonly<Record<string, string>>;
}
const lines = readFileSync('tests/fixtures/gradients/cases.jsonl', 'utf8').trimEnd().split('\n');

it.each([
  ['the CPU backend', onCpu],
  ['ONNX Runtime', onOnnxRuntime],
])('are those of PyTorch, on %s', async (_, engine) => {
  expect(lines.length).toBeGreaterThan(150);
  const wrong: string[] = [];
  for (const { case: name, meta, files } of lines.map((line) => JSON.parse(line) as Line)) {
    const problem = await gradientCase((file) => {
      if (file === 'meta.json') return Buffer.from(JSON.stringify(meta));
      const text = files[file];
      return text === undefined ? undefined : Buffer.from(text, 'base64');
    }, engine);
    if (problem !== '') wrong.push(`${name}: ${problem}`);
  }
  expect(wrong).toEqual([]);
});
