import { describe, expect, test } from 'vitest';
import { chainTopology, parseTopology } from '../../compiler/topology.ts';
import { formatDiagnostic } from '../../ir/index.ts';

const example = `{
  "version": 1,
  "classes": {
    "phone":  { "count": 3, "memory": "256MiB", "compute": "8GFLOPS", "backend": "onnxruntime" },
    "server": { "memory": "8GiB", "compute": "200GFLOPS" }
  },
  "peers": {
    "server": { "class": "server", "address": ["/ip4/127.0.0.1/tcp/7000/ws"] },
    "mine": { "class": "phone" }
  },
  "links": [
    { "between": ["phone", "server"], "latency": "40ms", "up": "5Mbit/s", "down": "20Mbit/s", "loss": 0.01 }
  ],
  "place": [ { "where": "scope:encoder.* and not op:Softmax", "on": "phone" } ],
  "objective": "bytes"
}
`;

const problems = (text: string): string =>
  parseTopology(text, 'topology.json').diagnostics.map(formatDiagnostic).join('\n');

const withClasses = (rest: string): string => `{ "version": 1, "classes": { "a": {}, "b": {} }, ${rest} }`;

const BOUND = (file: string): string =>
  `{ "components": { "train": { "kind": "npz", "file": "${file}.npz" } } }`;

test('every field is read, every unit becomes a number', () => {
  const { topology, diagnostics } = parseTopology(example, 'topology.json');
  expect(diagnostics).toEqual([]);
  expect(topology).toEqual({
    file: 'topology.json',
    text: example,
    classes: [
      {
        name: 'phone',
        members: ['mine', 'phone/0', 'phone/1'],
        cohort: true,
        shared: false,
        components: [],
        memoryBytes: 256 * 2 ** 20,
        flops: 8e9,
        backend: 'onnxruntime',
      },
      {
        name: 'server',
        members: ['server'],
        cohort: false,
        shared: false,
        components: [],
        memoryBytes: 8 * 2 ** 30,
        flops: 200e9,
        backend: 'onnxruntime',
      },
    ],
    peers: [
      { id: 'mine', classes: ['phone'], addresses: [] },
      { id: 'phone/0', classes: ['phone'], addresses: [] },
      { id: 'phone/1', classes: ['phone'], addresses: [] },
      { id: 'server', classes: ['server'], addresses: ['/ip4/127.0.0.1/tcp/7000/ws'] },
    ],
    links: [
      {
        between: ['phone', 'server'],
        latencyNs: 40e6,
        upBytesPerSecond: 625e3,
        downBytesPerSecond: 2.5e6,
        loss: 0.01,
      },
    ],
    rules: [
      {
        where: 'scope:encoder.* and not op:Softmax',
        on: 'phone',
        at: { file: 'topology.json', line: 14, column: 25 },
        onAt: { file: 'topology.json', line: 14, column: 69 },
      },
    ],
    objective: 'bytes',
  });
});

test('members without count: the named peers, or one with the name of the class', () => {
  const text = `{ "version": 1, "classes": { "a": {}, "b": {}, "c": {} },
    "peers": { "x": { "class": "a" }, "y": { "class": "b" }, "z": { "class": "b" } } }`;
  expect(
    parseTopology(text, 't').topology!.classes.map((one) => [one.name, one.members, one.cohort]),
  ).toEqual([
    ['a', ['x'], false],
    ['b', ['y', 'z'], true],
    ['c', ['c'], false],
  ]);
});

test('a peer may be named after a number that count would give', () => {
  const text = `{ "version": 1, "classes": { "a": { "count": 3 } }, "peers": { "a/1": { "class": "a" } } }`;
  expect(parseTopology(text, 't').topology!.classes[0]!.members).toEqual(['a/1', 'a/0', 'a/2']);
});

test('a peer may be of several classes', () => {
  const text = `{ "version": 1, "classes": { "a": { "count": 2 }, "b": {}, "c": {} },
    "peers": { "x": { "class": ["b", "a"] } }, "place": [{ "where": "op:*", "on": "x" }] }`;
  const { classes, peers, rules } = parseTopology(text, 't').topology!;
  expect(classes.map(({ members, shared }) => [members, shared])).toEqual([
    [['x', 'a/0'], true],
    [['x'], true],
    [['c'], false],
  ]);
  expect(peers.map(({ id, classes: own }) => [id, own])).toEqual([
    ['x', ['a', 'b']],
    ['a/0', ['a']],
    ['c', ['c']],
  ]);
  // It is the only one of b.
  expect(rules[0]!.on).toBe('b');
});

