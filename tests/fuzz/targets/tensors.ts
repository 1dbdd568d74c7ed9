// Files of tensors that users hand to the command line: .npz, .npy, .json and .pb.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { tensorsIn } from '../../../cli/tensors/files.ts';
import { DiagnosticError, type Port } from '../../../ir/index.ts';
import { writeZip } from '../../../stdlib/data/zip.ts';
import { projectRoot } from '../../support/root.ts';
import { target } from '../harness.ts';
import { byteChange, changedBytes } from '../wire-tree.ts';

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
}
const folder = path.join(projectRoot, 'tests/fixtures/tensors');
const samples: readonly File[] = readdirSync(folder)
  .filter((name) => /\.(npz|npy|pb)$/.test(name))
  .map((name) => ({ name, bytes: readFileSync(path.join(folder, name)) }));

const npy = (header: string, content: Uint8Array): Uint8Array => {
  const text = Buffer.from(`${header}\n`, 'latin1');
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(text.length, 8);
  return Buffer.concat([head, text, content]);
};
const sizes = fc.array(
  fc.oneof(
    fc.constantFrom('0', '1', '2', '9'.repeat(20), '9'.repeat(400), '65536', '100000000'),
    fc.nat(9).map(String),
  ),
  { maxLength: 100 },
);
const descr = fc.constantFrom(
  '<f4',
  '>f4',
  '|b1',
  '<U0',
  '<S0',
  '<U3',
  '|S5',
  '<U99999999',
  '<i8',
  '|O',
  '<f16',
  '<c8',
  '',
  '__proto__',
);
const arrays = fc
  .record({
    descr,
    shape: sizes,
    fortran: fc.constantFrom('True', 'False', 'Maybe'),
    content: fc.uint8Array({ maxLength: 100 }),
    pad: fc.nat(70_000),
  })
  .map(({ descr, shape, fortran, content, pad }) =>
    npy(
      `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape.join(', ')}), }${pad > 60_000 ? ' '.repeat(pad) : ''}`,
      content,
    ),
  );

/** An archive of one deflated member, whose directory may lie about sizes and name it many times. */
function archive(content: Uint8Array, claimed: number, times: number): Uint8Array {
  const packed = deflateRawSync(content);
  const file = Buffer.concat(writeZip(new Map([['x.npy', packed]])));
  const directory = file.readUInt32LE(file.length - 6);
  file.writeUInt16LE(8, 8);
  file.writeUInt16LE(8, directory + 10);
  file.writeUInt32LE(claimed >>> 0, directory + 24);
  const entry = file.subarray(directory, file.length - 22);
  const end = Buffer.from(file.subarray(file.length - 22));
  end.writeUInt16LE(times, 10);
  return Buffer.concat([file.subarray(0, directory), ...Array.from({ length: times }, () => entry), end]);
}
const bombs = fc
  .record({
    zeros: fc.oneof({ weight: 40, arbitrary: fc.nat(5000) }, { weight: 1, arbitrary: fc.nat(2 ** 23) }),
    lie: fc.constantFrom(0, 0, 1, -1, 2 ** 32 - 2, -5000),
    times: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(2000) }),
    array: arrays,
  })
  .map(({ zeros, lie, times, array }) => {
    const content = Buffer.concat([array, new Uint8Array(zeros)]);
    return archive(content, content.length + lie, times);
  });

const element: fc.Arbitrary<unknown> = fc.oneof(
  fc.double(),
  fc.boolean(),
  fc.string({ maxLength: 5 }),
  fc.constantFrom('1'.repeat(5000), null, {}, '1e400', 'NaN'),
);
const nested = fc.oneof(
  element,
  fc.array(fc.oneof(element, fc.array(element, { maxLength: 3 })), { maxLength: 4 }),
);
const dtype = fc.constantFrom(
  'float32',
  'int64',
  'bool',
  'string',
  'int4',
  'complex64',
  '__proto__',
  'uint8',
  'float16',
);
const json = fc.oneof(
  fc
    .dictionary(
      fc.constantFrom('x', 'y', '__proto__'),
      fc.oneof(
        nested,
        fc.record({
          dtype,
          dims: fc.array(fc.oneof(fc.nat(3), fc.constantFrom(2 ** 53, -1, 0.5)), { maxLength: 3 }),
          data: nested,
        }),
      ),
    )
    .map((one) => JSON.stringify(one)),
  fc
    .record({ depth: fc.nat(20_000), inner: fc.constantFrom('', '1', '{}') })
    .map(({ depth, inner }) => '['.repeat(depth) + inner + ']'.repeat(depth)),
  fc.json({ maxDepth: 4 }),
);

const files: fc.Arbitrary<File> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({
        of: fc.constantFrom(...samples),
        other: fc.constantFrom(...samples),
        changes: fc.array(byteChange, { minLength: 1, maxLength: 4 }),
      })
      .map(({ of, other, changes }) => ({
        name: of.name,
        bytes: changedBytes(of.bytes, changes, other.bytes),
      })),
  },
  { weight: 4, arbitrary: arrays.map((bytes) => ({ name: 'x.npy', bytes })) },
  { weight: 1, arbitrary: bombs.map((bytes) => ({ name: 'x.npz', bytes })) },
  { weight: 4, arbitrary: json.map((text) => ({ name: 'x.json', bytes: Buffer.from(text) })) },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constantFrom('x.npz', 'x.npy', 'x.pb', 'x.json'),
      bytes: fc.uint8Array({ maxLength: 100 }),
    }),
  },
);

const ports: readonly Port[] = [
  { name: 'x', dtype: 'float32', shape: [null] },
  { name: 'y', dtype: 'int64', shape: null },
];

function read({ name, bytes }: File): readonly string[] {
  const format = path.extname(name);
  try {
    tensorsIn(name, bytes, ports);
    return ['accepted', `accepted ${format}`];
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return [`${error.diagnostics[0]!.code} ${format}`];
  }
}

export const tensors = target({ name: 'tensors', arbitrary: files, run: read, bytes: ({ bytes }) => bytes });
