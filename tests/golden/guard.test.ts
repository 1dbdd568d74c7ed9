import { describe, expect, test } from 'vitest';
import { pass } from '../../compiler/pass.ts';
import { guard } from '../../compiler/passes/guard.ts';
import { parseTopology } from '../../compiler/topology.ts';
import { attributeInt, DOMAIN, type Topology, WIRE } from '../../ir/index.ts';
import { cut, topologyOf } from '../support/compile.ts';

const linked = (links: readonly object[], ...classes: readonly string[]): Topology => {
  const text = JSON.stringify({
    version: 1,
    classes: Object.fromEntries(classes.map((name) => [name, { compute: '1GFLOPS' }])),
    links,
  });
  return parseTopology(text, 'topology.json').topology!;
};

/** `value: seconds` of every edge. */
function deadlines(text: string, topology: Topology): readonly string[] {
  const { compilation, diagnostics } = cut(text, topology);
  expect(diagnostics).toEqual([]);
  return compilation.deployment!.edges.map(
    ({ value, from, to, deadlineNs }) => `${from.class} > ${to.class} ${value}: ${deadlineNs / 1e9}`,
  );
}

const chain = `
  input x: float32[1000] @a
  h = Relu(x) @a
  i = Tanh(h) @b
  y = Neg(i) @c
  output y @a
`;

describe('guard', () => {
  test('deadlines grow along the chain: who waits for a peer that waits, waits longer', () => {
    const slow = linked(
      [
        { between: ['a', 'b'], latency: '20s' },
        { between: ['b', 'c'], latency: '1s', up: '4kB/s', down: '4kB/s' },
        { between: ['a', 'c'], latency: '0ms' },
      ],
      'a',
      'b',
      'c',
    );
    // Four times the transit and a second more than its sender waits: 4·20 + 1; 81 + 4·(1 + 1) + 1; 90 + 1.
    expect(deadlines(chain, slow)).toMatchInlineSnapshot(`
      [
        "a > b h: 81",
        "b > c i: 90",
        "c > a y: 91",
      ]
    `);
    expect(deadlines(chain, topologyOf('a', 'b', 'c'))).toEqual([
      'a > b h: 10',
      'b > c i: 11',
      'c > a y: 12',
    ]);
  });

  test('who a set binds, and who hears from them, waits longer than whoever waits for the set', () => {
    const text = `
      input x: float32[4] @phone.each
      h = Relu(x) @phone.each
      all, who, missing = core.Collect<within_ns = 30000000000>(h) @server
      y = Neg(h) @phone.some(who)
      rest, senders, m2 = core.Collect(y) @server
      output rest @server
    `;
    expect(deadlines(text, topologyOf('phone*3', 'server'))).toEqual([
      'phone > server h: 30',
      'server > phone who: 31',
      'phone > phone h: 32',
      'phone > server y: 33',
      'server > phone : 10',
    ]);
  });

  test('what the author wrote wins over what is derived, and the rest waits for it', () => {
    const text = (within: string): string => `
      input x: float32[2] @phone.each
      all, senders, missing = core.Collect${within}(x) @server
      y = Neg(all) @edge
      output y @edge
    `;
    const topology = topologyOf('server', 'edge', 'phone*3');
    expect(deadlines(text(''), topology)).toEqual([
      'phone > server x: 10',
      'server > edge all: 11',
      'server > phone : 10',
    ]);
    expect(deadlines(text('<within_ns = 2000000000>'), topology)[0]).toBe('phone > server x: 2');
    expect(deadlines(text('<within_ns = 60000000000>'), topology).slice(0, 2)).toEqual([
      'phone > server x: 60',
      'server > edge all: 61',
    ]);
  });

  test('every edge of a value that two collects take waits as long as its way there asks for', () => {
    const text = `
      input w: float32[2] @server
      b = core.Broadcast<within_ns = 60000000000>(w) @phone.each
      y = Relu(b) @phone.each
      all, s0, m0 = core.Collect(y) @server
      some, s1, m1 = core.Collect<at_least = 1>(y) @server
      output all @server
      output some @server
    `;
    expect(deadlines(text, topologyOf('server', 'phone*3'))).toEqual([
      'server > phone w: 60',
      'phone > server y: 61',
      'phone > server y: 61',
    ]);
  });

  test('every receive of the programs carries the deadline of its edge', () => {
    const { deployment } = cut(chain, topologyOf('a', 'b', 'c')).compilation;
    const written = deployment!.programs.flatMap(({ model }) =>
      [...model.opsOf()]
        .filter((op) => op.domain === DOMAIN.wire && op.type !== WIRE.send)
        .map((op) => [attributeInt(op, 'edge', -1), attributeInt(op, 'deadline_ns', 0)]),
    );
    const stated = deployment!.edges.map(({ id, deadlineNs }) => [id, deadlineNs]);
    expect(written.sort()).toEqual(stated.sort());
    expect(written).toHaveLength(3);
  });

  test('leaves a computation on one peer as it is', () => {
    const text = 'input x: float32[2] @a\ny = Relu(x) @a\noutput y @a';
    const { compilation } = cut(text, topologyOf('a'));
    expect(compilation.deployment!.edges).toEqual([]);
  });

  test('an edge that it would leave without a deadline stops the compilation', () => {
    const lazy = pass('guard', {
      ...guard,
      run: (compilation) => ({ ...compilation, level: 'guarded' }),
    });
    const { diagnostics } = cut(chain, topologyOf('a', 'b', 'c'), { guard: lazy });
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'BB506 pass guard broke an invariant: every edge has a deadline (edge 0 waits for ever)',
    ]);
  });
});
