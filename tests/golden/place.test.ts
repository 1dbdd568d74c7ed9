import { expect, test } from 'vitest';
import type { Compilation } from '../../compiler/pass.ts';
import { place } from '../../compiler/passes/place.ts';
import { parseTopology } from '../../compiler/topology.ts';
import { type Diagnostic, formatDiagnostic, placeKey } from '../../ir/index.ts';
import { typedModel } from '../support/model.ts';

/** Runs the pass; one line per place with what is there, in order, or the diagnostics. */
function placed(text: string, topology: object, rules: readonly (readonly [string, string])[] = []): string {
  const file = JSON.stringify({
    version: 1,
    classes: topology,
    place: rules.map(([where, on]) => ({ where, on })),
  });
  const parsed = parseTopology(file, 'topology.json');
  expect(parsed.diagnostics).toEqual([]);
  const model = typedModel(text);
  const problems: Diagnostic[] = [];
  const before: Compilation = { level: 'typed', model };
  const after = place.run(before, {
    topology: parsed.topology!,
    report: (problem) => problems.push(problem),
  });
  const warnings = problems.map((problem) => formatDiagnostic(problem));
  if (after.placement === undefined) {
    expect(after).toBe(before);
    return warnings.join('\n');
  }
  const { ops, inputs, outputs } = after.placement;
  const lines: string[] = [...warnings];
  const say = (key: string, what: string): void => {
    if (lines.at(-1)?.startsWith(`${key}: `)) lines[lines.length - 1] += ` ${what}`;
    else lines.push(`${key}: ${what}`);
  };
  inputs.forEach((at, index) => {
    say(placeKey(at), `in:${model.value(model.mainGraph.inputs[index]!).name}`);
  });
  for (const op of model.opsOf()) say(placeKey(ops[op.id]!), op.name);
  outputs.forEach((at, index) => {
    say(placeKey(at), `out:${model.value(model.mainGraph.outputs[index]!).name}`);
  });
  return lines.join('\n');
}

const two = { phone: {}, server: {} };
const three = { a: {}, b: {}, c: {} };

const chain = `
  input x: float32[4]
  a = Relu(x)
  b = Relu(a)
  c = Relu(b)
  d = Relu(c)
  output d`;

test('without a word from the author, ops go over the classes in order, evenly where all cuts cost the same', () => {
  expect(placed(chain, two)).toBe('phone: in:x a b\nserver: c d out:d');
});

test('one class gets everything', () => {
  expect(placed(chain, { only: {} })).toBe('only: in:x a b c d out:d');
});

test('a cohort gets nothing unless it is the only class', () => {
  expect(placed(chain, { phone: { count: 2 }, server: {} })).toBe('server: in:x a b c d out:d');
  expect(placed(chain, { phone: { count: 2 } })).toBe('phone.each: in:x a b c d out:d');
  expect(placed(chain, { phone: { count: 2 }, tablet: { count: 2 } })).toMatch('BB415: 4 ops have no place');
});

test('the cut goes through the fewest bytes within the balance', () => {
  const text = `
    input x: float32[4]
    a = Relu(x)
    b: float32[1] = ReduceSum(a)
    c: float32[4] = Expand(b)
    d = Relu(c)
    e = Relu(d)
    f = Relu(e)
    output f`;
  expect(placed(text, two)).toBe('phone: in:x a b\nserver: c d e f out:f');
});

test('a float16 value is cut only if no float32 value can be', () => {
  const text = `
    input x: float16[4]
    a = Relu(x)
    b: float32[400] = Cast(a)
    c = Cast(b)
    d = Relu(c)
    output d`;
  expect(placed(text, two)).toBe('phone: in:x a b\nserver: c d out:d');
});

test('annotations come before rules, and the first rule that matches counts', () => {
  const text = `
    input x: float32[4]
    a = Relu(x)
    b = Relu(a) @c
    c = Sigmoid(b)
    d = Relu(c)
    output d`;
  const rules = [
    ['op:Relu and not name:d', 'a'],
    ['op:*', 'b'],
  ] as const;
  expect(placed(text, three, rules)).toBe('a: in:x a\nc: b\nb: c d\nc: out:d');
});

test('rules by scope, and a warning for one that matches nothing', () => {
  const text = `
    input x: float32[4]
    a = Relu(x) in encoder.one
    b = Relu(a) in encoder.two
    c = Relu(b) in decoder
    output c`;
  const rules = [
    ['scope:encoder', 'phone'],
    ['scope:head', 'phone'],
    ['scope:decoder', 'server'],
  ] as const;
  const result = placed(text, two, rules);
  expect(result).toMatch('warning BB410: no op matches the placement rule "scope:head"');
  expect(result).toMatch('\nphone: in:x a b\nserver: c out:c');
});

test('a group enclosed by one place belongs there', () => {
  const text = `
    input x: float32[4]
    a = Relu(x) @phone
    b = Relu(a)
    c = Relu(b)
    d = Relu(c) @phone
    e = Relu(d) @server
    output e`;
  expect(placed(text, two)).toBe('phone: in:x a b c d\nserver: e out:e');
});

test('between placed ops the cut fills in, and never sends data backwards', () => {
  const text = `
    input x: float32[4]
    a = Relu(x)
    b = Relu(a) @b
    c = Relu(b)
    d = Relu(c)
    e = Relu(d)
    f = Relu(x)
    g = Relu(f) @a
    h = Add(e, g)
    output h`;
  expect(placed(text, three)).toMatchInlineSnapshot(`
    "a: in:x a
    b: b c d
    c: e
    a: f g
    c: h out:h"
  `);
});

