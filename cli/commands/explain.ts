// bbc explain: what a diagnostic or a lint rule means, or why a plan is as it is.

import { existsSync } from 'node:fs';
import { command } from '../frame.ts';

export interface ExplainOptions {
  readonly op?: string;
  readonly edge?: string;
}

export const explain = command<ExplainOptions>({
  usage: 'explain [code|plan]',
  summary: 'say what a diagnostic means, or why a plan is as it is',
  options: (c) =>
    c
      .option('--op <name>', 'of a plan: only the ops of this name, * for any characters')
      .option('--edge <id>', 'of a plan: only this edge')
      .option('--json', 'print one JSON document'),
  examples: [
    'bbc explain',
    'bbc explain BB411',
    'bbc explain unused-parameter',
    'bbc explain dist',
    'bbc explain dist/plan.json --op conv_9 --json',
  ],
  async run(cx, [what], options) {
    if (what === undefined || isCode(what)) {
      const { explainCode, listCodes } = await import('../explain/code.ts');
      if (what === undefined) listCodes(cx);
      else explainCode(cx, what);
    } else {
      const { explainPlan } = await import('../explain/plan.ts');
      await explainPlan(cx, what, options);
    }
  },
});

/** BB411 or a lint rule's id, unless that is what a file or folder is called. */
const isCode = (what: string): boolean =>
  /^BB\d+$/i.test(what) || (/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/.test(what) && !existsSync(what));
