import { describe, expect, test } from 'vitest';
import { cut, programsOf, topologyOf } from '../support/compile.ts';

const twoPeers = topologyOf('phone', 'server');

const programs = (text: string, topology = twoPeers): string => {
  const { compilation, diagnostics } = cut(text, topology);
  expect(diagnostics).toEqual([]);
  return programsOf(compilation);
};

const codes = (text: string, topology = twoPeers): readonly string[] =>
  cut(text, topology).diagnostics.map((one) => one.code);

describe('split', () => {
  test('sends the value that crosses and gives each side its own weights', () => {
    expect(
      programs(`
        input x: float32[2, 3] @phone
        weight a: float32[3, 4]
        weight b: float32[4, 5]
        h = MatMul(x, a) @phone
        y = MatMul(h, b) @server
        output y @server
      `),
    ).toMatchSnapshot();
  });

  test('leaves a computation on one peer as one segment, without wire ops', () => {
    const text = programs(`
      input x: float32[2] @server
      a = Relu(x) @server
      b = Tanh(a) @server
      output b @server
    `);
    expect(text).toMatchSnapshot();
    expect(text).not.toContain('wire');
  });

  test('puts what leaves one fragment for one peer into one envelope', () => {
    const { compilation } = cut(
      `
        input x: float32[2] @phone
        a = Relu(x) @phone
        b = Tanh(x) @phone
        c = Add(a, b) @server
        output c @server
      `,
      twoPeers,
    );
    const { edges } = compilation.deployment!;
    expect(edges.map((edge) => edge.value)).toEqual(['a', 'b']);
    expect(new Set(edges.map((edge) => edge.envelope)).size).toBe(1);
  });

  test('ships a value once, however often it is read over there', () => {
    const { compilation } = cut(
      `
        input x: float32[2] @phone
        a = Relu(x) @phone
        b = Tanh(a) @server
        c = Neg(a) @server
        d = Add(b, c) @server
        output d @server
      `,
      twoPeers,
    );
    expect(compilation.deployment!.edges).toHaveLength(1);
  });

  test('copies small constants and chains of them instead of shipping them', () => {
    expect(
      programs(`
        input x: float32[2] @phone
        weight w: float32[2]
        one = Neg(w) @phone
        a = Add(x, one) @phone
        b = Mul(a, one) @server
        output b @server
      `),
    ).toMatchSnapshot();
  });

  test('computes cheap ops again where their input is shipped anyway', () => {
    const { compilation } = cut(
      `
        input x: float32[2, 3] @phone
        a = Relu(x) @phone
        s = Shape(a) @phone
        z = Neg(s) @phone
        b = Tanh(a) @server
        c = Reshape(b, s) @server
        output c @server
        output z @phone
      `,
      twoPeers,
    );
    expect(compilation.deployment!.edges.map((edge) => edge.value)).toEqual(['a']);
  });

  test('sends float16 that a backend would round as float32, and what is only moved as it is', () => {
    const { compilation } = cut(
      `
        input x: float16[2, 3] @phone
        a = Tanh(x) @phone
        b = Transpose(x) @phone
        c = Neg(a) @server
        d = Neg(b) @server
        e = Cast<to = 1>(a) @server
        output c @server
        output d @server
        output e @server
      `,
      twoPeers,
    );
    expect(compilation.deployment!.edges.map(({ value, dtype }) => [value, dtype])).toEqual([
      ['a@float32', 'float32'],
      ['b', 'float16'],
    ]);
    // A reader that widens by itself reads what was sent, and the author's ops are counted without our casts.
    expect(programsOf(compilation)).toMatch(/%e: float32\[2, 3\] = Cast<to=1>\(%\S*a@float32\S*\)/);
    expect(compilation.deployment!.programs.map(({ ops }) => ops)).toEqual([2, 3]);
  });

  test('goes there and back again in two fragments', () => {
    expect(
      programs(`
        input x: float32[2] @phone
        a = Relu(x) @phone
        b = Tanh(a) @server
        c = Add(b, a) @phone
        output c @phone
      `),
    ).toMatchSnapshot();
  });

  test('keeps ops apart that are missing in different cases', () => {
    const { compilation } = cut(
      `
        input x: float32[2] @phone
        input go: bool[] @phone
        a = Relu(x) @phone
        b = core.When(a, go) @phone
        c = Tanh(b) @phone
        d = Neg(a) @phone
        output c @phone
        output d @phone
      `,
      twoPeers,
    );
    const [program] = compilation.deployment!.programs;
    const segments = program!.model.functions.map((fn) =>
      [...program!.model.opsOf(fn.graph)].map((op) => op.type),
    );
    // Neg must run even where the condition declines a: it shares the segment of Relu, not that of Tanh.
    expect(segments).toEqual([['Relu', 'Neg'], ['Tanh']]);
  });

  test('collects a cohort value in one place', () => {
    expect(
      programs(
        `
          input x: float32[2] @phone.each
          a = Relu(x) @phone.each
          all, senders, missing = core.Collect<at_least = 2>(a) @server
          s = ReduceSum(all) @server
          output s @server
          output senders @server
        `,
        topologyOf('phone*3', 'server'),
      ),
    ).toMatchSnapshot();
  });

  test('a value in two fields of one answer crosses twice, the second time as a copy', () => {
    const { compilation, diagnostics } = cut(
      `
        input x: float32[2] @phone.each
        a = Relu(x) @phone.each
        one, two, senders, missing = core.Collect(a, a) @server
        s = Add(one, two) @server
        output s @server
      `,
      topologyOf('phone*3', 'server'),
    );
    expect(diagnostics).toEqual([]);
    expect(
      compilation.deployment!.edges.filter(({ kind }) => kind === 'collect').map(({ value }) => value),
    ).toEqual(['a', 'a@phone.2']);
  });

  test('wakes a place that no value would', () => {
    const { compilation } = cut(
      `
        input x: float32[2] @phone.each
        all, senders, missing = core.Collect(x) @server
        s = ReduceSum(all) @server
        output s @server
      `,
      topologyOf('phone*3', 'server'),
    );
    expect(compilation.deployment!.edges.map((edge) => [edge.kind, edge.from.class, edge.to.class])).toEqual([
      ['collect', 'phone', 'server'],
      ['trigger', 'server', 'phone'],
    ]);
  });

  test('reads state in the first fragment that uses it, and an update in the fragment of its assignment', () => {
    const text = (attribute: string): string => `
      input x: float32[2] @phone
      weight start: float32[2]
      w = core.StateRead<key = "w"${attribute}>(start) @server
      n = Neg(w) @server
      a = Relu(x) @phone
      d = Add(a, w) @server
      core.StateAssign<key = "w"${attribute}>(d) @server
      output n @server
    `;
    const fragmentOfRead = (attribute: string): (number | undefined)[] => {
      const { compilation } = cut(text(attribute), twoPeers);
      const server = compilation.deployment!.programs.find((program) => program.name === 'server')!;
      return [...server.model.opsOf()]
        .filter((op) => op.type.startsWith('State'))
        .map((op) => server.fragments[op.id]);
    };
    expect(fragmentOfRead('')).toEqual([0, 1]);
    expect(fragmentOfRead(', update = 1')).toEqual([0, 0]);
  });

  test('reports an update that leaves its place between reading and assigning', () => {
    const text = `
      input x: float32[2] @server
      weight start: float32[2]
      w = core.StateRead<key = "w", update = 1>(start) @server
      a = Relu(w) @phone
      d = Add(a, x) @server
      core.StateAssign<key = "w", update = 1>(d) @server
      output d @server
    `;
    expect(codes(text)).toEqual(['BB507']);
  });

  test('reports a cohort value read elsewhere without collect, with both places', () => {
    const { diagnostics } = cut(
      `
        input x: float32[2] @phone.each
        y = Relu(x) @server
        output y @server
      `,
      topologyOf('phone*3', 'server'),
    );
    expect(diagnostics.map((one) => one.code)).toContain('BB501');
    expect(diagnostics[0]!.message).toContain('phone.each');
    expect(diagnostics[0]!.message).toContain('server');
  });

  test('reports a computation that no single peer can start', () => {
    const text = `
      input x: float32[2] @phone.each
      y = Relu(x) @phone.each
      output y @phone.each
    `;
    expect(codes(text, topologyOf('phone*3'))).toEqual(['BB502']);
  });

  test('reports a value that no backend can hand over, naming it, its kind and the edge', () => {
    const text = (op: string): string => `
      input x: float32[2] @phone
      v = ${op} @phone
      y = ${op.startsWith('Cast') ? 'Identity(v)' : 'SequenceLength(v)'} @server
      output y @server
    `;
    const messages = (op: string): readonly string[] =>
      cut(text(op), twoPeers).diagnostics.map(
        ({ code, message, op, value }) => `${code} ${op} ${value}: ${message}`,
      );
    expect(messages('SequenceConstruct(x)')).toEqual([
      'BB504 SequenceLength → y v: "v" is seq(float32[2]), which cannot cross from phone to server',
    ]);
    expect(messages('Cast<to = 16>(x)')).toEqual([
      'BB504 Identity → y v: "v" is bfloat16[2], which cannot cross from phone to server',
    ]);
    expect(messages('Cast<to = 10>(x)')).toEqual([]);
  });

  test('reports a private value that would leave its class, also one handed on or given out there', () => {
    const text = (op: string, output: string): string => `
      private x: float32[2] @phone
      input go: bool[] @phone
      v = ${op} @phone
      y = Neg(v) @server
      output y @server
      output ${output}
    `;
    expect(codes(text('Relu(x)', 'x @phone'))).toEqual([]);
    expect(codes(text('Relu(x)', 'x @server'))).toEqual(['BB418']);
    expect(codes(text('core.When(x, go)', 'x @phone'))).toEqual(['BB418']);
    const { diagnostics } = cut(text('Identity(x)', 'x @phone'), twoPeers);
    expect(diagnostics.map(({ op, value, message }) => `${op} ${value}: ${message}`)).toEqual([
      'Neg → y v: a private value of class "phone" would cross to "server"',
    ]);
  });

  test('lets every member answer with a constant of a record, and copies one that is broadcast', () => {
    const text = programs(
      `
        input x: float32[2] @phone.each
        weight n: float32[2]
        b = core.Broadcast(n) @phone.each
        y = Add(x, b) @phone.each
        rows, counts, senders, missing = core.Collect(y, n) @server
        output rows @server
        output counts @server
      `,
      topologyOf('phone*3', 'server'),
    );
    expect(text).toMatchSnapshot();
  });

  test('keeps apart what a voided fragment takes with it and what it does not', () => {
    const { compilation } = cut(
      `
        input x: float32[2] @server
        input z: float32[2] @phone
        weight start: float32[2]
        w = core.StateRead<key = "w">(start) @server
        d = Add(w, x) @server
        core.StateAssign<key = "w">(d) @server
        p = Relu(z) @phone
        a = Add(p, d) @server
        b = Neg(p) @server
        output a @server
        output b @server
      `,
      twoPeers,
    );
    const server = compilation.deployment!.programs.find(({ name }) => name === 'server')!;
    expect(server.model.functions.map(({ graph }) => server.model.graph(graph).ops.length)).toEqual([
      1, 1, 1,
    ]);
  });

  test('deals the rows of a scatter, to the members that the sender names', () => {
    const topology = topologyOf('server', 'phone*3');
    const text = programs(
      `
        input x: float32[2] @phone.each
        rows, senders, missing = core.Collect<at_least = 1>(x) @server
        y: float32[, 2] = Neg(rows) @server
        own: float32[2] = core.Scatter(y, senders) @phone.each
        z: float32[2] = Add(own, x) @phone.each
        output z @phone.each
      `,
      topology,
    );
    expect(text).toMatchSnapshot();
  });
});
