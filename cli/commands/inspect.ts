// bbc inspect: what a model, a bundle or a deployment holds.

import { command } from '../frame.ts';

export const inspect = command<object>({
  usage: 'inspect <source>',
  summary: 'show what a model, a bundle or a deployment holds',
  options: (c) => c.option('--json', 'print one JSON document'),
  examples: [
    'bbc inspect model.onnx',
    'bbc inspect model.ts --json',
    'bbc inspect dist',
    'bbc inspect dist/phone',
  ],
  async run(cx, [source]) {
    const { inspectSource } = await import('../inspect/inspect.ts');
    await inspectSource(cx, source!);
  },
});
