// bbc lint: what is likely wrong with a computation and its plan, for editors and CI.

import { type CommandContext, UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly peers?: string;
  readonly format: string;
  readonly json?: boolean;
  readonly maxWarnings?: string;
  readonly check: boolean;
}

const formats = ['pretty', 'json', 'sarif'] as const;

export const lintCommand = command<Options>({
  usage: 'lint <source>',
  summary: 'find likely mistakes in a model and its plan',
  options: (c) =>
    c
      .option(
        '-p, --peers <topology.json>',
        'peers and links; without them only the recorded graph is looked at',
      )
      .option('--format <format>', 'pretty, json or sarif', 'pretty')
      .option('--max-warnings <count>', 'fail if there are more warnings than this')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'same as --format json'),
  examples: [
    'bbc lint model.ts --peers topology.json',
    'bbc lint model.onnx --peers topology.json --max-warnings 0',
    'bbc lint model.ts --peers topology.json --format sarif > lint.sarif',
  ],
  async run(cx, [source], options) {
    const format = options.json === true ? 'json' : options.format;
    if (!formats.some((one) => one === format))
      throw new UsageError(`--format is one of ${formats.join(', ')}, not '${format}'`);
    const maxWarnings = parseCount(options.maxWarnings);
    const [{ lintSource }, { withExcerpts }, { prettyFindings }, { findingsDocument }, { isClean }] =
      await Promise.all([
        import('../lint/lint.ts'),
        import('../lint/excerpts.ts'),
        import('../lint/pretty.ts'),
        import('../lint/json.ts'),
        import('../../compiler/index.ts'),
      ]);
    cx.progress(`linting ${source}`);
    const findings = await lintSource({
      source: source!,
      peers: options.peers,
      check: options.check,
      levels: {},
    });
    if (format === 'pretty') cx.print(prettyFindings(withExcerpts(findings), cx.colours));
    else write(cx, findingsDocument(findings, maxWarnings));
    if (!isClean(findings, maxWarnings)) cx.fail();
  },
});

/** One document on stdout; `--json` has the frame write it. */
function write(cx: CommandContext, document: object): void {
  if (cx.json) cx.result(document);
  else cx.print(JSON.stringify(document, null, 2));
}

function parseCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--max-warnings is a number, not '${text}'`);
  return Number(text);
}
