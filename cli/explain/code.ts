// What a diagnostic's code means.

import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import { type DiagnosticCode, messages } from '../../ir/messages.ts';
import type { CommandContext } from '../context.ts';

export function explainCode(cx: CommandContext, asked: string): void {
  const code = asked.toUpperCase();
  if (!Object.hasOwn(messages, code)) throw new DiagnosticError(diagnostic('BB890', { code: asked }));
  const { severity, text } = messages[code as DiagnosticCode];
  const [message, hint] = (text as (args: unknown) => readonly [string, string])(placeholders);
  cx.result({ code, severity, message, hint });
  cx.print(`${severity} ${code}: ${message}`);
  cx.print(`  try: ${hint}`);
}

/** Stands for every argument of a message: shows as `{name}`, also where a list is expected. */
const placeholders: unknown = new Proxy(
  {},
  {
    get: (_, name) => {
      const shown = `{${String(name)}}`;
      return Object.assign(new String(shown), { join: () => shown });
    },
  },
);
