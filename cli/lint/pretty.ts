// Findings for people: place, level and rule, the line with a caret, the way there, what to try; then a sum.

import type { Finding } from '../../compiler/index.ts';
import { formatPosition } from '../../ir/index.ts';
import { type Paint, POINTER } from '../output.ts';

export function prettyFindings(findings: readonly Finding[], colours: Paint): string {
  const shown = findings.filter((one) => one.suppressed === undefined);
  const last = shown.findLast(({ level }) => level === 'error') ?? shown.at(-1);
  const pointer = last === undefined ? '' : `${colours.dim(`${POINTER}bbc explain ${last.rule}`)}\n`;
  return [...shown.map((one) => `${prettyFinding(one, colours)}\n`), summary(findings)].join('\n') + pointer;
}

function prettyFinding(one: Finding, colours: Paint): string {
  const place = formatPosition(one.at);
  const paint = { error: colours.red, warning: colours.yellow, info: colours.cyan }[one.level];
  const lines = [
    `${place === '' ? '' : `${colours.bold(place)}: `}${paint(one.level)} ${colours.bold(one.rule)}: ${one.message}`,
  ];
  for (const line of one.excerpt?.split('\n') ?? []) {
    lines.push(`    ${/^\s*\^+\s*$/.test(line) ? paint(line) : line}`);
  }
  for (const { message, at } of one.related ?? []) {
    lines.push(`  ${at === undefined ? '' : `${colours.bold(formatPosition(at))}: `}${message}`);
  }
  lines.push(`  ${colours.cyan('try')}: ${one.hint}`);
  return lines.join('\n');
}

/** `2 errors, 1 warning (1 suppressed)`, or that there is nothing. */
function summary(findings: readonly Finding[]): string {
  const active = findings.filter((one) => one.suppressed === undefined);
  const parts = (['error', 'warning', 'info'] as const)
    .map((level) => ({ level, count: active.filter((one) => one.level === level).length }))
    .filter(({ count }) => count > 0)
    .map(({ level, count }) => `${count} ${level}${count === 1 || level === 'info' ? '' : 's'}`);
  const suppressed = findings.length - active.length;
  const rest = suppressed === 0 ? '' : ` (${suppressed} suppressed)`;
  return `${parts.length === 0 ? 'nothing found' : parts.join(', ')}${rest}\n`;
}
