import { describe, expect, test } from 'vitest';
import { formatEnd } from '../../cli/plan.ts';
import { edgeText } from '../../compiler/lint/wire.ts';
import { emit } from '../../compiler/passes/emit.ts';
import type { End, Topology } from '../../ir/index.ts';
import { cut, programsOf, topologyOf } from '../support/compile.ts';

const fleet = topologyOf('phone*3', 'server');

const compiled = (text: string, topology: Topology = fleet) => {
  const { compilation, diagnostics } = cut(text, topology);
  expect(diagnostics).toEqual([]);
  return compilation;
};
const endText = ({ class: name, binder, seat }: End): string =>
  `${name}.${binder}${seat === undefined ? '' : ` ${seat}`}`;
const edgesOf = (text: string, topology?: Topology): readonly string[] =>
  compiled(text, topology).deployment!.edges.map(
    ({ kind, value, from, to }) => `${kind} ${value}: ${endText(from)} → ${endText(to)}`,
  );
const codes = (text: string, topology = fleet): readonly string[] =>
  cut(text, topology).diagnostics.map((one) => one.code);

const leader = `
  input x: float32[4] @phone.me
  weight w: float32[4]
  a = Mul(x, w) @phone.me
  b = Mul(a, w) @phone.each
  all, senders, missing = core.Collect(b) @phone.me
  y = ReduceSum(all) @phone.me
  output y @phone.me
`;

const picked = `
  input x: float32[4] @server
  input who: string[2] @server
  h = Relu(x) @server
  y = Tanh(h) @phone.some(who)
  all, senders, missing = core.Collect<at_least = 1>(y) @server
  output all @server
`;

