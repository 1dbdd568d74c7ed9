// bbc compile: from a model and a topology to bundles and a plan.

import { UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly peers: string;
  readonly output: string;
  readonly objective?: string;
  readonly printAfter?: string;
  readonly check: boolean;
}

export const compileCommand = command<Options>({
  usage: 'compile <source>',
  summary: 'compile a model for the peers of a topology',
  options: (c) =>
    c
      .requiredOption('-p, --peers <topology.json>', 'peers, links and placement rules')
      .option('-o, --output <folder>', 'where bundles and plan.json go', 'dist')
      .option('--objective <what>', 'latency, throughput, bytes or energy; instead of the topology’s')
      .option('--print-after <pass>', 'print the graph as text after this pass')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print the plan as one JSON document'),
  examples: [
    'bbc compile model.ts --peers topology.json',
    'bbc compile model.onnx --peers topology.json -o deployment --json',
    'bbc compile model.onnx --peers topology.json --print-after place',
  ],
  async run(cx, [source], options) {
    const [{ compileSource, objectives }, { passes, writeDeployment }, { writeFolder }, { printPlan }] =
      await Promise.all([
        import('../compile.ts'),
        import('../../compiler/index.ts'),
        import('../../runtime/host/node-sink.ts'),
        import('../plan.ts'),
      ]);
    const { objective, printAfter, output } = options;
    if (objective !== undefined && !objectives.some((one) => one === objective)) {
      throw new UsageError(`--objective is one of ${objectives.join(', ')}, not '${objective}'`);
    }
    const names = passes.map(({ name }) => name);
    if (printAfter !== undefined && !names.includes(printAfter)) {
      throw new UsageError(`--print-after takes a pass, one of ${names.join(', ')}, not '${printAfter}'`);
    }
    const compilation = await compileSource(cx, source!, {
      peers: options.peers,
      check: options.check,
      ...(objective === undefined ? {} : { objective: objective as (typeof objectives)[number] }),
      ...(printAfter === undefined ? {} : { printAfter }),
    });
    cx.progress(`writing ${output}`);
    const plan = writeFolder(output, (sink) => writeDeployment(compilation, sink));
    cx.result(plan);
    printPlan(cx, plan);
    cx.print(`wrote ${output}`);
  },
});