describe('classes of a peer that are refused:', () => {
  test.each([
    ['none', '{}', '{}', '[]', 'BB403'],
    ['one twice', '{}', '{}', '["a", "a"]', 'BB406'],
    ['one that is not there', '{}', '{}', '["a", "d"]', 'BB405'],
    ['other backends', '{ "backend": "cpu" }', '{}', '["a", "b"]', 'BB419'],
    ['another component of a name', BOUND('x'), BOUND('y'), '["a", "b"]', 'BB419'],
    ['a part of each', BOUND('{index}'), BOUND('{index}'), '["a", "b"]', 'BB419'],
  ])('%s', (_, a, b, own, code) => {
    const text = `{ "version": 1, "classes": { "a": ${a}, "b": ${b} }, "peers": { "x": { "class": ${own} } } }`;
    expect(parseTopology(text, 't').diagnostics.map((one) => one.code)).toEqual([code]);
  });
  test('the same component in both is one', () => {
    const text = `{ "version": 1, "classes": { "a": ${BOUND('x')}, "b": ${BOUND('x')} },
      "peers": { "x": { "class": ["a", "b"] } } }`;
    expect(parseTopology(text, 't').diagnostics).toEqual([]);
  });
});

test('a rule may name the only peer of a class', () => {
  const text = `{ "version": 1, "classes": { "a": {} }, "peers": { "x": { "class": "a" } },
    "place": [{ "where": "op:*", "on": "x" }] }`;
  expect(parseTopology(text, 't').topology!.rules[0]!.on).toBe('a');
});

test('a chain is one-member classes without links', () => {
  expect(chainTopology(2)).toMatchObject({
    classes: [
      { name: 'p0', members: ['p0'], cohort: false },
      { name: 'p1', members: ['p1'], cohort: false },
    ],
    links: undefined,
  });
});

test('problems are all reported, each with a caret in the file and a hint', () => {
  const text = `{
  "version": 2,
  "classes": { "phone": { "memroy": "1MB", "memory": "256 Mib", "compute": 8 }, "x/y": {} },
  "peers": { "server": { "class": "sever" }, "p q": { "class": "phone" }, "n": { } },
  "links": [ { "between": ["phone", "fone"], "up": "5Mbit", "loss": 2 }, { "between": ["phone"] } ],
  "place": [
    { "where": "opp:Softmax", "on": "phone" },
    { "where": "name:\\"a b\\" and (op:Add", "on": "tablet" },
    { "on": "phone" }
  ],
  "objective": "speed"
}`;
  expect(problems(text)).toMatchInlineSnapshot(`
    "topology.json:2:14: error BB403: "version" should be 1, but is 2
          "version": 2,
                     ^
      try: write 1
    topology.json:3:27: error BB402: class "phone" has no field "memroy"
          "classes": { "phone": { "memroy": "1MB", "memory": "256 Mib", "compute": 8 }, "x/y": {} },
                                  ^^^^^^^^
      try: did you mean "memory"?
    topology.json:3:54: error BB403: the memory of class "phone" should be an amount of memory such as "256MiB", but is "256 Mib"
          "classes": { "phone": { "memroy": "1MB", "memory": "256 Mib", "compute": 8 }, "x/y": {} },
                                                             ^^^^^^^^^
      try: the units are: B, kB, KB, MB, GB, TB, KiB, MiB, GiB, TiB
    topology.json:3:76: error BB403: the compute of class "phone" should be a compute rate such as "8GFLOPS", but is 8
          "classes": { "phone": { "memroy": "1MB", "memory": "256 Mib", "compute": 8 }, "x/y": {} },
                                                                                   ^
      try: the units are: FLOPS, kFLOPS, MFLOPS, GFLOPS, TFLOPS, PFLOPS
    topology.json:3:81: error BB403: the name of a class should be letters, digits, "_", "-" and ".", a letter first, but is "x/y"
          "classes": { "phone": { "memroy": "1MB", "memory": "256 Mib", "compute": 8 }, "x/y": {} },
                                                                                        ^^^^^
      try: write letters, digits, "_", "-" and ".", a letter first
    topology.json:4:35: error BB405: there is no class "sever"
          "peers": { "server": { "class": "sever" }, "p q": { "class": "phone" }, "n": { } },
                                          ^^^^^^^
      try: known are: phone, x/y
    topology.json:4:46: error BB403: the name of a peer should be up to 200 characters without spaces, but is "p q"
          "peers": { "server": { "class": "sever" }, "p q": { "class": "phone" }, "n": { } },
                                                     ^^^^^
      try: write up to 200 characters without spaces
    topology.json:4:80: error BB404: peer "n" lacks "class"
          "peers": { "server": { "class": "sever" }, "p q": { "class": "phone" }, "n": { } },
                                                                                       ^
      try: add "class": "…", one of the topology's classes
    topology.json:5:37: error BB405: there is no class or peer "fone"
          "links": [ { "between": ["phone", "fone"], "up": "5Mbit", "loss": 2 }, { "between": ["phone"] } ],
                                            ^^^^^^
      try: did you mean "phone"?
    topology.json:5:52: error BB403: "up" of a link should be a bandwidth such as "5Mbit/s", but is "5Mbit"
          "links": [ { "between": ["phone", "fone"], "up": "5Mbit", "loss": 2 }, { "between": ["phone"] } ],
                                                           ^^^^^^^
      try: the units are: bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, KB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, TiB/s
    topology.json:5:69: error BB403: the loss of a link should be a share from 0 to 1, but is 2
          "links": [ { "between": ["phone", "fone"], "up": "5Mbit", "loss": 2 }, { "between": ["phone"] } ],
                                                                            ^
      try: write a share from 0 to 1
    topology.json:5:87: error BB403: "between" should be a list of two classes or peers, but is an array
        "fone"], "up": "5Mbit", "loss": 2 }, { "between": ["phone"] } ],
                                                          ^^^^^^^^^
      try: write a list of two classes or peers
    topology.json:7:17: error BB408: this placement rule does not parse: unknown field "opp"; did you mean "op"?
            { "where": "opp:Softmax", "on": "phone" },
                        ^^^^
      try: a rule is made of scope:GLOB, op:TYPE, name:GLOB and value:GLOB, joined by "and", "or", "not" and parentheses
    topology.json:8:41: error BB408: this placement rule does not parse: expected "and", "or", ")" or the end, found the end
            { "where": "name:\\"a b\\" and (op:Add", "on": "tablet" },
                                                ^
      try: a rule is made of scope:GLOB, op:TYPE, name:GLOB and value:GLOB, joined by "and", "or", "not" and parentheses
    topology.json:8:50: error BB405: there is no class or peer "tablet"
            { "where": "name:\\"a b\\" and (op:Add", "on": "tablet" },
                                                         ^^^^^^^^
      try: known are: phone, x/y, p q
    topology.json:9:5: error BB404: a placement rule lacks "where"
            { "on": "phone" }
            ^
      try: add "where": "op:Softmax", which ops
    topology.json:11:16: error BB405: there is no objective "speed"
          "objective": "speed"
                       ^^^^^^^
      try: known are: latency, throughput, bytes, energy"
  `);
});

