import { isOneOf, sourceRule } from './rule.ts';

const isFileRead = isOneOf([
  'node:fs.*',
  'node:fs/promises.*',
  'node:http.*',
  'node:https.*',
  'node:http2.*',
  'node:net.*',
  'fetch',
  'XMLHttpRequest',
]);

export const fileReadWhileRecording = sourceRule('file-read-while-recording', {
  level: 'warning',
  summary: 'the recorded graph depends on a file or on the network',
  rationale:
    'A file that the module reads by itself is no part of the source: it may be missing, or another one, where the module is compiled next, and its path depends on where the compiler was started. Tables can be imported, and models come through onnx(), whose paths are relative to the module and whose weights stay in their file until they are needed.',
  matches: (use) => isFileRead(use.origin),
  message: (origin) => `${origin} makes the graph depend on what is outside of the source`,
  hint: "import the table (import table from './table.json'), or load a model with onnx('./file.onnx')",
  examples: {
    bad: {
      model: `
import * as fs from 'node:fs';
import { constant, float32, input, module, output } from 'bytesandbrains';
const read = (file: string): number[] => JSON.parse(fs.readFileSync(file, 'utf8'));
export default module('table', () => {
  const x = input('x', float32, [2]);
  output('y', x.mul(constant(read('table.json'))));
});`,
    },
    good: {
      model: `
import * as fs from 'node:fs';
import { constant, float32, input, module, output } from 'bytesandbrains';
const table = [0.5, 0.25];
// For scripts that use this file as a library.
export const save = (file: string): void => fs.writeFileSync(file, JSON.stringify(table));
export default module('table', () => {
  const x = input('x', float32, [2]);
  output('y', x.mul(constant(table)));
});`,
    },
  },
});
