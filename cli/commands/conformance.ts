// bbc conformance: ONNX's backend test cases, whole or cut over nodes.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import { UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly backend: string;
  readonly split?: string;
  readonly opt: string;
  readonly filter?: string;
}

export const conformanceCommand = command<Options>({
  usage: 'conformance <folder>',
  summary: 'run ONNX backend test cases, whole or cut over peers',
  options: (c) =>
    c
      .option('--backend <name>', 'ort (ONNX Runtime) or cpu', 'ort')
      .option('--split <k>', 'cut the ops into K parts on K peers; `every`: after each op')
      .option('--opt <level>', 'ONNX Runtime’s graph optimizations: disabled, basic or all', 'disabled')
      .option('--filter <glob>', 'only cases whose path or name matches, such as `test_conv_*`')
      .option('--json', 'print the verdicts as one JSON document'),
  examples: [
    'bbc conformance onnx/conformance',
    'bbc conformance onnx/conformance --backend cpu',
    'bbc conformance onnx/conformance --split 3 --json',
    "bbc conformance onnx/conformance --split every --filter 'test_lstm_*'",
  ],
  async run(cx, [folder], options) {
    if (options.backend !== 'ort' && options.backend !== 'cpu')
      throw new UsageError(`--backend is ort or cpu, not '${options.backend}'`);
    const split = parseSplit(options.split);
    const [{ optimizationOf }, { filterCases, readIndex }, { runAll }, { cpu, onnxRuntime }] =
      await Promise.all([
        import('../run/options.ts'),
        import('../conformance/cases.ts'),
        import('../conformance/run-all.ts'),
        import('../conformance/whole.ts'),
      ]);
    const optimization = optimizationOf(options.opt);
    const cases = filterCases(readIndex(folder!), options.filter);
    const verdicts = await runAll(folder!, cases, {
      split,
      backend: options.backend === 'cpu' ? cpu() : onnxRuntime(optimization),
      onVerdict: (_, done) => cx.progress(`${done} of ${cases.length} cases`),
    });
    const count = (status: string): number => verdicts.filter((one) => one.status === status).length;
    const [passed, failed, unsupported] = [count('passed'), count('failed'), count('unsupported')];
    cx.result({ total: cases.length, passed, failed, unsupported, cases: verdicts });
    const shown = verdicts.filter(({ status }) => status !== 'passed');
    if (shown.length > 0) {
      cx.printTable(
        ['case', 'status', 'reason'],
        shown.map((one) => [one.case, one.status, one.reason.replace(/\s+/g, ' ')]),
      );
      cx.print();
    }
    cx.print(`${cases.length} cases: ${passed} passed, ${failed} failed, ${unsupported} unsupported`);
    if (failed > 0) cx.report([diagnostic('BB831', { failed, total: cases.length })]);
    if (cases.length === 0) throw new DiagnosticError(diagnostic('BB832', { filter: options.filter ?? '' }));
  },
});

function parseSplit(text: string | undefined): number | 'every' | undefined {
  if (text === undefined || text === 'every') return text;
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new UsageError(`--split is a number of peers or 'every', not '${text}'`);
  return Number(text);
}