test.each([
  ['{ "version": 1, "classes": { "a": {}, } }', '1:39'],
  ['{ "version": 1, "classes": { "a": {}, "a": {} } }', '1:39'],
  ['{ "version": 1', '1:15'],
  ['', '1:1'],
  ['[1, 02]', '1:5'],
  ['{ "a": "b\\x" }', '1:10'],
  ['{ "a": "b', '1:8'],
  ['{} {}', '1:4'],
])('%j is not JSON', (text, at) => {
  expect(problems(text)).toMatch(`topology.json:${at}: error BB401: `);
});

test.each([
  [
    '"peers": { "b": { "class": "a" } }',
    'BB406: peer "b" (of class "a", and the member of "b") is here twice',
  ],
  [
    '"links": [{ "between": ["a", "b"] }, { "between": ["b", "a"] }]',
    'BB406: the link between "b" and "a" is here twice',
  ],
  [
    '"links": [{ "between": ["a", "b"], "codec": "int8 block" }]',
    'BB403: "codec" of a link should be a kind of codec and its settings, such as "int8 block=64", but is "int8 block"',
  ],
  [
    '"links": [{ "between": ["a", "b"], "codec": "int8 kind=float16" }]',
    'BB403: "codec" of a link should be a kind of codec',
  ],
  ['"links": [{ "between": ["a", "b"], "codec": { "up": 8 } }]', 'BB403: "up" of a codec should be a kind'],
  [
    '"links": [{ "between": ["a", "b"], "codec": { "upp": "int8" } }]',
    'BB402: "codec" of a link has no field "upp"',
  ],
  [
    '"peers": { "x": { "class": "a" } }, "links": [{ "between": ["x", "b"], "codec": "int8" }]',
    'BB403: "codec" of a link should be on a link between two classes',
  ],
  [
    '"links": [{ "between": ["a", "a"], "codec": { "up": "int8" } }]',
    'BB403: "codec" of a link should be one text where both ends are of one class',
  ],
  ['"classes2": 3', 'BB402: the topology has no field "classes2"'],
  ['"peers": []', 'BB403: "peers" should be an object, but is an array'],
])('%s is refused', (rest, message) => {
  expect(problems(withClasses(rest))).toMatch(message);
});

test('deep nesting is refused before it overflows the stack', () => {
  expect(problems('['.repeat(5000))).toMatch(
    '1:102: error BB110: over a limit: more than 100 levels of objects and lists',
  );
});

test('a count below the named peers is refused', () => {
  const text = `{ "version": 1, "classes": { "a": { "count": 1 } },
    "peers": { "x": { "class": "a" }, "y": { "class": "a" } } }`;
  expect(problems(text)).toMatch('BB407: class "a" counts 1 members, but 2 peers are named for it');
});

test('a rule on one of several members is refused', () => {
  const text = `{ "version": 1, "classes": { "a": { "count": 2 } },
    "place": [{ "where": "op:Add", "on": "a/1" }] }`;
  expect(problems(text)).toMatch('BB409: "a/1" is one of several members of class "a"');
});
