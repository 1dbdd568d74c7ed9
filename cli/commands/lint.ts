// bbc lint: what is likely wrong with a computation and its plan, for editors and CI.

import type { Finding } from '../../compiler/index.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { command } from '../frame.ts';
import type { LintRequest } from '../lint/lint.ts';

interface Options {
  readonly peers?: string;
  readonly format: string;
  readonly json?: boolean;
  readonly maxWarnings?: string;
  readonly check: boolean;
  readonly rules?: boolean;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
}

const formats = ['pretty', 'json', 'sarif'] as const;

export const lintCommand = command<Options>({
  usage: 'lint [source]',
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
      .option('--fix', 'mend in the source what can be mended, and show what is left')
      .option('--dry-run', 'with --fix: print the changes as a diff and make none')
      .option('--rules', 'list the rules instead')
      .option('--json', 'same as --format json'),
  examples: [
    'bbc lint model.ts --peers topology.json',
    'bbc lint model.onnx --peers topology.json --max-warnings 0',
    'bbc lint model.ts --peers topology.json --format sarif > lint.sarif',
    'bbc lint model.ts --peers topology.json --fix --dry-run',
    'bbc lint --rules',
  ],
  async run(cx, [source], options) {
    if (options.rules === true) return listRules(cx);
    if (source === undefined) throw new UsageError('name a model.ts or a model.onnx, or ask for --rules');
    const format = options.json === true ? 'json' : options.format;
    if (!formats.some((one) => one === format))
      throw new UsageError(`--format is one of ${formats.join(', ')}, not '${format}'`);
    if (options.dryRun === true && (options.fix !== true || format !== 'pretty'))
      throw new UsageError('--dry-run goes with --fix, and prints a diff in place of any other format');
    const maxWarnings = parseCount(options.maxWarnings);
    const [
      { lintSource },
      { withExcerpts },
      { prettyFindings },
      { findingsDocument },
      { sarifLog },
      { rules },
    ] = await Promise.all([
      import('../lint/lint.ts'),
      import('../lint/excerpts.ts'),
      import('../lint/pretty.ts'),
      import('../lint/json.ts'),
      import('../lint/sarif.ts'),
      import('../lint/rules.ts'),
    ]);
    const [{ isClean }, { packageVersion }] = await Promise.all([
      import('../../compiler/index.ts'),
      import('../load/package.ts'),
    ]);
    cx.progress(`linting ${source}`);
    const request = { source, peers: options.peers, check: options.check };
    const dry = options.dryRun === true;
    const findings =
      options.fix === true && !dry
        ? await fixed(cx, request, format === 'pretty')
        : await lintSource(request);
    if (dry) cx.print((await import('../lint/fix/fix.ts')).diffOfFixes(findings));
    else if (format === 'pretty') cx.print(prettyFindings(withExcerpts(findings), cx.colours));
    else if (format === 'sarif') write(cx, sarifLog(findings, rules, packageVersion()));
    else write(cx, findingsDocument(findings, maxWarnings));
    if (!isClean(findings, maxWarnings)) cx.fail();
  },
});

/** Mends, tells people in which files, and gives what is left. */
async function fixed(cx: CommandContext, request: LintRequest, say: boolean): Promise<readonly Finding[]> {
  const { fixSource } = await import('../lint/fix/fix.ts');
  const { findings, edits } = await fixSource(request);
  if (say) for (const [file, count] of edits) cx.print(`${file}: ${count} changed`);
  return findings;
}

async function listRules(cx: CommandContext): Promise<void> {
  const { rules } = await import('../lint/rules.ts');
  cx.result(rules.map(({ id, level, summary, rationale }) => ({ id, level, summary, rationale })));
  cx.printTable(
    ['rule', 'level', 'finds'],
    rules.map(({ id, level, summary }) => [id, level, summary]),
  );
}

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
