// How text looks: tables, units, colours, diagnostics. Pure functions from data to strings; context.ts writes them.

import { type Diagnostic, formatPosition } from '../ir/diagnostic.ts';

/** Colours a text, or leaves it alone. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const sgr =
  (open: number, close: number, on: boolean) =>
  (text: string): string =>
    on && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;

/** `on` false: text stays as it is. */
export const paint = (on: boolean): Paint => ({
  bold: sgr(1, 22, on),
  dim: sgr(2, 22, on),
  red: sgr(31, 39, on),
  green: sgr(32, 39, on),
  yellow: sgr(33, 39, on),
  cyan: sgr(36, 39, on),
});

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}
export type Cell = string | number | null | undefined;

/** Rows under their titles, columns two spaces apart; cells that are not known (null, undefined) show as `–`. */
export function formatTable(
  columns: readonly (Column | string)[],
  rows: readonly (readonly Cell[])[],
  colours: Paint = paint(false),
): string {
  const heads = columns.map((column) => (typeof column === 'string' ? { title: column } : column));
  const cells = rows.map((row) =>
    heads.map((_, index) => {
      const cell = row[index];
      return cell === null || cell === undefined ? '–' : String(cell);
    }),
  );
  const widths = heads.map((head, index) =>
    cells.reduce((most, row) => Math.max(most, textWidth(row[index]!)), textWidth(head.title)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const space = ' '.repeat(widths[index]! - textWidth(text));
        return heads[index]!.align === 'right' ? space + text : text + space;
      })
      .join('  ')
      .trimEnd();
  return `${[colours.bold(line(heads.map((head) => head.title))), ...cells.map(line)].join('\n')}\n`;
}

/** Columns a terminal needs: combining marks take none, East Asian wide characters and emoji two. */
function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (invisible.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}
const invisible = /[\p{Mark}\p{Cc}\p{Cf}]/u;
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

const units = (value: number, step: number, names: readonly string[]): string => {
  let index = 0;
  let scaled = value;
  while (Math.abs(scaled) >= step && index < names.length - 1) {
    scaled /= step;
    index++;
  }
  const text = Number.isInteger(scaled)
    ? String(scaled)
    : scaled.toPrecision(3).replace(/\.0+$|(?<=\..*)0+$/, '');
  // 999.6 rounds to "1.00e+3": three digits of it are the integer.
  return `${text.includes('e') ? Math.round(scaled) : text} ${names[index]}`;
};

/** `1.5 MiB`; null: not known. */
export const formatBytes = (bytes: number | null | undefined): string | null =>
  bytes === null || bytes === undefined ? null : units(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);

/** `12.5 ms`; null: not known. */
export const formatNs = (ns: number | null | undefined): string | null =>
  ns === null || ns === undefined ? null : units(ns, 1000, ['ns', 'µs', 'ms', 's']);

/** `3.2 M`; null: not known. */
export const formatCount = (count: number | null | undefined): string | null =>
  count === null || count === undefined ? null : units(count, 1000, ['', 'k', 'M', 'G', 'T']).trimEnd();

/** Place, severity, code, what happened, the line with its caret, what to try. */
export function prettyDiagnostic(one: Diagnostic, colours: Paint): string {
  const place = formatPosition(one.at);
  const severity = (one.severity === 'error' ? colours.red : colours.yellow)(`${one.severity} ${one.code}`);
  const about = [one.op && `op ${one.op}`, one.value && `value ${one.value}`].filter(Boolean).join(', ');
  const lines = [
    `${place ? `${colours.bold(place)}: ` : ''}${severity}: ${one.message}${about ? ` (${about})` : ''}`,
  ];
  if (one.excerpt) {
    for (const line of one.excerpt.split('\n')) {
      lines.push(`    ${/^\s*\^+\s*$/.test(line) ? colours.red(line) : line}`);
    }
  }
  for (const other of one.related ?? []) {
    lines.push(`  ${other.at ? `${colours.bold(formatPosition(other.at))}: ` : ''}${other.message}`);
  }
  lines.push(`  ${colours.cyan('try')}: ${one.hint}`);
  return `${lines.join('\n')}\n`;
}

export const POINTER = 'for more: ';

/** Where the last of what was reported is explained: the last error, or else the last warning. */
export function pointer(reported: readonly Diagnostic[], colours: Paint): string {
  const last = reported.findLast(({ severity }) => severity === 'error') ?? reported.at(-1);
  return last === undefined ? '' : `${colours.dim(`${POINTER}bbc explain ${last.code}`)}\n`;
}

/** A diagnostic as `--json` shows it: every key there, null where nothing is known. */
export const jsonDiagnostic = (one: Diagnostic) => ({
  code: one.code,
  severity: one.severity,
  message: one.message,
  hint: one.hint,
  op: one.op ?? null,
  value: one.value ?? null,
  file: one.at?.file ?? null,
  line: one.at?.line ?? null,
  column: one.at?.column ?? null,
  offset: one.at?.offset ?? null,
});
