// bbc inspect: what a model, a bundle or a deployment holds.

import { UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly top: string;
}

export const inspect = command<Options>({
  usage: 'inspect <source>',
  summary: 'show what a model, a bundle or a deployment holds',
  options: (c) =>
    c
      .option('--top <count>', 'how many of the largest weights to list', '10')
      .option('--json', 'print one JSON document'),
  examples: [
    'bbc inspect model.onnx',
    'bbc inspect model.ts --json',
    'bbc inspect dist',
    'bbc inspect dist/phone',
    'bbc inspect dist/plan.json',
    'bbc inspect model.onnx --top 50',
  ],
  async run(cx, [source], { top }) {
    if (!/^\d{1,6}$/.test(top)) throw new UsageError(`--top is a number of weights, not ${top}`);
    const { inspectSource } = await import('../inspect/inspect.ts');
    await inspectSource(cx, source!, Number(top));
  },
});