describe('seats', () => {
  test('of one class are one program: a leader is one of those that it asks', () => {
    expect(programsOf(compiled(leader))).toMatchSnapshot();
    expect(edgesOf(leader)).toEqual([
      'broadcast a: phone.me main/me → phone.each main/each',
      'collect b: phone.each main/each → phone.me main/me',
    ]);
  });

  test('a class with one seat needs no name for it', () => {
    expect(edgesOf(picked)).toEqual([
      'broadcast h: server.single → phone.some',
      'collect y: phone.some → server.single',
    ]);
    expect(compiled(picked).deployment!.programs.map(({ seats }) => seats)).toEqual([undefined, undefined]);
  });

  test('a peer set goes with what is sent to its members, and with what is awaited from them', () => {
    expect(programsOf(compiled(picked))).toMatchSnapshot();
  });

  test('a peer set is sent to every place that needs it, once', () => {
    const text = `
      input x: float32[4] @server
      input who: string[2] @server
      a = Relu(x) @phone.some(who)
      c, senders, missing = core.Collect(a) @edge
      y = ReduceSum(c) @edge
      z = Neg(y) @phone.some(who)
      d, s2, m2 = core.Collect(z) @edge
      output d @edge
    `;
    const topology = topologyOf('phone*3', 'server', 'edge');
    expect(edgesOf(text, topology)).toEqual([
      'broadcast x: server.single → phone.some',
      'send who: server.single → edge.single',
      'collect a: phone.some → edge.single',
      'broadcast y: edge.single → phone.some',
      'collect z: phone.some → edge.single',
    ]);
    expect(programsOf(compiled(text, topology))).toMatchSnapshot();
  });

  test('what a cohort has is used on some of it without leaving its peer; who they are is told to all', () => {
    const text = `
      input x: float32[4] @phone.each
      input who: string[2] @server
      h = Relu(x) @phone.each
      y = Neg(h) @phone.some(who)
      all, senders, missing = core.Collect(y) @server
      output all @server
    `;
    expect(edgesOf(text)).toEqual([
      'broadcast who: server.single → phone.each main/each',
      'local h: phone.each main/each → phone.some main/some.0',
      'collect y: phone.some main/some.0 → server.single',
    ]);
    expect(programsOf(compiled(text))).toMatchSnapshot();
  });

  test('one of a set answers what it is asked', () => {
    const text = `
      input x: float32[4] @server
      input who: string[2] @server
      h = Relu(x) @phone.one(who)
      y = Neg(h) @server
      output y @server
    `;
    expect(edgesOf(text)).toEqual(['send x: server.single → phone.one', 'send h: phone.one → server.single']);
    expect(programsOf(compiled(text))).toMatchSnapshot();
  });

  test('a set that is a constant is where it is needed, and crosses nowhere', () => {
    const text = `
      input x: float32[4] @server
      weight ids: int64[2]
      who: string[2] = Cast<to = 8>(ids) @server
      h = Relu(x) @phone.one(who)
      y = Neg(h) @edge
      output y @edge
    `;
    expect(edgesOf(text, topologyOf('phone*3', 'server', 'edge'))).toEqual([
      'send x: server.single → phone.one',
      'send h: phone.one → edge.single',
    ]);
  });

  test('places that nothing would wake are woken from where their set is made', () => {
    const text = `
      input x: float32[4] @phone.me
      input ask: string[2] @server
      start = Relu(x) @phone.me
      who = core.When(ask, start) @server
      weight zero: float32[4]
      s = core.StateRead<key = "s">(zero) @phone.some(who)
      all, senders, missing = core.Collect(s) @server
      output all @server
    `;
    const compilation = compiled(text);
    const trigger = compilation.deployment!.edges.find(({ kind }) => kind === 'trigger')!;
    expect(`${endText(trigger.from)} → ${endText(trigger.to)}`).toBe(
      'server.single → phone.some main/some.0',
    );
    expect(programsOf(compilation)).toContain('Send');
  });

  test('of several entries are kept apart, and share weights', () => {
    const text = `
      input x: float32[4] @a:server
      input z: float32[4] @b:server
      weight w: float32[4]
      y = Mul(x, w) @a:phone.each
      ys, senders, missing = core.Collect(y) @a:server
      v = Mul(z, w) @b:phone.each
      vs, s2, m2 = core.Collect(v) @b:server
      go: bool, = core.Invoke<entry = "a">() @a:server
      go2: bool, = core.Invoke<entry = "b">() @b:server
      output ys @a:server
      output vs @b:server
    `.replaceAll('bool, =', 'bool[] =');
    const compilation = compiled(text);
    expect(programsOf(compilation)).toMatchSnapshot();
    expect(compilation.deployment!.entries).toEqual([
      { name: 'a', class: 'server', seat: 'a/single' },
      { name: 'b', class: 'server', seat: 'b/single' },
    ]);
  });

  test('a value of one entry cannot be read in another', () => {
    const text = `
      input x: float32[4] @a:server
      y = Relu(x) @b:server
      go: bool[] = core.Invoke<entry = "a">() @a:server
      go2: bool[] = core.Invoke<entry = "b">() @b:server
      output y @b:server
    `;
    expect(codes(text)).toEqual(['BB501']);
  });

  test('every member to every member is an exchange, row by row if asked', () => {
    const text = `
      input x: float32[3, 4] @phone.each
      c, senders, missing = core.Exchange<rows = 1, at_least = 2>(x) @phone.each
      y = ReduceSum(c) @phone.each
      output y @phone.each
      go: bool[] = core.Invoke<entry = "round">() @phone.each
    `;
    const compilation = compiled(text);
    expect(compilation.deployment!.edges).toMatchObject([{ kind: 'exchange', shape: [4] }]);
    expect(compilation.deployment!.entries).toEqual([{ name: 'round', class: 'phone', joint: true }]);
    expect(programsOf(compilation)).toMatchSnapshot();
  });

  test('nobody wakes a place in a joint entry but what crosses to it', () => {
    const text = `
      input x: float32[4] @phone.each
      input k: float32[4] @server
      y = Add(x, k) @phone.each
      output y @phone.each
      go: bool[] = core.Invoke<entry = "round">() @phone.each
    `;
    expect(codes(text)).toEqual(['BB510']);
  });

  test('are named where edges are shown', () => {
    const [edge] = compiled(leader).deployment!.edges;
    expect(`${formatEnd(edge!.from)} → ${formatEnd(edge!.to)}`).toBe('phone main/me → phone main/each');
    expect(edgeText(edge!)).toBe('edge 0 (phone main/me → phone main/each)');
    expect(formatEnd({ class: 'phone', binder: 'each' })).toBe('phone.each');
  });

  test('stand in manifest, plan and on every op', () => {
    const compilation = compiled(leader);
    const { bundles, plan } = emit.run(compilation, { topology: fleet, report: () => {} });
    expect(
      bundles!.map(({ manifest: { seats, entries, memory } }) => ({ seats, entries, memory })),
    ).toMatchSnapshot();
    expect(plan!.inputs.map(({ at }) => endText(at))).toEqual(['phone.me main/me']);
    const onnx = Buffer.concat(
      bundles![0]!.onnx.map((piece) => ('bytes' in piece ? piece.bytes : piece) as Uint8Array),
    );
    expect(onnx.toString('latin1').match(/bytesandbrains\.seat/g)!.length).toBe(
      compilation.deployment!.programs[0]!.model.mainGraph.ops.length,
    );
  });
});
