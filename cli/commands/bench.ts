// bbc bench: what is compared with each other, on the same data and links.

import type { BenchOptions } from '../bench/bench.ts';
import { command } from '../frame.ts';

export const bench = command<BenchOptions>({
  usage: 'bench <subject>',
  summary: 'compare strategies, each in several codecs: accuracy, rounds, bytes, simulated time, privacy',
  options: (c) =>
    c
      .option('--model <name>', 'what is learnt: digits', 'digits')
      .option(
        '-p, --peers <topology.json>',
        'who learns, and over which links (default: 100 phones, 10 edges, a server)',
      )
      .option('--strategies <names>', 'some of them, with commas between (default: all)')
      .option('--codecs <names>', 'some of none, float16, int8, topk (default: all)')
      .option('--rounds <n>', 'how often each member learns and tells', '12')
      .option('--target <accuracy>', 'tell rounds, bytes and time of when it is reached, such as 0.8')
      .option(
        '--alpha <n>',
        'how evenly kinds are spread over members: the less, the more they differ',
        '0.5',
      )
      .option('--seed <n>', 'what all chance is drawn from', '1')
      .option('--backend <name>', 'ort (ONNX Runtime) or cpu', 'ort')
      .option('-o, --output <file.html>', 'plot it: one page that needs no network')
      .option('--json', 'print results, all points and links as one JSON document'),
  examples: [
    'bbc bench strategies --model digits --peers topology.json',
    'bbc bench strategies --strategies fedAvg,gossip --codecs none,int8',
    'bbc bench strategies --codecs none --target 0.8 --output strategies.html',
  ],
  async run(cx, [subject], options) {
    const { benchSubject } = await import('../bench/bench.ts');
    await benchSubject(cx, subject!, options);
  },
});
