import { expect, test } from 'vitest';
import { checkLinks, routeBetween } from '../../compiler/links.ts';
import { parseTopology } from '../../compiler/topology.ts';
import { each, formatDiagnostic, single, type Topology } from '../../ir/index.ts';

const topology = (links: readonly object[] | undefined): Topology =>
  parseTopology(
    JSON.stringify({ version: 1, classes: { phone: { count: 2 }, edge: {}, server: {} }, links }),
    'topology.json',
  ).topology!;

test('without links every pair is joined at no cost', () => {
  expect(routeBetween(topology(undefined), 'phone', 'server')).toEqual({
    latencyNs: 0,
    bytesPerSecond: undefined,
    loss: 0,
  });
});

test('up is from the first to the second', () => {
  const joined = topology([
    { between: ['phone', 'server'], latency: '40ms', up: '8Mbit/s', down: '16Mbit/s' },
  ]);
  expect(routeBetween(joined, 'phone', 'server')).toMatchObject({ latencyNs: 40e6, bytesPerSecond: 1e6 });
  expect(routeBetween(joined, 'server', 'phone')).toMatchObject({ latencyNs: 40e6, bytesPerSecond: 2e6 });
});

test('a link that names a peer goes before its class, and the slowest member counts', () => {
  const joined = topology([
    { between: ['phone', 'server'], latency: '40ms' },
    { between: ['server', 'phone/1'], latency: '90ms', down: '8Mbit/s' },
  ]);
  expect(routeBetween(joined, 'phone', 'server')).toMatchObject({ latencyNs: 90e6, bytesPerSecond: 1e6 });
});

test('every member needs a link; a peer needs none to itself', () => {
  const joined = topology([{ between: ['phone/0', 'server'] }]);
  expect(routeBetween(joined, 'phone', 'server')).toBeUndefined();
  expect(routeBetween(joined, 'phone', 'phone')).toBeUndefined();
  expect(routeBetween(joined, 'server', 'server')).toBeDefined();
});

test('a value that no link can carry is reported with both ends and both lines', () => {
  const joined = topology([{ between: ['phone', 'server'] }]);
  const about = {
    value: 'h',
    fromAt: { file: 'model.ts', line: 3, column: 5 },
    toAt: { file: 'model.ts', line: 4, column: 5 },
  };
  expect(checkLinks(joined, each('phone'), single('server'), about)).toBeUndefined();
  expect(formatDiagnostic(checkLinks(joined, single('edge'), single('server'), about)!)).toBe(
    [
      'model.ts:3:5: error BB414: "h" must go from edge to server, but no link joins them (value h)',
      '  model.ts:3:5: made on edge',
      '  model.ts:4:5: read on server',
      '  try: add { "between": ["edge", "server"] } to "links", or place its ends together',
    ].join('\n'),
  );
});
