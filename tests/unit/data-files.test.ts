// Data files: what each format holds comes out, and each kind of broken file is told for what it is, in one go.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type DataFiles,
  DiagnosticError,
  formatPosition,
  type Tensor,
  unpackStrings,
} from '../../ir/index.ts';
import { DataFolder } from '../../stdlib/data/node/index.ts';
import { encodeNpy } from '../../stdlib/data/npy.ts';
import { writeZip } from '../../stdlib/data/zip.ts';

const root = mkdtempSync(path.join(tmpdir(), 'data-'));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
/** A new folder with these files. */
function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = path.join(root, String(folders++));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

/** The batch [1, 0] of every field, as a program that declares the file's own types gets it. */
async function read(files: Readonly<Record<string, Uint8Array | string>>, spec: DataFiles) {
  const data = new DataFolder(folderOf(files));
  const component = await data.open({ name: 'd', files: spec }, { index: 0, count: 1 });
  const int64 = (value: bigint): Tensor => ({
    dtype: 'int64',
    dims: [],
    bytes: new Uint8Array(BigInt64Array.of(value).buffer),
  });
  const batch = async (name: string): Promise<Tensor> => {
    const [tensor] = await component.call({
      method: 'Batch',
      options: { last: 'keep' },
      inputs: [int64(0n), int64(100n)],
      results: [{ name, dtype: null, shape: null }],
    });
    return tensor as Tensor;
  };
  return { batch, close: () => data.close() };
}

/** What is wrong, as `file:line:column CODE message` without the folder. */
async function problemsOf(files: Readonly<Record<string, Uint8Array | string>>, spec: DataFiles) {
  const folder = folderOf(files);
  const data = new DataFolder(folder);
  try {
    await data.open({ name: 'd', files: spec }, { index: 0, count: 1 });
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ at, code, message }) =>
      `${formatPosition(at)} ${code} ${message}`.replaceAll(`${folder}/`, ''),
    );
  } finally {
    await data.close();
  }
  return [];
}

const numbers = ({ dtype, bytes }: Tensor): number[] => {
  const { buffer } = bytes.slice();
  const arrays = { float32: Float32Array, int32: Int32Array, float64: Float64Array, uint8: Uint8Array };
  if (dtype === 'int64') return Array.from(new BigInt64Array(buffer), Number);
  return [...new arrays[dtype as keyof typeof arrays](buffer)];
};
const idxFile = (type: number, dims: readonly number[], ...rest: readonly number[]): Uint8Array =>
  Uint8Array.of(0, 0, type, dims.length, ...dims.flatMap((dim) => [0, 0, 0, dim]), ...rest);

