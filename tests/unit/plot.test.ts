// The page of `bbc run --plot`: curves as numbers, nothing of a name but text, no way to a network.

import { expect, test } from 'vitest';
import { type Drawn, plotPage } from '../../cli/run/plot.ts';

const rounds = (...losses: readonly (number | null)[]): Drawn[] =>
  losses.map((loss, step) => ({ step, outputs: { loss }, sentBytes: 2048 }));
const pointsOf = (page: string): string[] =>
  [...page.matchAll(/<polyline class="line" points="([^"]*)"/g)].map(([, points]) => points!);

test('a curve goes through its numbers, from the first flow on the left to the last on the right', () => {
  const page = plotPage('model.ts', rounds(2, 1, 0));
  expect(pointsOf(page)[0]).toBe('64.0,12.0 344.0,92.0 624.0,172.0');
  expect(page).toContain('<h2>loss <span>last 0</span></h2>');
  expect(page).toContain('<h2>bytes sent <span>last 2 KiB</span></h2>');
  expect(page).toContain('<title>flow 1: 1</title>');
  expect(page).toContain('<td>2</td><td>0</td><td>2 KiB</td>');
  expect(plotPage('model.ts', rounds(2, 1, 0))).toBe(page);
});

test('where a number is missing the curve is broken', () => {
  expect(pointsOf(plotPage('m', rounds(1, null, 3, 4))).map((points) => points.split(' ').length)).toEqual([
    1, 2, 4,
  ]);
});

test('equal numbers, one flow, none, and no numbers at all have a page', () => {
  for (const some of [rounds(3, 3, 3), rounds(5), rounds(0), rounds(null), rounds(1e-30, 1e30), []])
    expect(plotPage('m', some)).not.toMatch(/NaN|Infinity|undefined/);
});

test('names are text only, and nothing is loaded', () => {
  const hostile = '<script>alert(1)</script>"&';
  const page = plotPage(hostile, [{ step: 0, outputs: { [hostile]: 1 }, sentBytes: 0 }]);
  expect(page).not.toContain('<script');
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;');
  expect(page).toContain(`content="default-src 'none'; style-src 'sha256-`);
  expect(page).not.toMatch(/https?:/);
});
