// Tensors in files against files that NumPy and ONNX wrote (tests/fixtures/tensors, made for this test).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { readInputs, writeTensors } from '../../cli/tensors/files.ts';
import { checkInputs, randomInputs } from '../../cli/tensors/inputs.ts';
import {
  bitsOf,
  type DataValue,
  type DType,
  dtypes,
  formatDiagnostic,
  type Port,
  type Tensor,
  type ValueType,
} from '../../ir/index.ts';
import { narrowBits, narrowValues, roundNarrow } from '../../ir/narrow.ts';
import { encodeNpy } from '../../stdlib/data/npy.ts';
import { readZip } from '../../stdlib/data/zip.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tensors/${name}`, import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'bb-tensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => path.join(folder, name);
const tensorsIn = (specs: readonly string[], ports: readonly Port[]) =>
  readInputs(specs, ports) as Map<string, Tensor>;
const two: Port[] = ['a', 'b'].map((name) => ({ name, dtype: null, shape: null }));

describe('arrays that NumPy wrote', () => {
  it.each(['numpy.npz', 'numpy-deflated.npz'])('are read from %s in every type', (name) => {
    const arrays = tensorsIn([fixture(name)], []);
    const read = Object.fromEntries(
      [...arrays].map(([key, tensor]) => [key, [tensor.dtype, tensor.dims, elementsOf(tensor)]]),
    );
    expect(read).toEqual({
      f4: ['float32', [2, 3], [1.5, -2, Number.NaN, Number.POSITIVE_INFINITY, 0, -0]],
      f8: ['float64', [5], [0, 0.25, 0.5, 0.75, 1]],
      f2: ['float16', [2], [1, 2.5]],
      i1: ['int8', [2], [-1, 2]],
      i8: ['int64', [2], [-(2n ** 63n), 2n ** 63n - 1n]],
      u8: ['uint64', [1], [2n ** 64n - 1n]],
      u1: ['uint8', [3], [0, 1, 2]],
      b: ['bool', [2], [true, false]],
      scalar: ['int32', [], [7]],
      empty: ['float32', [0, 3], []],
      fortran: ['int32', [2, 3], [0, 1, 2, 3, 4, 5]],
      big: ['int16', [4], [0, 1, 2, 3]],
      s: ['string', [3], ['héllo', '', '日本']],
    });
  });

  it('come out byte for byte as NumPy writes them', () => {
    const members = readZip(readFileSync(fixture('numpy.npz')));
    for (const [key, tensor] of tensorsIn([fixture('numpy.npz')], [])) {
      if (key === 'fortran' || key === 'big') continue;
      expect(Buffer.from(encodeNpy(tensor)).equals(members.get(`${key}.npy`)!), key).toBe(true);
    }
  });
});

describe('tensors in files', () => {
  const tensors = new Map([
    ['x', tensorFrom('float32', [2, 2], [1, 'NaN', '-0', 'Infinity'])],
    ['ids', tensorFrom('int64', [2], ['9007199254740993', -1])],
    ['h', tensorFrom('float16', [], [0.1])],
    ['words', tensorFrom('string', [2], ['', 'ß'])],
    ['none', tensorFrom('bool', [0], [])],
  ]);

  it.each(['all.npz', 'all.json'])('are the same after %s', (name) => {
    writeTensors(file(name), tensors);
    expect(readInputs([file(name)], [])).toEqual(tensors);
  });

  it.each(['x.npy', 'x.pb', 'x.json'])('are the same after %s with one of them', (name) => {
    const one = new Map([['x', tensors.get('x')!]]);
    writeTensors(file(name), one);
    expect(readInputs([`x=${file(name)}`], two)).toEqual(one);
  });

  it('of ONNX are read, the only input needing no name', () => {
    const ports: Port[] = [{ name: 'in', dtype: 'float32', shape: null }];
    expect(tensorsIn([fixture('f4.pb')], ports).get('in')!.dims).toEqual([2, 3]);
  });

  it('may be nested arrays, typed by the input', () => {
    writeFileSync(file('nested.json'), '{"a": [[1, 2], [3, "4"]], "b": true}');
    const ports: Port[] = [
      { name: 'a', dtype: 'int64', shape: ['N', 2] },
      { name: 'b', dtype: null, shape: null },
    ];
    const read = tensorsIn([file('nested.json')], ports);
    expect(elementsOf(read.get('a')!)).toEqual([1n, 2n, 3n, 4n]);
    expect(read.get('b')).toEqual({ dtype: 'bool', dims: [], bytes: Uint8Array.of(1) });
  });

  it.each([
    ['ragged', '{"a": [[1], [2, 3]]}', 'ragged'],
    ['too-many', '{"a": {"dtype": "float32", "dims": [1], "data": [1, 2]}}', 'needs 1 elements, got 2'],
    ['too-large', '{"a": {"dtype": "int8", "data": [200]}}', '200 does not fit in int8'],
    ['no-number', '{"a": {"dtype": "float32", "data": ["x"]}}', 'is no number'],
    ['no-dtype', '{"a": {"dtype": "float", "data": [1]}}', 'no dtype is called float'],
    ['cut', '{"a": ', 'JSON'],
  ])('that are wrong (%s) are a diagnostic', (name, text, reason) => {
    writeFileSync(file(`${name}.json`), text);
    expect(() => readInputs([file(`${name}.json`)], two)).toThrow(new RegExp(`BB820.*${reason}`, 's'));
  });

  it('cut anywhere are a diagnostic and never another error', () => {
    for (const name of ['numpy-deflated.npz', 'fortran.npy', 'f4.pb']) {
      const whole = readFileSync(fixture(name));
      for (let length = 0; length < whole.length; length += 1 + (whole.length >> 6)) {
        const cut = file(`cut${path.extname(name)}`);
        writeFileSync(cut, whole.subarray(0, length));
        let outcome: unknown;
        try {
          // A .pb without its last field is a smaller message, and may be a valid one.
          outcome = readInputs([`a=${cut}`], two);
        } catch (error) {
          outcome = error;
        }
        if (outcome instanceof Error) expect(outcome.name, `${name} ${length}`).toBe('DiagnosticError');
        else expect(name).toBe('f4.pb');
      }
    }
  });
});

