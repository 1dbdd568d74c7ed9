// For how many attackers of fifteen each aggregator is stated, and with how many it breaks as docs/aggregators.md has it.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './root.ts';

/** As many as most aggregators are stated for: attacks that are made to break a mean do so. */
export const MOSTLY = 4;

export interface Stated {
  /** Of all attacks but those in `except`. */
  readonly f: number;
  /** For these it is not stated: they break it with no more than so many. */
  readonly except?: readonly string[];
}

export const stated: Readonly<Record<string, Stated>> = {
  mean: { f: 0 },
  median: { f: 4 },
  trimmedMean: { f: 4 },
  geometricMedian: { f: 4, except: ['backdoor, scaled by n/f'] },
  krum: { f: 3, except: ['free rider'] },
  multiKrum: { f: 4 },
  bulyan: { f: 3 },
  clippedMean: { f: 3, except: ['backdoor, scaled by n/f'] },
  cosineScreened: {
    f: 4,
    except: ['scaling, a hundredfold', 'collusion: all send the same noise', 'backdoor, scaled by n/f'],
  },
};

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The table of the docs: by what a row begins with, a cell for each aggregator, in the order of `stated`. */
export function tableOfTheDocs(): Readonly<Record<string, readonly string[]>> {
  const text = readFileSync(path.join(projectRoot, 'docs/aggregators.md'), 'utf8');
  const section = text.slice(text.indexOf('\n## Under attack\n'), text.indexOf('\n## Too few answers\n'));
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return Object.fromEntries(rows.map(cellsOf).map(([name = '', ...cells]) => [name, cells]));
}

/** With how many attackers it breaks as a cell has it; undefined: with none of those that were tried. */
export const breaksWith = (cell: string): number | undefined =>
  cell === '–' ? undefined : Number(cell.replace(/\*$/, ''));
