// bbc simplify: the same computation with fewer ops.

import { UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly output: string;
  readonly tolerance: string;
  readonly maxConstant: string;
  readonly maxGrowth: string;
  readonly verify?: boolean;
  readonly backend: string;
  readonly inputs?: readonly string[];
  readonly random: string;
  readonly dim?: readonly string[];
  readonly check: boolean;
}

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

export const simplify = command<Options>({
  usage: 'simplify <source>',
  summary: 'write the same computation with fewer ops',
  options: (c) =>
    c
      .requiredOption('-o, --output <file>', 'the .onnx or .onnxtxt file to write')
      .option('--max-constant <bytes>', 'largest constant that folding reads or makes', '16777216')
      .option('--max-growth <bytes>', 'by how much folded constants may make the model larger', '1048576')
      .option('--verify', 'run both models and compare; nothing is written if they differ')
      .option('--backend <name>', 'what --verify runs them on: ort (ONNX Runtime) or cpu', 'ort')
      .option(
        '--tolerance <relative>',
        'by how much results may move: from 1e-6 on all constant ops are folded, from 1e-5 on also into what backends pack',
        '0',
      )
      .option(
        '-i, --inputs <[name=]file>',
        'tensors to verify with: .npz, .npy, .json or .pb; repeatable',
        collect,
      )
      .option('--random <seed>', 'make up the inputs that are not given from this seed', '1')
      .option(
        '--dim <name=size>',
        'size of a dimension of made-up inputs, named or as INPUT.AXIS (default 1); repeatable',
        collect,
      )
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print one JSON document: { before, after, rewrites, verified }'),
  examples: [
    'bbc simplify model.onnx -o simple.onnx',
    'bbc simplify model.onnx -o simple.onnx --verify --dim N=4',
    'bbc simplify model.onnx -o simple.onnx --max-growth 0 --json',
  ],
  async run(cx, [source], options) {
    const [
      { loadSource },
      { diagnostic },
      { simplifyModel },
      { checkLoaded, countRows, countsDocument, verifySimplified },
      { writeModel },
      { cpuEvaluator },
      { countOf },
    ] = await Promise.all([
      import('../load.ts'),
      import('../../ir/index.ts'),
      import('../../compiler/index.ts'),
      import('../simplify.ts'),
      import('../write-model.ts'),
      import('../../stdlib/backends/cpu/index.ts'),
      import('../run/options.ts'),
    ]);
    const limits = {
      maxConstantBytes: countOf('--max-constant', options.maxConstant, 0),
      maxGrowthBytes: countOf('--max-growth', options.maxGrowth, 0),
    };
    if (options.backend !== 'ort' && options.backend !== 'cpu')
      throw new UsageError(`--backend is ort or cpu, not '${options.backend}'`);
    const tolerance = Number(options.tolerance);
    if (!(tolerance >= 0)) throw new UsageError(`--tolerance is a number from 0, not '${options.tolerance}'`);
    const loaded = await loadSource(source!, { check: options.check });
    cx.require(loaded.diagnostics);
    const { model, diagnostics } = checkLoaded(loaded.model!);
    cx.require(diagnostics);
    cx.progress('simplifying');
    const simplified = simplifyModel(model, { limits, tolerance, evaluate: cpuEvaluator() });
    const verified = options.verify
      ? await verifySimplified(source!, model, simplified.model, options)
      : undefined;
    cx.result({
      before: countsDocument(model),
      after: countsDocument(simplified.model),
      rewrites: Object.fromEntries(simplified.applied),
      verified: verified ?? null,
    });
    cx.printTable(
      ['operator', { title: 'before', align: 'right' }, { title: 'after', align: 'right' }],
      countRows(model, simplified.model),
    );
    if (verified !== undefined) {
      const { maxAbsDiff, maxAbs, bitEqual } = verified;
      if (maxAbsDiff === null || maxAbsDiff > tolerance * Math.max(1, maxAbs)) {
        const difference = maxAbsDiff === null ? 'in type or shape' : `by ${maxAbsDiff}`;
        cx.require([diagnostic('BB836', { difference, tolerance })]);
      }
      cx.print(
        bitEqual
          ? 'verified: bit-equal to the original'
          : `verified: differs by at most ${maxAbsDiff!.toExponential(1)}`,
      );
    }
    const { files, unwritten } = writeModel(simplified.model, source!, options.output);
    if (unwritten.length > 0)
      cx.report([diagnostic('BB109', { what: unwritten }, { at: { file: options.output } })]);
    cx.print(`wrote ${files.join(', ')}`);
  },
});