describe('idx', () => {
  const spec = { kind: 'idx', files: { x: 'x.idx', y: 'y.idx' } } as const;
  const y = idxFile(8, [2], 7, 8);

  test('holds records of every type, gzipped or not', async () => {
    const x = idxFile(12, [2, 2], 0, 0, 0, 1, 255, 255, 255, 254, 0, 1, 0, 0, 0, 0, 0, 9);
    const { batch, close } = await read({ 'x.idx': x, 'y.idx': gzipSync(y) }, spec);
    expect(await batch('x')).toMatchObject({ dtype: 'int32', dims: [2, 2] });
    expect(numbers(await batch('x'))).toEqual([1, -2, 65536, 9]);
    expect(numbers(await batch('y'))).toEqual([7, 8]);
    await close();
  });

  test.each([
    ['another magic number', idxFile(7, [2], 1, 2), 'x.idx@0 BB771 it begins with 00 00 07 01, which is no'],
    ['a text', 'hello', 'x.idx@0 BB771 it begins with 68 65 6c 6c'],
    ['nothing', new Uint8Array(), 'x.idx@0 BB771 it is cut off within its magic number'],
    [
      'half its sizes',
      Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0),
      'x.idx@9 BB771 it is cut off within its sizes',
    ],
    [
      'fewer records than its header says',
      idxFile(8, [3, 2], 1, 2, 3, 4, 5),
      'x.idx@17 BB771 its header says 3 records of 2 bytes, 18 bytes in all, and it has 17',
    ],
    [
      'more',
      idxFile(8, [1], 1, 2),
      'x.idx@9 BB771 its header says 1 records of 1 bytes, 9 bytes in all, and it has 10',
    ],
    ['half a gzip file', gzipSync(idxFile(8, [2], 1, 2)).subarray(0, 20), 'x.idx'],
    [
      'a gzip file with another byte',
      gzipSync(idxFile(8, [2], 1, 2)).map((byte, at, all) => (at === all.length - 8 ? byte ^ 1 : byte)),
      'x.idx BB771 it cannot be unpacked: its checksum is wrong',
    ],
  ])('with %s is told', async (_, x, expected) => {
    const [problem, ...others] = await problemsOf({ 'x.idx': x, 'y.idx': y }, spec);
    expect(problem).toContain(expected);
    expect(problem).toContain('BB771');
    expect(others).toEqual([]);
  });

  test('every broken file of a folder is told, and files that do not belong together', async () => {
    expect(await problemsOf({}, spec)).toEqual([
      'x.idx BB770 cannot read the data file x.idx: it is not there',
      'y.idx BB770 cannot read the data file y.idx: it is not there',
    ]);
    expect(await problemsOf({ 'x.idx/z': '', 'y.idx': y }, spec)).toEqual([
      'x.idx BB770 cannot read the data file x.idx: it is a folder',
    ]);
    const broken = await problemsOf({ 'x.idx': 'hello', 'y.idx': 'world' }, spec);
    expect(broken).toHaveLength(2);
    expect(await problemsOf({ 'x.idx': idxFile(8, [3], 1, 2, 3), 'y.idx': y }, spec)).toEqual([
      'y.idx BB774 y has 2 records, x has 3',
    ]);
  });
});

describe('npz', () => {
  const floats = (...values: readonly number[]): Tensor => ({
    dtype: 'float32',
    dims: [values.length / 2, 2],
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  });
  const archive = (arrays: Readonly<Record<string, Uint8Array>>): Uint8Array =>
    Buffer.concat(writeZip(new Map(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]))));
  const spec: DataFiles = { kind: 'npz', file: 'a.npz' };
  const x = encodeNpy(floats(1, 2, 3, 4));

  test('holds arrays by their names, or by those that the topology gives them', async () => {
    const bytes = archive({ x, names: encodeNpy(textTensor('a', 'bc')) });
    const own = await read({ 'a.npz': bytes }, spec);
    expect(numbers(await own.batch('x'))).toEqual([1, 2, 3, 4]);
    expect(unpackStrings((await own.batch('names')).bytes, 2)).toEqual(['a', 'bc']);
    const renamed = await read({ 'a.npz': bytes }, { ...spec, fields: { image: 'x' } });
    expect(numbers(await renamed.batch('image'))).toEqual([1, 2, 3, 4]);
    await own.close();
    await renamed.close();
  });

  test('numbers with the other byte order, and arrays with the first axis fastest, come out the same', async () => {
    const header = (descr: string, fortran: string) =>
      `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (2, 2), }`.padEnd(117);
    const npy = (head: string, content: Uint8Array): Uint8Array =>
      Buffer.concat([Buffer.from(`\u0093NUMPY\u0001\u0000\u0076\u0000${head}\n`, 'latin1'), content]);
    const big = Buffer.alloc(16);
    for (const [at, value] of [1, 2, 3, 4].entries()) big.writeFloatBE(value, 4 * at);
    const columns = new Uint8Array(Float32Array.of(1, 3, 2, 4).buffer);
    const { batch, close } = await read(
      { 'a.npz': archive({ big: npy(header('>f4', 'False'), big), f: npy(header('<f4', 'True'), columns) }) },
      spec,
    );
    expect(numbers(await batch('big'))).toEqual([1, 2, 3, 4]);
    expect(numbers(await batch('f'))).toEqual([1, 2, 3, 4]);
    await close();
  });

  test('a damaged array, one that is not there, and a file that is none are told', async () => {
    const bytes = archive({ x, y: x });
    const damaged = Uint8Array.from(bytes);
    damaged[30 + 5 + 130]! ^= 1;
    expect(await problemsOf({ 'a.npz': damaged }, spec)).toEqual([
      'a.npz@35 BB771 array x: it is damaged: its checksum is wrong',
    ]);
    expect(await problemsOf({ 'a.npz': bytes }, { ...spec, fields: { a: 'x', b: 'z' } })).toEqual([
      'a.npz BB771 it has no array z; it has x, y',
    ]);
    expect(await problemsOf({ 'a.npz': 'hello' }, spec)).toEqual(['a.npz BB771 it is no zip archive']);
    expect(await problemsOf({ 'a.npz': bytes.subarray(0, bytes.length - 30) }, spec)).toHaveLength(1);
    expect(await problemsOf({ 'a.npz': archive({ x: encodeNpy(floats(1, 2)), y: x }) }, spec)).toEqual([
      'a.npz BB774 y has 2 records, x has 1',
    ]);
    const scalar = encodeNpy({ dtype: 'uint8', dims: [], bytes: Uint8Array.of(1) });
    expect(await problemsOf({ 'a.npz': archive({ s: scalar }) }, spec)).toEqual([
      'a.npz@35 BB771 array s: it is one number, and has no axis that counts records',
    ]);
  });
});