describe('elements as text', () => {
  it.each(dtypes.filter((dtype) => dtype !== 'string'))('of %s come back bit for bit', (dtype) => {
    // NaN has many bits, and text one.
    const values = { kind: 'sequence', values: randomTensors(dtype) } as const;
    writeTensors(file('all.json'), new Map([['a', values]]));
    const [port] = [{ name: 'a', dtype: null, shape: null } as const];
    expect(readInputs([file('all.json')], [port]).get('a')).toEqual(values);
  });

  it.each([
    ['complex', '{"a": {"dtype": "complex64", "data": ["1-2j"]}}', 'is no complex number'],
    ['int4', '{"a": {"dtype": "int4", "data": [8]}}', '8 does not fit in int4'],
    ['uint2', '{"a": {"dtype": "uint2", "data": [-1]}}', '-1 does not fit in uint2'],
  ])('that are wrong (%s) are a diagnostic', (name, text, reason) => {
    writeFileSync(file(`${name}.json`), text);
    expect(() => readInputs([file(`${name}.json`)], two)).toThrow(new RegExp(`BB820.*${reason}`, 's'));
  });
});

/** Every narrow number, or some wide ones; without NaN. */
function randomTensors(dtype: DType): Tensor[] {
  const narrow = bitsOf(dtype) <= 8;
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => (narrow ? at : (at * 37) % 120));
  const count = (256 * 8) / bitsOf(dtype);
  const elements = elementsOf({ dtype, dims: [count], bytes });
  const kept = elements.filter((one) => typeof one !== 'number' || !Number.isNaN(one));
  const known = dtype === 'bool' ? [true, false] : kept;
  return [tensorFrom(dtype, [known.length], known), tensorFrom(dtype, [3], [known[0]!, ...known.slice(-2)])];
}

