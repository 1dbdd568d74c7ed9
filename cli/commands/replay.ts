// bbc replay: a recorded simulation once more.

import { command } from '../frame.ts';
import type { ReplayOptions } from '../sim/replay.ts';

export const replayCommand = command<ReplayOptions>({
  usage: 'replay <record>',
  summary: 'run a recorded simulation again, and name the first event that differs',
  options: (c) =>
    c
      .option('--until <event>', 'stop after so many events, and show what peers hold and wait for')
      .option('--source <file>', 'the model or compiled folder, where it is no more as the record names it')
      .option('-p, --peers <topology.json>', 'its topology, likewise')
      .option('--topology <topology.json>', 'the topology beside a compiled folder, likewise')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print results as one JSON document'),
  examples: ['bbc replay run.bbsim', 'bbc replay run.bbsim --until 120', 'bbc replay run.bbsim --json'],
  async run(cx, [record], options) {
    const { replay } = await import('../sim/replay.ts');
    await replay(cx, record!, options);
  },
});
