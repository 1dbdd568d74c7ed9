// What there is to say about a diagnostic beyond its message. Each code has a page in codes/:
//
//   # BB101: title
//   why the rule is there
//   ## Example
//   files and commands that give the diagnostic, with what they print
//   ## Fix
//   what to do, and the files as they should be
//
// A test runs every example, and its fix.

import { readFileSync } from 'node:fs';
import { type DiagnosticCode, messages } from '../../ir/messages.ts';

export interface Explanation {
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  /** Markdown, as are example and fix. */
  readonly why: string;
  readonly example: string;
  readonly fix: string;
}

export const isDiagnosticCode = (text: string): text is DiagnosticCode => Object.hasOwn(messages, text);

export const diagnosticCodes = Object.keys(messages).sort() as DiagnosticCode[];

export function explanationOf(code: DiagnosticCode): Explanation {
  const text = readFileSync(new URL(`./codes/${code}.md`, import.meta.url), 'utf8');
  const [, title, why, example, fix] = page.exec(text.replace(/^<!--.*-->\n/gm, ''))!;
  return {
    code,
    severity: messages[code].severity,
    title: title!,
    why: why!.trim(),
    example: example!.trim(),
    fix: fix!.trim(),
  };
}

const page = /^# BB\d{3}: (.*)\n([\s\S]*)\n## Example\n([\s\S]*)\n## Fix\n([\s\S]*)$/;