describe('sequences, optional values and sparse tensors', () => {
  const x = tensorFrom('float32', [2], [1, 2]);
  const sequence: DataValue = { kind: 'sequence', values: [x, tensorFrom('float32', [0], [])] };
  const none: DataValue = { kind: 'optional', value: null };
  const some: DataValue = { kind: 'optional', value: sequence };
  const sparse: DataValue = {
    kind: 'sparse',
    dims: [2, 5],
    values: x,
    indices: tensorFrom('int64', [2], [0, 7]),
  };
  const of = (type: ValueType): Port => ({ name: 'a', dtype: null, shape: null, type });
  const f32: ValueType = { kind: 'tensor', dtype: 'float32', dims: undefined };
  const ports = {
    sequence: of({ kind: 'sequence', elem: f32 }),
    none: of({ kind: 'optional', elem: f32 }),
    some: of({ kind: 'optional', elem: { kind: 'sequence', elem: f32 } }),
    sparse: of({ kind: 'sparse', dtype: 'float32', dims: [2, 'N'] }),
  };
  const values = { sequence, none, some, sparse };

  it.each(
    Object.keys(values).flatMap((key) => [
      [key as keyof typeof values, 'json'] as const,
      [key as keyof typeof values, 'pb'] as const,
    ]),
  )('come back (%s) from .%s', (key, format) => {
    const written = new Map([['a', values[key]]]);
    writeTensors(file(`one.${format}`), written);
    const read = readInputs([file(`one.${format}`)], [ports[key]]);
    expect(read).toEqual(written);
    expect(checkInputs([ports[key]], read)).toEqual([]);
  });

  it('need not say again in JSON what the input says', () => {
    writeFileSync(file('bare.json'), '{"a": [[1, 2], []]}');
    expect(readInputs([file('bare.json')], [ports.sequence]).get('a')).toEqual(sequence);
    writeFileSync(file('bare.json'), '{"a": null}');
    expect(readInputs([file('bare.json')], [ports.some]).get('a')).toEqual(none);
  });

  it('are no arrays of NumPy, which is a diagnostic', () => {
    expect(() => writeTensors(file('a.npz'), new Map([['a', sequence]]))).toThrow(
      /BB824.*seq\(float32\[2\]\)/,
    );
  });

  it.each([
    ['values', '{"a": {"kind": "sequence"}}', 'the values of a sequence are a list'],
    ['kind', '{"a": {"kind": "map"}}', 'no value is called map'],
    ['deep', `{"a": ${'{"kind": "optional", "value": '.repeat(20)}null${'}'.repeat(20)}}`, ''],
    [
      'places',
      '{"a": {"kind": "sparse", "dims": [4], "values": {"dtype": "float32", "data": [1]}, "indices": [0, 1]}}',
      'a sparse tensor of 1 values with indices int64',
    ],
  ])('that are wrong (%s) are a diagnostic', (name, text, reason) => {
    writeFileSync(file(`${name}.json`), text);
    expect(() => readInputs([file(`${name}.json`)], two)).toThrow(
      new RegExp(`(BB820|BB110).*${reason}`, 's'),
    );
  });

  it('can be made up', () => {
    for (const port of Object.values(ports))
      expect(checkInputs([port], randomInputs([port], 1, new Map([['N', 3]])))).toEqual([]);
  });

  it('of another type than the input are a diagnostic that names both', () => {
    expect(checkInputs([ports.sequence], new Map([['a', none]])).map(formatDiagnostic)[0]).toMatch(
      /BB823.*input a takes seq\(float32\), got optional\(\?\)/,
    );
  });
});

describe('half precision', () => {
  it('keeps every number that it has', () => {
    const lost = Array.from(narrowValues('float16'), (value, bits) => ({ value, bits })).filter(
      ({ value, bits }) => !Number.isNaN(value) && narrowBits('float16', value) !== bits,
    );
    expect(lost).toEqual([]);
  });
  it('rounds to the nearest, ties to even', () => {
    for (const [value, nearest] of [
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [65519, 65504],
      [65520, Number.POSITIVE_INFINITY],
      [2 ** -25, 0],
      [2 ** -25 * 1.01, 2 ** -24],
    ] as const)
      expect(roundNarrow('float16', value)).toBe(nearest);
  });
});

describe('inputs against what a program takes', () => {
  const ports: Port[] = [
    { name: 'x', dtype: 'float32', shape: ['N', 3] },
    { name: 'y', dtype: 'int64', shape: ['N', null] },
  ];
  const x = tensorFrom('float32', [2, 3], [1, 2, 3, 4, 5, 6]);
  const codes = (inputs: ReturnType<typeof randomInputs>) =>
    checkInputs(ports, inputs).map(({ code, message }) => `${code} ${message}`);

  it('are all judged at once', () => {
    expect(codes(new Map([['z', x]]))).toEqual([
      'BB822 there is no input z',
      'BB821 input x is missing: it takes float32[N, 3]',
      'BB821 input y is missing: it takes int64[N, ?]',
    ]);
    const y = (rows: number) => tensorFrom('int64', [rows, 1], new Array(rows).fill(0));
    expect(
      codes(
        new Map([
          ['x', x],
          ['y', y(2)],
        ]),
      ),
    ).toEqual([]);
    expect(
      codes(
        new Map([
          ['x', x],
          ['y', y(3)],
        ]),
      ),
    ).toEqual(['BB823 input y takes int64[N, ?], got int64[3, 1]']);
    expect(
      codes(
        new Map([
          ['x', y(3)],
          ['y', y(3)],
        ]),
      )[0],
    ).toBe('BB823 input x takes float32[N, 3], got int64[3, 1]');
  });

  it('can be made up, the same for the same seed', () => {
    const made = randomInputs(ports, 7, new Map([['N', 4]]));
    expect(checkInputs(ports, made)).toEqual([]);
    expect((made.get('y') as Tensor).dims).toEqual([4, 1]);
    expect(randomInputs(ports, 7, new Map([['N', 4]]))).toEqual(made);
    expect(randomInputs(ports, 8, new Map([['N', 4]]))).not.toEqual(made);
  });
});
