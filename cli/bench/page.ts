// A comparison as one HTML file that needs no network and no script: for each strategy what accuracy its bytes and its time buy,
// in each codec. The same comparison gives the same bytes.

import { escaped, stillPage, tableRow } from '../html.ts';
import type { Comparison } from './bench.ts';
import { type CodecName, codecs, titles } from './codecs.ts';
import type { Point, Result } from './run.ts';
import { columns, groupsOf, rowOf, trafficOf } from './table.ts';

const [WIDTH, HEIGHT] = [320, 180];
/** Around the curves: room for numbers on the left and below. */
const MARGIN = { left: 44, right: 28, top: 8, bottom: 26 };

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #5b6470; --grid: #e5e7eb; --back: #ffffff;
  --none: #374151; --float16: #2563eb; --int8: #b45309; --topk: #059669; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9aa2ad; --grid: #2c3138; --back: #15181c;
    --none: #cbd5e1; --float16: #7aa5ff; --int8: #f0a94a; --topk: #4ade9f; }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: var(--ink); background: var(--back); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
p, li { color: var(--faint); }
figure { margin: 0; } figcaption { color: var(--faint); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 0 1rem; }
svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--grid); } text { fill: var(--faint); font-size: 11px; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.none { stroke: var(--none); color: var(--none); } .float16 { stroke: var(--float16); color: var(--float16); }
.int8 { stroke: var(--int8); color: var(--int8); } .topk { stroke: var(--topk); color: var(--topk); }
circle { fill: currentColor; stroke: none; }
.key { font-weight: 600; margin-right: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: right; padding: 0.1rem 0.75rem; border-bottom: 1px solid var(--grid); }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
`;

export function pageOf(comparison: Comparison): string {
  const { results, leftOut, cast, settings } = comparison;
  const { members, name } = cast.clients;
  const strategies = [...new Set(results.map(({ strategy }) => strategy))];
  const used = codecs.filter((codec) => results.some((one) => one.codec === codec));
  const all = results.flatMap(({ points }) => points);
  const charts = strategies.map((strategy) => {
    const own = results.filter((one) => one.strategy === strategy);
    return `<h2>${escaped(strategy)}</h2>\n<div class="charts">\n${axes(members.length)
      .map((axis) => chart(strategy, own, axis, all))
      .join('\n')}\n</div>`;
  });
  const title = `Strategies on digits: ${members.length} of class ${name}`;
  const body = `<p>Kinds by Dirichlet ${settings.alpha}, ${settings.rounds} rounds, seed ${settings.seed}.</p>
<p>${used.map((codec) => `<span class="key ${codec}">${escaped(titles[codec])}</span>`).join('')}</p>
<div class="wide">
${table(comparison)}
</div>
<ul>${[...groupsOf(leftOut)].map(([why, which]) => `<li>not run: ${escaped(`${which.join('; ')}: ${why}`)}</li>`).join('')}</ul>
${charts.join('\n')}`;
  return stillPage({ title, style: STYLE, body });
}

interface Axis {
  readonly title: string;
  readonly of: (point: Point) => number;
  readonly format: (value: number) => string;
}

const axes = (clients: number): readonly Axis[] => [
  {
    title: 'sent for each client',
    of: ({ bytes }) => bytes / clients,
    format: (bytes) => powerText(bytes, ['B', 'kB', 'MB', 'GB']),
  },
  {
    title: 'simulated time',
    of: ({ seconds }) => seconds,
    format: (seconds) => `${Number(seconds.toPrecision(2))} s`,
  },
];

/** `25 kB`, by thousands. */
function powerText(value: number, units: readonly string[]): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(2))} ${units[power]}`;
}

/** All charts of an axis have the same scale, logarithmic, so that they compare. */
function chart(strategy: string, results: readonly Result[], axis: Axis, all: readonly Point[]): string {
  const values = all.map(axis.of).filter((value) => value > 0);
  const [low, high] = [
    Math.floor(Math.log10(Math.min(...values))),
    Math.max(Math.ceil(Math.log10(Math.max(...values))), Math.floor(Math.log10(Math.min(...values))) + 1),
  ];
  const across = WIDTH - MARGIN.left - MARGIN.right;
  const down = HEIGHT - MARGIN.top - MARGIN.bottom;
  const x = (value: number): string =>
    (MARGIN.left + ((Math.log10(value) - low) / (high - low)) * across).toFixed(1);
  const y = (share: number): string => (MARGIN.top + (1 - share) * down).toFixed(1);
  const rows = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(share)}" y2="${y(share)}"/>` +
      `<text x="${MARGIN.left - 6}" y="${y(share)}" dy="0.32em" text-anchor="end">${100 * share} %</text>`,
  );
  const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at)).map(
    (value) =>
      `<text x="${x(value)}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(axis.format(value))}</text>`,
  );
  const curves = results.map(({ codec, points }) => curve(codec, points, axis, x, y));
  const label = escaped(`${strategy}: accuracy by ${axis.title}`);
  return `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">\n${[
    ...rows,
    ...ticks,
    ...curves,
  ].join('\n')}\n</svg><figcaption>accuracy by ${escaped(axis.title)}</figcaption></figure>`;
}

function curve(
  codec: CodecName,
  points: readonly Point[],
  axis: Axis,
  x: (value: number) => string,
  y: (share: number) => string,
): string {
  const shown = points.filter((point) => axis.of(point) > 0);
  const line = shown.map((point) => `${x(axis.of(point))},${y(point.accuracy)}`).join(' ');
  const dots = shown.map((point) => {
    const said = `${titles[codec]}, round ${Number(point.round.toPrecision(3))}: ${(100 * point.accuracy).toFixed(1)} %`;
    return `<circle class="${codec}" cx="${x(axis.of(point))}" cy="${y(point.accuracy)}" r="2.5"><title>${escaped(`${said}, ${axis.format(axis.of(point))}`)}</title></circle>`;
  });
  return `<polyline class="${codec}" points="${line}"/>${dots.join('')}`;
}

function table({ results, cast }: Comparison): string {
  const rows = results.map((one) => rowOf(one, trafficOf(one.links, cast)).map((cell) => cell ?? '–'));
  return `<table>\n${[tableRow(columns, 'th'), ...rows.map((one) => tableRow(one, 'td'))].join('\n')}\n</table>`;
}
