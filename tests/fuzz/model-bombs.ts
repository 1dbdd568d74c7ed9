// Small files that ask for much: each makes an attack on a reader of models, of a size that grows with n.

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProtoSchema,
  type FunctionProtoSchema,
  type GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../../ir/generated/onnx-ml_pb.ts';

type Node = MessageInitShape<typeof NodeProtoSchema>;
type Graph = MessageInitShape<typeof GraphProtoSchema>;
type Function = MessageInitShape<typeof FunctionProtoSchema>;
type Attribute = MessageInitShape<typeof AttributeProtoSchema>;
type Type = MessageInitShape<typeof TypeProtoSchema>;
type Dim = number | bigint | string;

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));

const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attribute: readonly Attribute[] = [],
  domain = '',
): Node => ({
  opType,
  input: [...input],
  output: [...output],
  attribute: [...attribute],
  ...(domain === '' ? {} : { domain }),
});

const dimOf = (dim: Dim) => ({
  value:
    typeof dim === 'string'
      ? ({ case: 'dimParam', value: dim } as const)
      : ({ case: 'dimValue', value: BigInt(dim) } as const),
});

const tensorType = (dims: readonly Dim[], elemType = 1): Type => ({
  value: { case: 'tensorType', value: { elemType, shape: { dim: dims.map(dimOf) } } },
});

const info = (name: string, dims: readonly Dim[] = [2, 3], elemType = 1) =>
  create(ValueInfoProtoSchema, { name, type: tensorType(dims, elemType) });

/** An int64 vector as an initializer. */
const ints = (name: string, values: readonly (number | bigint)[], dims?: readonly bigint[]) =>
  create(TensorProtoSchema, {
    name,
    dataType: 7,
    dims: dims === undefined ? [BigInt(values.length)] : [...dims],
    rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  });

function file(graph: Graph, functions: readonly Function[] = []): Uint8Array {
  const opsetImport = [
    { domain: '', version: 21n },
    { domain: 'f', version: 1n },
  ];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport,
      graph: { name: 'g', input: [info('x')], output: [info('y')], ...graph },
      functions: functions.map((one) => ({ domain: 'f', opsetImport, ...one })),
    }),
  );
}

const graphAttribute = (name: string, g: Graph): Attribute => ({ name, type: Kind.GRAPH, g });
const tensorAttribute = (name: string): Attribute => ({ name, type: Kind.TENSOR, t: ints('', [1]) });

/** A chain: each op makes the input of the next. */
const chain = (count: number, op: (input: string, output: string, index: number) => Node): Node[] =>
  times(count, (at) => op(at === 0 ? 'x' : `v${at - 1}`, at === count - 1 ? 'y' : `v${at}`, at));

/** A graph in a graph in a graph, n deep. */
interface NamedGraph {
  readonly name: string;
  readonly node: Node[];
  readonly output: { name: string }[];
}
function nested(depth: number): NamedGraph {
  if (depth === 0) return { name: 'deep', node: [node('Identity', ['x'], ['y'])], output: [{ name: 'y' }] };
  const inner = nested(depth - 1);
  const branches = [
    graphAttribute('then_branch', inner),
    graphAttribute('else_branch', {
      name: 'e',
      node: [node('Identity', ['x'], ['z'])],
      output: [{ name: 'z' }],
    }),
  ];
  return {
    name: `d${depth}`,
    node: [node('If', ['c'], [`y${depth}`], branches)],
    output: [{ name: `y${depth}` }],
  };
}

function nestedLoops(depth: number): Graph {
  const body: { readonly node: Node[] } =
    depth === 0
      ? { node: [node('Concat', ['s', 's'], ['t'], [{ name: 'axis', type: Kind.INT, i: 0n }])] }
      : { node: [node('Loop', ['n', '', 's'], ['t'], [graphAttribute('body', nestedLoops(depth - 1))])] };
  return {
    ...body,
    name: `l${depth}`,
    input: [info('i', [], 7), info('b', [], 9), { name: 's' }],
    node: [...body.node, node('Identity', ['b'], ['b2'])],
    output: [{ name: 'b2' }, { name: 't' }],
  };
}

function sequenceType(depth: number): Type {
  let type = tensorType([1]);
  for (let level = 0; level < depth; level++)
    type = { value: { case: 'sequenceType', value: { elemType: type } } };
  return type;
}

const huge = [2n ** 62n, 2n ** 62n, 2n ** 53n, 2n ** 31n, 3n, 2n ** 63n - 1n] as const;

