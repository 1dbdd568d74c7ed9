// bbc sim: the whole deployment under a virtual clock, with the links of its topology.

import { command } from '../frame.ts';
import type { SimOptions } from '../sim/simulate.ts';

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

export const sim = command<SimOptions>({
  usage: 'sim <source>',
  summary: 'simulate a model, or what was compiled from it, over its peers: virtual time, links, faults',
  options: (c) =>
    c
      .option('-p, --peers <topology.json>', 'peers, links and placement rules; not for a compiled folder')
      .option('--topology <topology.json>', 'of a compiled folder: links, speeds and data of its peers')
      .option('--seed <n>', 'what all chance is drawn from', '1')
      .option('-i, --inputs <[name=]file>', 'tensors in: .npz, .npy, .json or .pb; repeatable', collect)
      .option('--random <seed>', 'make up the inputs that are not given')
      .option(
        '--dim <name=size>',
        'size of a dimension of made-up inputs, named or as INPUT.AXIS (default 1); repeatable',
        collect,
      )
      .option('-o, --outputs <file>', 'tensors out, in the same formats')
      .option(
        '--flows <n>',
        'how often to run it (default: once); at most so many rounds, if it has an entry',
      )
      .option('--for <duration>', 'end after so much virtual time: for programs that run for ever')
      .option(
        '--compute <how>',
        'executed: segments are run; modelled: they give zeros, for runs in which values do not matter',
        'executed',
      )
      .option(
        '--network <how>',
        'adaptive: nodes send again what is not acknowledged; plain: frames leave once',
        'adaptive',
      )
      .option(
        '--backend <name>',
        'ort (ONNX Runtime) or cpu for every peer (default: what the topology says)',
      )
      .option(
        '--faults <file>',
        'a JSON file that says what goes wrong, or a preset: chaos, phones, stragglers, churn, partition',
      )
      .option('--explore', 'try every order in which frames and results may come, instead of one')
      .option('--calls <n>', 'with --explore: how often each entry is called, at once', '2')
      .option('--crashes <n>', 'with --explore: how often a peer may crash, at any point', '0')
      .option('--runs <n>', 'with --explore: how many orders to try at most', '10000')
      .option('--record <file>', 'write down all that happens, for `bbc replay`')
      .option('--compact', 'record digests of inputs and frames instead of their bytes')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print results as one JSON document'),
  examples: [
    'bbc sim model.onnx --peers topology.json --random 1',
    'bbc sim train.ts --peers topology.json --seed 7 --flows 20',
    'bbc sim gossip.ts --peers topology.json --for 60s',
    'bbc sim train.ts --peers topology.json --faults chaos --seed 7',
    'bbc sim train.ts --peers topology.json --record run.bbsim',
    'bbc sim counter.ts --peers topology.json --explore --calls 2 --crashes 1',
    'bbc sim dist --topology topology.json --compute modelled --json',
  ],
  async run(cx, [source], options) {
    const { simulate } = await import('../sim/simulate.ts');
    await simulate(cx, source!, options);
  },
});
