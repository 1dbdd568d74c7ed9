// bbc bench strategies, reduced: eight members and two rounds. The whole table is `npm run verify -- strategies.3`.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compare } from '../../cli/bench/bench.ts';
import { type CodecName, codecs, titles } from '../../cli/bench/codecs.ts';
import { entrants } from '../../cli/bench/entrants.ts';
import { pageOf } from '../../cli/bench/page.ts';
import { castOf } from '../../cli/bench/run.ts';
import { documentOf, trafficOf } from '../../cli/bench/table.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { projectRoot } from '../support/root.ts';
import { topologyIn } from '../support/simulated.ts';

const links = [
  { between: ['phone', 'server'], latency: '40ms', up: '5Mbit/s', down: '20Mbit/s' },
  { between: ['phone', 'edge'], latency: '5ms' },
  { between: ['edge', 'server'], latency: '30ms' },
  { between: ['phone', 'phone'], latency: '60ms', up: '5Mbit/s' },
];
const topology = topologyIn({ classes: { server: {}, edge: { count: 2 }, phone: { count: 8 } }, links });

const backend = onnxRuntimeBackend({ optimization: 'all', workers: 0 });
afterAll(() => backend.close());

const compared = (names: readonly string[], coded: readonly CodecName[] = codecs, among = topology) =>
  compare(
    { progress: () => {} },
    entrants.filter(({ name }) => names.includes(name)),
    coded,
    {
      topology: among,
      cast: castOf(among)!,
      settings: { rounds: 2, seed: 1, alpha: 0.5, target: undefined },
      backend,
      progress: () => {},
    },
  );

test('every flow ends, every byte is counted, and codecs take as many of them as they say', async () => {
  const all = await compared(['fedAvg']);
  const [none, float16, int8, topk] = all.results.map((one) => trafficOf(one.links, all.cast));
  expect(float16!.sentByClient / none!.sentByClient).toBeLessThan(0.55);
  expect(int8!.sentByClient / none!.sentByClient).toBeLessThan(0.3);
  expect(topk!.sentByClient / none!.sentByClient).toBeLessThan(0.06);
  // What the server sends are parameters and no differences.
  expect(topk!.gotByClient / none!.gotByClient).toBeGreaterThan(0.95);
  expect(pageOf(all).match(/<polyline class="(none|float16|int8|topk)"/g)).toHaveLength(8);

  const parts = ['hierarchical', 'dPsgd torus', 'clustered', 'pushSum', 'splitFed v1', 'fedAvg private'];
  const others = await compared(parts, ['topk']);
  expect([all.leftOut, others.leftOut]).toEqual([[], []]);
  for (const { flows, points, links } of [...all.results, ...others.results]) {
    expect([flows.partial, flows.failed]).toEqual([0, 0]);
    expect(points.at(-1)!.round).toBe(2);
    const sent = links.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(sent).toBeGreaterThanOrEqual(points.at(-1)!.bytes);
    expect(sent).toBeLessThan(1.2 * points.at(-1)!.bytes);
  }
  const epsilons = new Map(others.results.map(({ strategy, epsilon }) => [strategy, epsilon]));
  expect(epsilons.get('fedAvg private')).toBeCloseTo(8, 2);
  expect(epsilons.get('pushSum')).toBeUndefined();
});

test('the same twice', async () => {
  const [once, again] = [await compared(['gossip'], ['int8']), await compared(['gossip'], ['int8'])];
  expect(documentOf(again)).toEqual(documentOf(once));
  expect(pageOf(again)).toBe(pageOf(once));
  expect(once.results[0]!.at.accuracy).toBeGreaterThan(0.1);
});

test('the table in docs/benchmarks.md has every strategy in every codec, in the order of the command', () => {
  const page = readFileSync(path.join(projectRoot, 'docs/benchmarks.md'), 'utf8');
  const rows = [...page.matchAll(/^\| ([^|]+?) +\| ([^|]+?) +\| +\d+\.\d \|/gm)];
  const shown = new Set(rows.map(([, name, codec]) => `${name} | ${codec}`));
  const known = entrants.flatMap(({ name }) => codecs.map((codec) => `${name} | ${titles[codec]}`));
  expect([...shown]).toEqual(known);
});

test('what is not run is told with the reason', async () => {
  const among = topologyIn({
    classes: { server: {}, phone: { count: 4 } },
    links: [{ between: ['phone', 'server'] }],
  });
  const { results, leftOut } = await compared(['hierarchical', 'dPsgd ring'], ['topk'], among);
  expect(results).toEqual([]);
  expect(leftOut.map(({ strategy, why }) => [strategy, why])).toEqual([
    ['hierarchical', 'there is no class of several peers beside phone, the heads'],
    ['dPsgd ring', expect.stringContaining('no link')],
  ]);
});
