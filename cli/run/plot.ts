// Curves of what a run gave, flow by flow: one HTML file that needs no network and no script. The same rounds give the
// same bytes.

import { escaped, stillPage, tableRow } from '../html.ts';
import { formatBytes } from '../output.ts';
import type { Round } from './flows.ts';

/** What is drawn of a round. */
export type Drawn = Pick<Round, 'step' | 'outputs' | 'sentBytes'>;

const WIDTH = 640;
const HEIGHT = 200;
/** Around the curve: room for numbers on the left and below. */
const MARGIN = { left: 64, right: 16, top: 12, bottom: 28 };
/** Points of few flows are marked one by one. */
const MARKED_FLOWS = 60;

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #6b7280; --grid: #e5e7eb; --line: #2563eb; --back: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9aa2ad; --grid: #2c3138; --line: #7aa5ff; --back: #15181c; }
}
body { margin: 2rem auto; max-width: 42rem; padding: 0 1rem; color: var(--ink); background: var(--back); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 2rem 0 0.25rem; }
h2 span { color: var(--faint); font-weight: normal; }
svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--grid); } .line { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
.point { fill: var(--line); } text { fill: var(--faint); font-size: 12px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.1rem 0.75rem; border-bottom: 1px solid var(--grid); }
`;

interface Curve {
  readonly name: string;
  readonly points: readonly { readonly step: number; readonly value: number | null }[];
  readonly format: (value: number) => string;
  /** Its numbers are whole. */
  readonly whole?: boolean;
}

const numberText = (value: number): string => String(Number(value.toPrecision(5)));

/** A page with a curve for each number that came out, and for the bytes sent. `title`: what was run. */
export function plotPage(title: string, rounds: readonly Drawn[]): string {
  const names = [...new Set(rounds.flatMap(({ outputs }) => Object.keys(outputs)))];
  const curves: Curve[] = names.map((name) => ({
    name,
    points: rounds.map(({ step, outputs }) => ({ step, value: outputs[name] ?? null })),
    format: numberText,
  }));
  const sent = rounds.map(({ step, sentBytes }) => ({ step, value: sentBytes }));
  curves.push({ name: 'bytes sent', points: sent, format: (bytes) => formatBytes(bytes)!, whole: true });
  const body = `<p>${rounds.length} ${rounds.length === 1 ? 'flow' : 'flows'}</p>
${curves.map(section).join('\n')}
<h2>All numbers</h2>
${table(curves, rounds)}`;
  return stillPage({ title, style: STYLE, body });
}

function section(curve: Curve): string {
  const last = curve.points.findLast(({ value }) => value !== null)?.value;
  const shown = last === undefined || last === null ? 'no number' : `last ${curve.format(last)}`;
  return `<h2>${escaped(curve.name)} <span>${escaped(shown)}</span></h2>\n${drawing(curve)}`;
}

function drawing({ name, points, format, whole = false }: Curve): string {
  const values = points.flatMap(({ value }) => value ?? []);
  const [first, last] = [points[0]?.step ?? 0, points.at(-1)?.step ?? 0];
  const ticks = ticksOf(Math.min(...values, Infinity), Math.max(...values, -Infinity), whole);
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const across = WIDTH - MARGIN.left - MARGIN.right;
  const down = HEIGHT - MARGIN.top - MARGIN.bottom;
  const x = (step: number): string =>
    (MARGIN.left + (last === first ? across / 2 : ((step - first) / (last - first)) * across)).toFixed(1);
  const y = (value: number): string => (MARGIN.top + ((high - value) / (high - low)) * down).toFixed(1);
  const rows = ticks.map(
    (tick) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}"/>` +
      `<text x="${MARGIN.left - 8}" y="${y(tick)}" dy="0.32em" text-anchor="end">${escaped(format(tick))}</text>`,
  );
  const steps = stepTicks(first, last).map(
    (step) => `<text x="${x(step)}" y="${HEIGHT - 8}" text-anchor="middle">${step}</text>`,
  );
  const lines = runsOf(points).map((run) => {
    const at = run.map(({ step, value }) => `${x(step)},${y(value)}`);
    const marks = points.length <= MARKED_FLOWS || run.length === 1 ? run : [];
    const dots = marks.map(({ step, value }) => {
      const said = escaped(`flow ${step}: ${format(value)}`);
      return `<circle class="point" cx="${x(step)}" cy="${y(value)}" r="3"><title>${said}</title></circle>`;
    });
    return `<polyline class="line" points="${at.join(' ')}"/>${dots.join('')}`;
  });
  const label = `aria-label="${escaped(`${name} by flow`)}"`;
  const box = `viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg ${box} role="img" ${label}>\n${[...rows, ...steps, ...lines].join('\n')}\n</svg>`;
}

/** Points that follow one another without a gap: where a number is missing, the curve is broken. */
function runsOf(points: Curve['points']): { readonly step: number; readonly value: number }[][] {
  const runs: { step: number; value: number }[][] = [[]];
  for (const { step, value } of points) {
    if (value !== null) runs.at(-1)!.push({ step, value });
    else if (runs.at(-1)!.length > 0) runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

/** Round numbers from below the least to above the largest value, two to seven of them. */
function ticksOf(least: number, largest: number, whole = false): readonly number[] {
  if (!Number.isFinite(least)) return [0, 1];
  const span = largest > least ? largest - least : Math.abs(largest) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const round = [1, 2, 5, 10].map((one) => one * power).find((one) => span / one <= 5) ?? 10 * power;
  const unit = whole ? Math.max(1, round) : round;
  const [from, to] = [Math.floor(least / unit), Math.ceil(largest / unit)];
  const count = Math.max(1, to - from);
  return Array.from({ length: count + 1 }, (_, index) => Number(((from + index) * unit).toPrecision(12)));
}

/** At most seven flows, evenly spaced, the first among them. */
function stepTicks(first: number, last: number): readonly number[] {
  const unit = Math.max(1, ticksOf(0, Math.max(1, last - first))[1]!);
  const count = Math.floor((last - first) / unit) + 1;
  return Array.from({ length: count }, (_, index) => first + index * unit);
}

function table(curves: readonly Curve[], rounds: readonly Drawn[]): string {
  const head = tableRow(['flow', ...curves.map(({ name }) => name)], 'th');
  const body = rounds.map(({ step }, at) => {
    const cells = curves.map(({ points, format }) => {
      const { value } = points[at]!;
      return value === null ? '–' : format(value);
    });
    return tableRow([String(step), ...cells], 'td');
  });
  return `<table>\n${[head, ...body].join('\n')}\n</table>`;
}
