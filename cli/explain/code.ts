// What a diagnostic's code, or a lint rule, means.

import type { Example, RuleFacts } from '../../compiler/index.ts';
import { nearestName } from '../../ir/excerpt.ts';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import type { CommandContext } from '../context.ts';
import { rules } from '../lint/rules.ts';
import { diagnosticCodes, type Explanation, explanationOf, isDiagnosticCode } from './explanation.ts';
import { showMarkdown } from './markdown.ts';

/** Throws DiagnosticError BB890. */
export function explainCode(cx: CommandContext, asked: string): void {
  const code = asked.toUpperCase();
  const rule = rules.find(({ id }) => id === asked.toLowerCase());
  if (isDiagnosticCode(code)) printExplanation(cx, explanationOf(code));
  else if (rule !== undefined) printRule(cx, rule);
  else {
    const codes = /^BB/.test(code) ? diagnosticCodes : rules.map(({ id }) => id);
    const nearest = nearestName(/^BB/.test(code) ? code : asked.toLowerCase(), codes);
    throw new DiagnosticError(diagnostic('BB890', { code: asked, nearest }));
  }
}

/** Every code and rule with one line. */
export function listCodes(cx: CommandContext): void {
  const codes = diagnosticCodes.map(explanationOf);
  cx.result({
    codes: codes.map(({ code, severity, title }) => ({ code, severity, title })),
    rules: rules.map(({ id, level, summary }) => ({ rule: id, level, summary })),
  });
  cx.printTable(
    ['code', 'severity', 'what'],
    codes.map(({ code, severity, title }) => [code, severity, title]),
  );
  cx.print();
  cx.printTable(
    ['lint rule', 'level', 'what'],
    rules.map(({ id, level, summary }) => [id, level, summary]),
  );
}

function printExplanation(cx: CommandContext, one: Explanation): void {
  const { colours } = cx;
  cx.result(one);
  const severity = (one.severity === 'error' ? colours.red : colours.yellow)(`${one.severity} ${one.code}`);
  printParts(cx, `${severity}: ${colours.bold(one.title)}`, [
    ['', one.why],
    ['Example', one.example],
    ['Fix', one.fix],
  ]);
}

function printRule(cx: CommandContext, { id, level, summary, rationale, examples }: RuleFacts): void {
  const { colours } = cx;
  const { bad, good } = examples;
  cx.result({ rule: id, level, summary, rationale, bad: shownExample(bad), good: shownExample(good) });
  printParts(cx, `${colours.yellow(`${level} ${id}`)}: ${colours.bold(summary)}`, [
    ['', rationale],
    ['Bad', exampleMarkdown(bad)],
    ['Good', exampleMarkdown(good)],
  ]);
}

function printParts(
  cx: CommandContext,
  head: string,
  parts: readonly (readonly [title: string, markdown: string])[],
): void {
  cx.print(head);
  for (const [title, markdown] of parts) {
    if (title !== '') cx.print(`\n${cx.colours.bold(title)}`);
    cx.print(`\n${showMarkdown(markdown, cx.colours)}`);
  }
}

const shownExample = ({ model, topology, tampered }: Example) => ({
  model,
  topology: topology ?? null,
  tampered: tampered?.how ?? null,
});

/** The files of a rule's example. */
export const exampleMarkdown = ({ model, topology, tampered }: Example): string =>
  [
    `\`\`\`ts model.ts\n${model.trim()}\n\`\`\``,
    ...(topology === undefined ? [] : [`\`\`\`json topology.json\n${topology.trim()}\n\`\`\``]),
    ...(tampered === undefined ? [] : [`${tampered.how}.`]),
  ].join('\n\n');
