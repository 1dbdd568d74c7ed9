// ONNX's textual syntax against onnx.parser and onnx.printer.
import { existsSync, readFileSync } from 'node:fs';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { type ModelProto, ModelProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import { formatDiagnostic, importModel, memorySource, printModel } from '../../ir/index.ts';
import { readText } from '../../ir/text/read.ts';
import { writeText } from '../../ir/text/write.ts';

/** What a model is, however its messages say it: fields that are set to their defaults, raw or typed data. */
function meaning(proto: ModelProto): string {
  const { model, diagnostics } = importModel(memorySource('model', toBinary(ModelProtoSchema, proto)), {
    external: (location) => memorySource(location, new Uint8Array(64)),
  });
  if (model === undefined) throw new Error(diagnostics.map((one) => one.message).join('\n'));
  return printModel(model) + writeText(proto);
}

function read(text: string): ModelProto {
  const { proto, diagnostics } = readText(text, 'model.onnxtxt');
  if (proto === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return proto;
}

it('reads what the printer of ONNX writes as the parser of ONNX does', () => {
  const lines = readFileSync('tests/fixtures/text/cases.jsonl', 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(80);
  for (const line of lines) {
    const one = JSON.parse(line) as { case: string; text: string; model: string };
    const wanted = fromBinary(ModelProtoSchema, Buffer.from(one.model, 'base64'));
    expect(meaning(read(one.text)), one.case).toBe(meaning(wanted));
  }
});

const shared = '../shared/onnx/conformance';
const folder = existsSync(shared) ? shared : 'tests/fixtures/conformance';

it('parse(print(model)) is the model, for every conformance model', () => {
  const { cases } = JSON.parse(readFileSync(`${folder}/index.json`, 'utf8')) as { cases: { path: string }[] };
  expect(cases.length).toBeGreaterThan(30);
  for (const { path } of cases) {
    const model = fromBinary(ModelProtoSchema, readFileSync(`${folder}/${path}/model.onnx`));
    const text = writeText(model);
    const back = read(text);
    expect(meaning(back), path).toBe(meaning(model));
    expect(writeText(back), path).toBe(text);
  }
});

describe('what the examples leave out', () => {
  const model = (body: string, values = '') =>
    `<ir_version: 10, opset_import: ["" : 21]> g (float[N] x) => (float[N] y) ${values} { ${body} }`;

  it.each([
    [
      'special floats, negative zero, the smallest float',
      model('y = A <f = [inf, -inf, nan, -0.0, 1e-45, 1e30]> (x)'),
    ],
    ['strings with quotes and backslashes', model('y = A <s = "a\\"b\\\\c", t = ["", "\n"]> (x)')],
    [
      'names that are types, literals or no names',
      model('"int8" = A (x) "nan" = B ("int8") y = C ("nan", "a b/c.1")'),
    ],
    ['omitted inputs and outputs', model('y, "" = A ("", x, "", x)')],
    ['sparse tensors', model('y = A <v = sparse_tensor(float[9]) (float[2] {1,2}, int64[2] {0,8})> (x)')],
    [
      'lists of tensors, types and graphs',
      model('y = A <t = [float {1}, int8[2] {1,2}], u = [float[?], seq(int8)], g = [h () => () {}]> (x)'),
    ],
    [
      'half floats and small integers by their bits',
      model('y = A (x)', '<float16[2] h = {15360, 31745}, int4[3] i = {1,2,3}>'),
    ],
    ['external data', model('y = A (x)', '<float[2] w = ["location": "w.bin", "offset": "0"]>')],
    [
      'an opset for each domain, and functions with defaults',
      `<ir_version: 10, opset_import: ["" : 21, "d.e" : 1]>
      g (float x) => (y) { [n] y = d.e.F:o <a: int = 2> (x) }
      <domain: "d.e", overload: "o", opset_import: ["" : 21]> F <a, b: float = 1.0> (x) => (y) <float[] x> { y = Elu <alpha: float = @b> (x) }`,
    ],
  ])('%s', (_, text) => {
    const proto = read(text);
    const printed = writeText(proto);
    expect(meaning(read(printed))).toBe(meaning(proto));
    expect(printed).toMatchSnapshot();
  });
});

describe('a text that is wrong', () => {
  const problems = (text: string) =>
    readText(text, 'm.onnxtxt').diagnostics.map(
      (one) => `${one.at?.line}:${one.at?.column} ${one.message}\n${one.excerpt}`,
    );

  it('is pointed at where it stops making sense', () => {
    expect(
      problems(
        '<ir_version: 10, opset_import: ["" : 21]>\ng (float[N] x) => (float[N] y) {\n  y = Relu x)\n}\n',
      ),
    ).toMatchSnapshot();
  });

  it('is told every problem, not only the first', () => {
    const text = `<ir_version: 10, opset: ["" : 21], opset_import: ["" : 1.5]>
g (flat[N] x) => (float[N] y)
<float[N] w = {1}, int8[2] v = {99999999999, 2}>
{
  y = Relu <axis: intt = 3, alpha: float = "x", axes = []> (x)
}
`;
    const found = problems(text);
    expect(found).toHaveLength(8);
    expect(problems('g (x => (y) {\n y = A (x)\n z = (y)\n}')).toHaveLength(3);
    expect(found).toMatchSnapshot();
  });

  it.each([
    ['', 'the end'],
    ['g () => () {', 'the end'],
    ['g () => () { y = A ("x }', 'no end'],
    ['g () => () { y = A (x) % }', 'unexpected'],
    ['<ir_version: 10>', 'the end'],
  ])('%j', (text, words) => {
    expect(problems(text).join('\n')).toContain(words);
  });

  it('may nest as deep as it likes', () => {
    const type = `${'seq('.repeat(5000)}float${')'.repeat(5000)}`;
    expect(problems(`g (${type} x) => () {}`)).toHaveLength(1);
  });
});
