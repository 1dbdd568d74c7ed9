// Done line 3 of strategies: all of them in every codec, a hundred simulated peers whose digits differ in kind, by the very
// command. The table, which docs/benchmarks.md shows, is written beside the progress of the line.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LeftOut } from '../../cli/bench/bench.ts';
import { type CodecName, codecs } from '../../cli/bench/codecs.ts';
import { entrants } from '../../cli/bench/entrants.ts';
import type { Result } from '../../cli/bench/run.ts';
import { columns, rowOf, type Traffic } from '../../cli/bench/table.ts';
import { builtBbc } from '../support/built-bbc.ts';
import { fits } from '../support/strategy-table.ts';
import type { Json, Line, Verification } from './verification.ts';

interface Row extends Omit<Result, 'links'> {
  readonly traffic: Traffic;
}
interface Document {
  readonly results: readonly (Row & { readonly links?: unknown })[];
  readonly leftOut: readonly LeftOut[];
}

const verify: Line = async (cx) => {
  const all = new Map<string, Row>();
  const left: LeftOut[] = [];
  for (const { name } of entrants)
    for (const codec of codecs) {
      const { results, leftOut } = await compared(cx, name, codec);
      for (const row of results) all.set(`${name}\n${codec}`, row);
      left.push(...leftOut);
    }
  for (const { name } of entrants) judge(cx, name, (codec) => all.get(`${name}\n${codec}`));
  const said = left.map(({ strategy, codec, why }) => `${strategy} in ${codec}: ${why}`).join('; ');
  cx.figure('not run', said || 'none', left.length === 0);
  const again = await compared(cx, 'fedAvg', 'int8', 'once more');
  const same = JSON.stringify(again.results[0]) === JSON.stringify(all.get('fedAvg\nint8'));
  cx.figure('fedAvg in int8, once more', same ? 'the same' : 'something else', same);
  writeFileSync(path.join(cx.folder, 'table.md'), tableOf([...all.values()]));
};
export default verify;

async function compared(
  cx: Verification,
  name: string,
  codec: CodecName,
  turn = '',
): Promise<Pick<Document, 'results' | 'leftOut'>> {
  const found = await cx.step(`${name} in ${codec} ${turn}`, async () => {
    const argv = ['bench', 'strategies', '--model', 'digits', '--strategies', name, '--codecs', codec];
    const { status, chunks } = await builtBbc([...argv, '--json'], cx.folder);
    const text = chunks.filter(({ stream }) => stream === 'out').map((one) => one.text);
    if (status !== 0) throw new Error(chunks.map((one) => one.text).join(''));
    const { results, leftOut } = JSON.parse(text.join('')) as Document;
    return { results: results.map(({ links: _, ...row }) => row), leftOut } as unknown as Json;
  });
  return found as unknown as Document;
}

function judge(cx: Verification, name: string, rowIn: (codec: CodecName) => Row | undefined): void {
  const none = rowIn('none')!;
  for (const codec of codecs) {
    const row = rowIn(codec);
    if (row === undefined) continue;
    const { flows, at, traffic } = row;
    const share = traffic.sentByClient / none.traffic.sentByClient;
    const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
    const came = `reads ${percent(at.accuracy)}, of its kinds ${percent(at.own)}`;
    const sent = `members send ${percent(share)} of the bytes`;
    const ended = flows.complete > 0 && flows.partial + flows.failed === 0;
    const holds = ended && fits(name, codec, { own: at.own, cost: none.at.own - at.own, share });
    cx.figure(`${name} in ${codec}`, `${flows.complete} flows, ${came}; ${sent}`, holds);
  }
}

function tableOf(rows: readonly Row[]): string {
  const line = (cells: readonly (string | undefined)[]): string =>
    `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`;
  const rule = columns.map((_, at) => (at < 2 ? '---' : '--:'));
  return `${[line(columns), line(rule), ...rows.map((row) => line(rowOf(row, row.traffic)))].join('\n')}\n`;
}
