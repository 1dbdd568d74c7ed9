// topology.json: text in, a topology or diagnostics out.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parseTopology } from '../../../compiler/index.ts';
import { projectRoot } from '../../support/root.ts';
import { edit, edited } from '../edits.ts';
import { target } from '../harness.ts';
import { ruleText } from './rules.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const name = fc.constantFrom(
  'phone',
  'server',
  'edge.1',
  'phone/0',
  'p',
  '__proto__',
  'constructor',
  'plan.json',
  'Phone',
  '',
  ' ',
  '/',
  'é',
  '\ud800',
  'n'.repeat(300),
);
const quantity = fc.oneof(
  fc.constantFrom(
    '256MiB',
    '8GFLOPS',
    '40ms',
    '5Mbit/s',
    '0B',
    '1e3ms',
    '-1ms',
    '1 ',
    'ms',
    '9'.repeat(400).concat('s'),
  ),
  fc
    .tuple(fc.double(), fc.constantFrom('ms', 'GiB', 'constructor', 'Mbit/s', 'µs', ''))
    .map(([a, b]) => `${a}${b}`),
);
const number = fc.oneof(
  fc.constantFrom(0, 1, 2, 20, -1, 0.5, 1e6, 100_001, 1e308, -0, 2 ** 53, 1e21),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const anything: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(name, quantity, number, fc.constantFrom<Json>(null, true, [], {})) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json> },
);
const often = (usual: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: anything });

/** Members as a list of pairs, so that a key may come twice. */
interface Written {
  readonly pairs: readonly (readonly [string, Json | Written])[];
}
const written = (
  pairs: fc.Arbitrary<readonly (readonly [string, Json | Written])[]>,
): fc.Arbitrary<Written> => pairs.map((given) => ({ pairs: given }));