test('constants and constant expressions decide nothing and follow their readers', () => {
  const text = `
    input x: float32[4]
    k = Constant()
    a = Relu(x)
    b = Relu(a)
    l = Neg(k)
    m = Neg(l)
    c = Relu(b)
    d = Add(c, m)
    output d`;
  expect(placed(text, two)).toBe(
    'server: k\nphone: in:x a b\nserver: l m c d out:d'.replace(
      'server: k\nphone: in:x a b',
      'phone: in:x\nserver: k\nphone: a b',
    ),
  );
});

test('an author places outputs with the op that makes them', () => {
  const text = `
    input x: float32[4] @server
    a = Relu(x) @server
    b = Relu(a) @phone
    output a, b`;
  expect(placed(text, two)).toBe('server: in:x a\nphone: b\nserver: out:a\nphone: out:b');
});

test('with state or a cohort, ops follow their data and nothing is moved for cost', () => {
  const text = `
    input x: float32[4] @phone.each
    a = Relu(x)
    b = Relu(a)
    c = core.Collect(b) @server
    d = Relu(c)
    e = Relu(d)
    output e`;
  expect(placed(text, { phone: { count: 3 }, edge: {}, server: {} })).toBe(
    'phone.each: in:x a b\nserver: c d e out:e',
  );
});

test('values that may not cross keep their ops together', () => {
  const text = `
    input x: float32[4]
    a: seq(float32[4]) = SequenceConstruct(x)
    b: seq(float32[4]) = SequenceInsert(a, x)
    c: float32[8] = ConcatFromSequence(b)
    d: float32[8] = Relu(c)
    output d`;
  expect(placed(text, two)).toBe('phone: in:x a b c\nserver: d out:d');
});

test('a private input stays where it enters, and so does what hands it on', () => {
  const text = `
    private x: float32[4] @phone
    c: float32[4] = Identity(x)
    a: float32[100] = Expand(c)
    b = ReduceSum(a)
    output b, c`;
  expect(placed(text, two)).toBe('phone: in:x c a\nserver: b out:b\nphone: out:c');
});

test('a class that cannot hold its share gets a smaller one', () => {
  const text = `
    input x: float32[4]
    weight v: float32[100]
    weight w: float32[100]
    a = Mul(x, v)
    b = Mul(a, w)
    c = Relu(b)
    d = Relu(c)
    e = Relu(d)
    output e`;
  expect(placed(text, { small: { memory: '432B' }, large: {} })).toMatch('small: in:x a\nlarge: b c d e');
  expect(placed(text, { small: { memory: '431B' }, large: {} })).toMatch('BB413');
});

test('a refusal for memory points at the limit in the file', () => {
  const text = 'input x: float32[1]\nweight w: float32[1000]\na = Mul(x, w)\nb = Mul(a, w)\noutput b';
  expect(placed(text, { a: { memory: '1KiB' }, b: {} })).toBe(
    [
      'topology.json:1:39: error BB413: no placement fits the memory of class "a": its limit is 1.00 KiB, but its share of the cheapest cut needs 3.91 KiB',
      '    {"version":1,"classes":{"a":{"memory":"1KiB"},"b":{}},"place":[]}',
      '                                          ^^^^^^',
      '  try: raise the limit, add classes to share the model, or move ops to another class by a rule',
    ].join('\n'),
  );
});

test.each([
  [
    'more peers than ops',
    chain,
    { a: {}, b: {}, c: {}, d: {}, e: {} },
    'BB411: the ops cannot be cut over 5 peers: the model has only 4 that are not constant',
  ],
  [
    'no place to cut',
    'input x: float32[1]\na: seq(float32) = SequenceConstruct(x)\nb: float32[1] = SequenceAt(a)\noutput b',
    two,
    'BB412: no cut over 2 peers: values that cannot cross between peers stand in the way, such as "a" (seq(float32))',
  ],
  [
    'too little memory',
    'input x: float32[1]\nweight w: float32[1000]\na = Mul(x, w)\nb = Mul(a, w)\noutput b',
    { a: { memory: '1KiB' }, b: {} },
    'BB413: no placement fits the memory of class "a": its limit is 1.00 KiB, but its share of the cheapest cut needs 3.91 KiB',
  ],
  [
    'too little memory for what the author placed',
    'input x: float32[1]\nweight w: float32[1000]\na = Mul(x, w) @a\nb = Mul(a, w) @b\noutput b',
    { a: { memory: '1KiB' }, b: {} },
    'BB413: no placement fits the memory of class "a": its limit is 1.00 KiB, but what is placed there needs 3.91 KiB',
  ],
  [
    'a class that is not there',
    'input x: float32[1]\na = Relu(x) @phnoe\noutput a',
    two,
    'test.txt:2:1: error BB416: placed on "phnoe", a class that the topology does not have (op a)\n  try: did you mean "phone"?',
  ],
  [
    'one member of many',
    'input x: float32[1]\na = Relu(x) @phone\noutput a',
    { phone: { count: 2 } },
    'BB417: placed on the one member of "phone", which has 2 in the topology',
  ],
])('refused: %s', (_, text, topology, message) => {
  expect(placed(text, topology)).toContain(message);
});