const textTensor = (...texts: readonly string[]): Tensor => {
  const parts = texts.map((text) => Buffer.from(text));
  const lengths = new Uint8Array(Uint32Array.from(parts, (part) => part.length).buffer);
  return { dtype: 'string', dims: [texts.length], bytes: Buffer.concat([lengths, ...parts]) };
};

describe('csv', () => {
  const iris = '\ufeffx,"the ""y""",kind\r\n1.5,2,cat\r\n-3e2, 4 ,"dog"\r\n\r\n';
  const spec: DataFiles = {
    kind: 'csv',
    file: 'a.csv',
    separator: ',',
    fields: {
      point: { columns: ['x', 'the "y"'], many: true, dtype: 'float32' },
      kind: { columns: ['kind'], many: false, dtype: 'int64', classes: ['cat', 'dog'] },
      name: { columns: ['kind'], many: false, dtype: 'string' },
    },
  };

  test('columns make fields: several as a vector, words as numbers, or as texts', async () => {
    const { batch } = await read({ 'a.csv': iris }, spec);
    expect(await batch('point')).toMatchObject({ dtype: 'float32', dims: [2, 2] });
    expect(numbers(await batch('point'))).toEqual([1.5, 2, -300, 4]);
    expect(numbers(await batch('kind'))).toEqual([0, 1]);
    expect(unpackStrings((await batch('name')).bytes, 2)).toEqual(['cat', 'dog']);
    const { batch: plain } = await read(
      { 'a.csv': 'a;b\n1;2' },
      { kind: 'csv', file: 'a.csv', separator: ';' },
    );
    expect(numbers(await plain('b'))).toEqual([2]);
  });

  test('every wrong line is told, with its place', async () => {
    const text = 'x,"the ""y""",kind\n1,2\n3,4,cow\n5,,dog\nsix,7,cat\n8,9,cat,10\n';
    expect(await problemsOf({ 'a.csv': text }, spec)).toEqual([
      'a.csv:2:1 BB772 the line has 2 cells, where the first line names 3 columns',
      'a.csv:3:5 BB772 kind: "cow" is none of cat, dog',
      'a.csv:4:3 BB772 the "y": the cell is empty',
      'a.csv:5:1 BB772 x: "six" is no number',
      'a.csv:6:1 BB772 the line has 4 cells, where the first line names 3 columns',
    ]);
  });

  test('a column that is not there, a quote that is not closed, and an empty file are told', async () => {
    expect(await problemsOf({ 'a.csv': 'x,z\n1,2' }, spec)).toContain(
      'a.csv:1:1 BB772 there is no column kind for field kind; there are: x, z',
    );
    const plain: DataFiles = { kind: 'csv', file: 'a.csv', separator: ',' };
    expect(await problemsOf({ 'a.csv': 'x\n"1\n2' }, plain)).toEqual([
      'a.csv:2:1 BB772 the quote is not closed',
    ]);
    expect(await problemsOf({ 'a.csv': '' }, plain)).toEqual([
      'a.csv:1:1 BB772 the file is empty: its first line names the columns',
    ]);
    const many = await problemsOf({ 'a.csv': `x\n${'a\n'.repeat(500)}` }, plain);
    expect(many).toHaveLength(100);
  });
});

