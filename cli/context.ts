// What a command works with: it reports diagnostics, prints for people, and gives one document for `--json`.
// Text for people goes to stdout only without `--json`; diagnostics and progress always go to stderr.

import { type Diagnostic, DiagnosticError, hasErrors } from '../ir/diagnostic.ts';
import {
  type Cell,
  type Column,
  formatTable,
  jsonDiagnostic,
  type Paint,
  paint,
  pointer,
  prettyDiagnostic,
} from './output.ts';

/** The process as far as a command may touch it; tests give their own. */
export interface Io {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The command line asks for something that is not there, or contradicts itself: exit status 2. */
export class UsageError extends Error {}

export interface CommandContext {
  readonly json: boolean;
  /** Colours for stdout. */
  readonly colours: Paint;
  /** Shows problems at once; any error makes the exit status 1. */
  report(diagnostics: readonly Diagnostic[]): void;
  /** Reports, and ends the command if there was an error. */
  require(diagnostics: readonly Diagnostic[]): void;
  /** Makes the exit status 1; the command itself has shown what is wrong. */
  fail(): void;
  /** A line (or several) for people; nothing with `--json`. */
  print(text?: string): void;
  /** A line on what happens while it runs, for scripts that watch: on stdout, with `--json` on stderr. */
  note(text: string): void;
  printTable(columns: readonly (Column | string)[], rows: readonly (readonly Cell[])[]): void;
  /** More for the document that `--json` prints where there is no result. */
  detail(fields: Readonly<Record<string, unknown>>): void;
  /** The document that `--json` prints. Without one: `{ ok, diagnostics }`. */
  result(document: unknown): void;
  /** A signal cut the command short: its exit status says which. */
  interrupted(signal: 'SIGINT' | 'SIGTERM'): void;
  readonly env: Io['env'];
  /** Shows what long work is at, on a terminal only; without a text, clears it. */
  progress(text?: string): void;
}

/** A context with what the frame needs to end the command. */
export interface OpenContext extends CommandContext {
  readonly failed: boolean;
  /** The signal that cut the command short. */
  readonly signal: 'SIGINT' | 'SIGTERM' | undefined;
  readonly reported: readonly Diagnostic[];
  /** Writes the JSON document if there is to be one, or else where the last diagnostic is explained. */
  finish(): void;
}

const wantsColour = (stream: { isTTY?: boolean }, env: Io['env']): boolean =>
  stream.isTTY === true && (env.NO_COLOR ?? '') === '';

export function openContext(io: Io, json: boolean): OpenContext {
  const colours = paint(wantsColour(io.stdout, io.env));
  const errorColours = paint(wantsColour(io.stderr, io.env));
  const reported: Diagnostic[] = [];
  let document: { readonly value: unknown } | undefined;
  let details: Readonly<Record<string, unknown>> = {};
  let progressShown = false;
  let failed = false;
  let signal: OpenContext['signal'];

  const progress = (text?: string): void => {
    if (io.stderr.isTTY !== true || (text === undefined && !progressShown)) return;
    io.stderr.write(`\r\u001b[K${text ?? ''}`);
    progressShown = text !== undefined;
  };
  const print = (text = ''): void => {
    if (json) return;
    progress();
    io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  };
  const report = (diagnostics: readonly Diagnostic[]): void => {
    progress();
    for (const one of diagnostics) {
      reported.push(one);
      io.stderr.write(prettyDiagnostic(one, errorColours));
    }
  };

  return {
    json,
    colours,
    reported,
    env: io.env,
    get signal() {
      return signal;
    },
    interrupted: (by) => {
      signal = by;
    },
    get failed() {
      return failed || hasErrors(reported);
    },
    report,
    fail: () => {
      failed = true;
    },
    require(diagnostics) {
      if (hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
      report(diagnostics);
    },
    print,
    note(text) {
      progress();
      (json ? io.stderr : io.stdout).write(`${text}\n`);
    },
    printTable: (columns, rows) => print(formatTable(columns, rows, colours)),
    detail: (fields) => {
      details = { ...details, ...fields };
    },
    result: (value) => {
      document = { value };
    },
    progress,
    finish() {
      progress();
      if (!json) {
        io.stderr.write(pointer(reported, errorColours));
        return;
      }
      const value = document?.value ?? {
        ok: !hasErrors(reported),
        diagnostics: reported.map(jsonDiagnostic),
        ...details,
      };
      io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
  };
}