const classFields = fc.record(
  {
    count: often(fc.oneof(fc.integer({ min: 1, max: 50 }), number)),
    memory: often(quantity),
    compute: often(quantity),
    backend: often(fc.constant('onnxruntime')),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Json>;
const classes = written(fc.array(fc.tuple(name, often(classFields)), { maxLength: 6 }));
const peers = written(
  fc.array(
    fc.tuple(
      name,
      often(
        fc.record(
          { class: often(name), address: often(fc.array(name, { maxLength: 2 })) },
          { requiredKeys: ['class'] },
        ),
      ),
    ),
    { maxLength: 6 },
  ),
);
const links = fc.array(
  often(
    fc.record(
      {
        between: often(fc.array(often(name), { minLength: 1, maxLength: 3 })),
        latency: often(quantity),
        up: often(quantity),
        down: often(quantity),
        loss: often(number),
      },
      { requiredKeys: ['between'] },
    ),
  ),
  { maxLength: 5 },
);
const rules = fc.array(
  often(fc.record({ where: often(ruleText), on: often(name) }, { requiredKeys: ['where', 'on'] })),
  {
    maxLength: 4,
  },
);
const topology = written(
  fc
    .record(
      {
        version: often(fc.constant(1)),
        classes: fc.oneof({ weight: 12, arbitrary: classes }, { weight: 1, arbitrary: anything }),
        peers: fc.oneof({ weight: 6, arbitrary: peers }, { weight: 1, arbitrary: anything }),
        links: often(links),
        place: often(rules),
        objective: often(fc.constantFrom('latency', 'bytes')),
      },
      { requiredKeys: ['version', 'classes'] },
    )
    .chain((fields) =>
      fc
        .array(fc.tuple(name, anything), { maxLength: 1 })
        .map((more) => [...Object.entries(fields), ...more] as never),
    ),
);

const isWritten = (value: Json | Written): value is Written =>
  typeof value === 'object' && value !== null && 'pairs' in value;
const textOf = (value: Json | Written): string =>
  isWritten(value)
    ? `{${value.pairs.map(([key, one]) => `${JSON.stringify(key)}: ${textOf(one)}`).join(',\n ')}}`
    : (JSON.stringify(value) ?? 'null');

const samples = ['01-hello', '02-text-recogniser'].map((example) =>
  readFileSync(path.join(projectRoot, 'examples', example, 'topology.json'), 'utf8'),
);
export const jsonPieces = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\\u00',
  '\\ud800',
  'null',
  '1e999',
  '-',
  '\ufeff',
  '\n',
  '\t',
  '//',
  "'",
  '0x1',
);
const mutated = fc
  .record({
    text: fc.oneof(topology.map(textOf), fc.constantFrom(...samples)),
    edits: fc.array(edit(jsonPieces), { maxLength: 3 }),
  })
  .map(({ text, edits }) => edited(text, edits));

const many = (count: number, make: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => make(at)).join(',');
const document = (fields: string): string => `{"version":1,${fields}}`;
/** What grows faster than the file that says it. */
export const bombs: readonly ((n: number) => string)[] = [
  (n) => '['.repeat(n),
  (n) => `{"a":`.repeat(n),
  (n) => document(`"classes":{${many(n, (at) => `"c${at}":{"count":${100_000}}`)}}`),
  (n) =>
    document(
      `"classes":{"phone":{"count":100000}},"links":[${many(n, (at) => `{"between":["phone/x${at}","fone"]}`)}]`,
    ),
  (n) =>
    document(
      `"classes":{"phone":{"count":100000}},"place":[${many(n, () => '{"where":"op:A","on":"phone/99999"}')}]`,
    ),
  (n) => document(`"classes":{"phone":{}},"place":[${many(n, () => '{"where":"op:A","on":"phone"}\n')}]`),
  (n) =>
    document(
      `"classes":{${many(n, (at) => `"c${at}":{}`)}},"peers":{${many(n, (at) => `"p${at}":{"class":"c${at}"}`)}}`,
    ),
  (n) =>
    document(
      `"classes":{${many(n, (at) => `"c${at}":{}`)}},"peers":{${many(n, (at) => `"p${at}":{"class":"c${at}x"}`)}}`,
    ),
  (n) => document(`"classes":{"a":{}},"links":[${many(n, () => '{"between":["a","a"]}')}]`),
  (n) => document(`"classes":{"a":{}},${many(n, (at) => `"field${at}":1`)}`),
  (n) =>
    document(
      `"classes":{"${'a'.repeat(n * 50)}":{}},"place":[${many(n, (at) => `{"where":"op:A","on":"${at}"}`)}]`,
    ),
  (n) => document(`"classes":{"a":{}},"place":[{"where":"${'not '.repeat(n)}","on":"a"}]`),
  (n) => document(`"classes":{"a":{}},"place":[{"where":"${'('.repeat(n)}op:A${')'.repeat(n)}","on":"a"}]`),
  (n) => document(`"classes":{"a":{"memory":"${'9'.repeat(n * 10)}GiB","compute":"${' '.repeat(n * 10)}x"}}`),
  (n) => document(`"classes":{"a":{"memory":${'9'.repeat(n * 10)}}}`),
  (n) => document(`"classes":{"a":{}},"peers":{${many(n, (at) => `"a/${at}":{"class":"a"}`)}}`),
];
const bomb = fc
  .record({
    bomb: fc.constantFrom(...bombs),
    n: fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 1, max: 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1000, max: 5000 }) },
    ),
  })
  .map(({ bomb, n }) => bomb(n));

const texts = fc.oneof(
  { weight: 300, arbitrary: mutated },
  { weight: 30, arbitrary: fc.string({ maxLength: 60, unit: 'binary' }) },
  { weight: 5, arbitrary: bomb },
);

function read(text: string): readonly string[] {
  const { topology, diagnostics } = parseTopology(text, 'topology.json');
  if (topology !== undefined) return ['accepted'];
  const [first] = diagnostics;
  if (first?.at?.line === undefined || first.hint === '') throw new Error('no place, or no hint');
  return [first.code];
}

export const topologies = target({
  name: 'topology',
  arbitrary: texts,
  run: read,
  bytes: (text) => Buffer.from(text),
});