describe('pictures', () => {
  const png = (width: number, height: number, ...data: readonly number[]): Uint8Array =>
    encode({ width, height, data: Uint8Array.from(data), channels: data.length / width / height });
  const red = png(2, 1, 255, 0, 0, 255, 0, 0);
  const grey = png(2, 1, 10, 20);
  const spec: DataFiles = { kind: 'images', folder: 'p', channels: 3, layout: 'chw' };

  test('a folder for each class, in the order of names', async () => {
    const files = {
      'p/dogs/a.png': grey,
      'p/cats/b.PNG': red,
      'p/cats/.hidden.png': 'x',
      'p/readme.txt': 'x',
    };
    const { batch } = await read(files, spec);
    expect(await batch('image')).toMatchObject({ dtype: 'uint8', dims: [2, 3, 1, 2] });
    expect(numbers(await batch('image'))).toEqual([255, 255, 0, 0, 0, 0, 10, 20, 10, 20, 10, 20]);
    expect(numbers(await batch('label'))).toEqual([0, 1]);
    const last = await read(files, { ...spec, layout: 'hwc' });
    expect(numbers(await last.batch('image')).slice(0, 6)).toEqual([255, 0, 0, 255, 0, 0]);
    const one = await read(files, { ...spec, channels: 1 });
    expect(numbers(await one.batch('image'))).toEqual([76, 76, 10, 20]);
  });

  test('labels from a file, and JPEG', async () => {
    const jpeg = encodeJpeg({ width: 8, height: 8, data: Buffer.alloc(8 * 8 * 4, 128) }, 100).data;
    const labels = 'file,label\nb.jpg,7\na.jpg,3\n';
    const { batch } = await read(
      { 'p/a.jpg': jpeg, 'p/b.jpg': jpeg, 'l.csv': labels },
      {
        ...spec,
        channels: 1,
        labels: 'l.csv',
      },
    );
    expect(numbers(await batch('label'))).toEqual([7, 3]);
    expect(new Set(numbers(await batch('image')))).toEqual(new Set([128]));
  });

  test('every picture that does not decode or has another size is told', async () => {
    const files = {
      'p/a/1.png': grey,
      'p/a/2.png': grey.subarray(0, 40),
      'p/a/3.png': 'no picture',
      'p/b/4.png': png(1, 1, 5),
      'p/b/5.jpg': Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0),
      'p/b/6.png': png(1, 1, 5).map((byte, at) => (at >= 16 && at < 24 ? 255 : byte)),
    };
    const problems = await problemsOf(files, spec);
    expect(problems.map((one) => one.split(' ').slice(0, 2).join(' '))).toEqual(
      ['a/2.png', 'a/3.png', 'b/4.png', 'b/5.jpg', 'b/6.png'].map((file) => `p/${file} BB773`),
    );
    expect(problems[0]).toContain('cannot be decoded: it is cut off');
    expect(problems[1]).toContain('it is neither PNG nor JPEG');
    expect(problems[2]).toContain('the picture is 1 × 1, the first one is 2 × 1');
    expect(await problemsOf({ 'x/1.png': grey }, spec)).toEqual([
      'p BB770 cannot read the data file p: it is not there',
    ]);
    expect(
      await problemsOf({ 'p/1.png': grey, 'l.csv': 'file,label\n2.png,cat' }, { ...spec, labels: 'l.csv' }),
    ).toEqual([
      'l.csv:2:1 BB772 there is no picture 2.png in p',
      'l.csv:2:7 BB772 label: "cat" is no whole number from 0',
    ]);
  });
});
