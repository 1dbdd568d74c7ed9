// Diagnostics: one shape for every problem we report, and the one table that holds their wording.

import { type DiagnosticCode, messages } from './messages.ts';

export type Severity = 'error' | 'warning';

/** A place in a file. Lines and columns count from 1; `offset` is in bytes, for binary files. */
export interface Position {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly offset?: number;
}

export interface Diagnostic {
  /** Stable: scripts and suppressions refer to it. */
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  /** What happened. */
  readonly message: string;
  /** What to try. */
  readonly hint: string;
  /** Name (or type, if unnamed) of the op concerned. */
  readonly op?: string;
  /** Name of the value concerned. */
  readonly value?: string;
  readonly at?: Position;
  /** Further places, such as the other end of a conflict, each with a word on what is there. */
  readonly related?: readonly { readonly message: string; readonly at?: Position }[];
  /** Lines of the source file with a caret below, for text files. */
  readonly excerpt?: string;
}

/** Where and about what; everything a diagnostic says beside its wording. */
export type DiagnosticContext = Pick<Diagnostic, 'op' | 'value' | 'at' | 'related' | 'excerpt'>;

type MessageArguments<Code extends DiagnosticCode> = Parameters<(typeof messages)[Code]['text']>[0];

interface Wording<Args> {
  readonly severity: Severity;
  readonly text: (args: Args) => readonly [what: string, hint: string];
}

/** Makes the diagnostic `code`, worded by the table in messages.ts from `args`. */
export function diagnostic<Code extends DiagnosticCode>(
  code: Code,
  args: MessageArguments<Code>,
  context: DiagnosticContext = {},
): Diagnostic {
  return worded(code, messages[code] as Wording<MessageArguments<Code>>, args, context);
}

/** The same of a message that its caller has, so that who needs few carries few. */
export function worded<Args>(
  code: DiagnosticCode,
  { severity, text }: Wording<Args>,
  args: Args,
  context: DiagnosticContext = {},
): Diagnostic {
  const [message, hint] = text(args);
  return { code, severity, message: clip(message), hint: clip(hint), ...clipped(context) };
}

/** Longest text of a diagnostic: names come from files and have no bound, and many diagnostics may repeat one. */
const MAX_CHARACTERS = 4000;
const clip = (text: string): string =>
  text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)} …`;

function clipped(context: DiagnosticContext): DiagnosticContext {
  const { op, value, related } = context;
  return {
    ...context,
    ...(op !== undefined && { op: clip(op) }),
    ...(value !== undefined && { value: clip(value) }),
    ...(related !== undefined && { related: related.map((one) => ({ ...one, message: clip(one.message) })) }),
  };
}

/** Thrown at boundaries whose caller wants an exception; carries every problem found, not only the first. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[] | Diagnostic) {
    const list = Array.isArray(diagnostics)
      ? (diagnostics as readonly Diagnostic[])
      : [diagnostics as Diagnostic];
    super(list.map(formatDiagnostic).join('\n'));
    this.name = 'DiagnosticError';
    this.diagnostics = list;
  }
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some((one) => one.severity === 'error');

/** `model.ts:3:7`, `model.onnx@1024`, or nothing. */
export function formatPosition(at: Position | undefined): string {
  if (at === undefined) return '';
  if (at.line !== undefined) return `${at.file}:${at.line}${at.column === undefined ? '' : `:${at.column}`}`;
  return at.offset === undefined ? at.file : `${at.file}@${at.offset}`;
}

/** Several lines for a terminal, without colours: place, severity, code, what happened, what to try. */
export function formatDiagnostic(one: Diagnostic): string {
  const place = formatPosition(one.at);
  const about = [one.op && `op ${one.op}`, one.value && `value ${one.value}`].filter(Boolean).join(', ');
  const lines = [
    `${place ? `${place}: ` : ''}${one.severity} ${one.code}: ${one.message}${about ? ` (${about})` : ''}`,
  ];
  if (one.excerpt) lines.push(...one.excerpt.split('\n').map((line) => `    ${line}`));
  for (const other of one.related ?? []) {
    lines.push(`  ${other.at ? `${formatPosition(other.at)}: ` : ''}${other.message}`);
  }
  lines.push(`  try: ${one.hint}`);
  return lines.join('\n');
}