/** Every attack by its name. n from 1; a few hundred bytes to a few megabytes. */
export const bombs: Readonly<Record<string, (n: number) => Uint8Array>> = {
  'gather doubles the rank': (n) =>
    file({
      input: [info('x', [2, 3], 7)],
      node: chain(n, (input, output) => node('Gather', [input, input], [output])),
    }),
  'unsqueeze raises the rank': (n) =>
    file({
      initializer: [
        ints(
          'a',
          times(60, (at) => at),
        ),
      ],
      node: chain(n, (input, output) => node('Unsqueeze', [input, 'a'], [output])),
    }),
  'a rank of n': (n) =>
    file({
      input: [
        info(
          'x',
          times(50 * n, () => 1),
        ),
      ],
      node: chain(n, (input, output) => node('Relu', [input], [output])),
    }),
  'a shape of huge sizes': (n) =>
    file({
      initializer: [ints('s', huge.slice(0, 1 + (n % huge.length)))],
      node: [
        node('ConstantOfShape', ['s'], ['a']),
        node('Expand', ['x', 's'], ['b']),
        node('Tile', ['x', 's'], ['c']),
        node('Reshape', ['x', 's'], ['d']),
        node('Pad', ['x', 's'], ['e']),
        node('Resize', ['x', '', '', 's'], ['y']),
      ],
    }),
  'a range without end': (n) =>
    file({
      initializer: [ints('a', [0], []), ints('b', [huge[n % huge.length]!], []), ints('c', [1], [])],
      node: [node('Range', ['a', 'b', 'c'], ['r']), node('ConstantOfShape', ['r'], ['y'])],
    }),
  'constants made of constants': (n) =>
    file({
      initializer: [ints('s', [64])],
      node: [
        node('ConstantOfShape', ['s'], ['v'], [tensorAttribute('value')]),
        ...times(n, (at) =>
          node(
            'Concat',
            [at === 0 ? 'v' : `w${at - 1}`, 'v'],
            [`w${at}`],
            [{ name: 'axis', type: Kind.INT, i: 0n }],
          ),
        ),
        node('ConstantOfShape', [`w${n - 1}`], ['y']),
      ],
    }),
  'functions that call the next': (n) =>
    file(
      { node: [node('f0', ['x'], ['y'], [], 'f')] },
      times(5 * n, (at) => ({
        name: `f${at}`,
        input: ['a'],
        output: ['b'],
        node: [node(at + 1 < 5 * n ? `f${at + 1}` : 'Relu', ['a'], ['b'], [], at + 1 < 5 * n ? 'f' : '')],
      })),
    ),
  'functions that call the next twice': (n) =>
    file(
      { node: [node('f0', ['x'], ['y'], [tensorAttribute('t')], 'f')] },
      times(n, (at) => ({
        name: `f${at}`,
        input: ['a'],
        output: ['c'],
        attribute: ['t'],
        node: [
          node(
            at + 1 < n ? `f${at + 1}` : 'Relu',
            ['a'],
            ['b'],
            at + 1 < n ? [tensorAttribute('t')] : [],
            at + 1 < n ? 'f' : '',
          ),
          node(
            at + 1 < n ? `f${at + 1}` : 'Relu',
            ['b'],
            ['c'],
            at + 1 < n ? [tensorAttribute('t')] : [],
            at + 1 < n ? 'f' : '',
          ),
        ],
      })),
    ),
  'functions in a circle': (n) =>
    file(
      { node: [node('f0', ['x'], ['y'], [], 'f')] },
      times(n, (at) => ({
        name: `f${at}`,
        input: ['a'],
        output: ['b'],
        node: [node(`f${(at + 1) % n}`, ['a'], ['b'], [], 'f')],
      })),
    ),
  'graphs in graphs': (n) => file({ input: [info('x'), info('c', [], 9)], ...nested(n % 60) }),
  'loops in loops': (n) =>
    file({
      input: [info('x'), info('n', [], 7), info('b', [], 9)],
      node: [node('Loop', ['n', '', 'x'], ['y'], [graphAttribute('body', nestedLoops(n % 25))])],
    }),
  'loops after loops over a function': (n) =>
    file(
      {
        input: [info('x'), info('n', [], 7)],
        node: chain(n, (input, output) =>
          node(
            'Loop',
            ['n', '', input],
            [output],
            [
              graphAttribute('body', {
                name: 'l',
                input: [info('i', [], 7), info('b', [], 9), { name: 's' }],
                node: [node('f0', ['s'], ['t'], [], 'f'), node('Identity', ['b'], ['b2'])],
                output: [{ name: 'b2' }, { name: 't' }],
              }),
            ],
          ),
        ),
      },
      [
        {
          name: 'f0',
          input: ['x'],
          output: ['y'],
          node: chain(n, (input, output) => node('Unsqueeze', [input, 'x'], [output])),
        },
      ],
    ),
  'types in types': (n) =>
    file({
      input: [{ name: 'x', type: sequenceType(n % 120) }],
      node: chain(3, (input, output) => node('Identity', [input], [output])),
    }),
  'one name for all': (n) =>
    file({
      input: times(n, () => info('x')),
      node: times(n, () => node('Relu', ['x'], ['x'])),
      valueInfo: times(n, () => info('x')),
      output: times(n, () => ({ name: 'x' })),
    }),
  'a long name, often': (n) =>
    file({
      node: [
        { ...node('Relu', ['x'], ['q']), name: 'n'.repeat(500 * n) },
        ...times(n, () => node('Relu', ['x'], ['q'])),
      ],
    }),
  'clashes with a long name': (n) =>
    file({
      input: [info('m'.repeat(500 * n)), info('i', [2], 7)],
      node: [
        node(
          'Concat',
          ['m'.repeat(500 * n), ...times(10 * n, () => 'i')],
          ['y'],
          [{ name: 'axis', type: Kind.INT, i: 0n }],
        ),
      ],
    }),
  'operators nobody knows': (n) =>
    file({
      node: chain(n, (input, output, at) => node(`ConvTransporse${at}`.slice(0, 15), [input], [output])),
    }),
  'reads of nothing': (n) =>
    file({ node: times(n, (at) => node('Add', [`no${at}`, 'nothing'], [`y${at}`])) }),
  backwards: (n) => file({ node: chain(n, (input, output) => node('Relu', [input], [output])).reverse() }),
  'a circle': (n) =>
    file({
      node: times(n, (at) => node('Relu', [`v${(at + 1) % n}`], [`v${at}`])),
      output: [{ name: 'v0' }],
    }),
  'a tensor of no bytes and many dims': (n) =>
    file({
      initializer: [
        ints('w', [], [...times(n, () => 0n), 2n ** 62n, 2n ** 62n]),
        ints(
          'u',
          [1],
          times(n, () => 1n),
        ),
      ],
      node: [node('Reshape', ['u', 'w'], ['y'])],
    }),
  'many empty messages': (n) => file({ node: times(20 * n, () => ({})) }),
  'many strings': (n) =>
    file({
      initializer: [
        create(TensorProtoSchema, {
          name: 's',
          dataType: 8,
          dims: [BigInt(100 * n)],
          stringData: times(100 * n, () => new Uint8Array(0)),
        }),
      ],
      node: [node('Identity', ['s'], ['y'])],
    }),
  'small numbers, packed': (n) =>
    file({
      initializer: [
        create(TensorProtoSchema, {
          name: 's',
          dataType: 7,
          dims: [BigInt(1000 * n)],
          int64Data: times(1000 * n, () => 1n),
        }),
      ],
      node: [node('Identity', ['s'], ['y'])],
    }),
  'a scalar with a long content': (n) =>
    file({
      initializer: [
        create(TensorProtoSchema, { name: 's', dataType: 7, dims: [1n], rawData: new Uint8Array(5000 * n) }),
      ],
      node: [node('ConstantOfShape', ['s'], ['y'])],
    }),
  'data in other files': (n) =>
    file({
      initializer: times(n, (at) =>
        create(TensorProtoSchema, {
          name: `w${at}`,
          dataType: 1,
          dims: [huge[at % huge.length]!],
          dataLocation: 1,
          externalData: [
            { key: 'location', value: ['weights.bin', '../up', '/etc/passwd', 'a\u0000b', ''][at % 5]! },
            { key: 'offset', value: String(huge[at % huge.length]) },
            { key: 'length', value: ['9'.repeat(30), '-1', '0x10', '64'][at % 4]! },
          ],
        }),
      ),
      node: [node('Identity', ['w0'], ['y'])],
    }),
  'places in places': (n) => {
    const value = times(n, () => 'heads.each').join('/');
    const metadataProps = [{ key: 'bytesandbrains.place', value }];
    return file({
      node: [create(NodeProtoSchema, { opType: 'Relu', input: ['x'], output: ['y'], metadataProps })],
    });
  },
};
