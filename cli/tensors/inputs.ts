// Whether the tensors given fit what a program takes; and tensors made up for it.

import {
  type DataValue,
  type Diagnostic,
  type Dim,
  type DType,
  diagnostic,
  elementCount,
  fitsType,
  formatType,
  isTensor,
  type Port,
  typeOfData,
  typeOfPort,
  type ValueType,
} from '../../ir/index.ts';
import { type Element, tensorFrom } from './elements.ts';

/** Everything that is wrong with the inputs; a symbol must stand for one size in all of them. */
export function checkInputs(
  ports: readonly Port[],
  inputs: ReadonlyMap<string, DataValue>,
): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const sizes = new Map<string, number>();
  for (const name of inputs.keys()) {
    if (!ports.some((port) => port.name === name)) {
      problems.push(diagnostic('BB822', { name, known: ports.map((port) => port.name) }, { value: name }));
    }
  }
  for (const port of ports) {
    const value = inputs.get(port.name);
    const context = { value: port.name };
    const expected = formatType(typeOfPort(port));
    if (value === undefined) {
      problems.push(diagnostic('BB821', { name: port.name, expected }, context));
    } else if (!fits(port, value, sizes)) {
      const symbols = [...sizes].map(([symbol, size]) => `${symbol} = ${size}`);
      problems.push(
        diagnostic(
          'BB823',
          { name: port.name, expected, actual: formatType(typeOfData(value)), symbols },
          context,
        ),
      );
    }
  }
  return problems;
}

function fits(port: Port, value: DataValue, sizes: Map<string, number>): boolean {
  if (port.shape === null || !isTensor(value)) return fitsType(typeOfPort(port), value);
  if (port.dtype !== null && port.dtype !== value.dtype) return false;
  if (port.shape.length !== value.dims.length) return false;
  return port.shape.every((dim, axis) => {
    const size = value.dims[axis]!;
    if (typeof dim !== 'string' || dim === '') return typeof dim !== 'number' || dim === size;
    const known = sizes.get(dim);
    if (known === undefined) sizes.set(dim, size);
    return known === undefined || known === size;
  });
}

/**
 * Made-up inputs, the same for the same seed: floats from -1 up to 1, whole numbers 0 or 1 (they often index
 * something), bools, short strings; sequences of two, optional values that are there. Dimensions that have no size get that of
 * `dims`, by their own name or as `input.axis`, or 1.
 */
export function randomInputs(
  ports: readonly Port[],
  seed: number,
  dims: ReadonlyMap<string, number>,
): Map<string, DataValue> {
  const next = mulberry32(seed);
  return new Map(
    ports.map((port) => {
      const sizeOf = (dim: Dim, axis: number): number =>
        typeof dim === 'number' ? dim : (dims.get(`${port.name}.${axis}`) ?? dims.get(dim ?? '') ?? 1);
      return [port.name, randomValue(typeOfPort(port), sizeOf, next)];
    }),
  );
}

function randomValue(
  type: ValueType | undefined,
  sizeOf: (dim: Dim, axis: number) => number,
  next: () => number,
): DataValue {
  switch (type?.kind) {
    case 'sequence':
      return { kind: 'sequence', values: [0, 1].map(() => randomValue(type.elem, sizeOf, next)) };
    case 'optional':
      return { kind: 'optional', value: randomValue(type.elem, sizeOf, next) };
    case 'sparse': {
      // Nothing but the default.
      const none = tensorFrom(type.dtype ?? 'float32', [0], []);
      return {
        kind: 'sparse',
        dims: (type.dims ?? []).map(sizeOf),
        values: none,
        indices: tensorFrom('int64', [0], []),
      };
    }
    default: {
      const known = type?.kind === 'tensor' ? type : undefined;
      const shape = (known?.dims ?? []).map(sizeOf);
      const dtype = known?.dtype ?? 'float32';
      const elements = Array.from({ length: elementCount(shape)! }, () => randomElement(dtype, next));
      return tensorFrom(dtype, shape, elements);
    }
  }
}

function randomElement(dtype: DType, next: () => number): Element {
  if (dtype.startsWith('float')) return next() * 2 - 1;
  const bit = next() < 0.5 ? 0 : 1;
  return dtype === 'string' ? 'ab'[bit]! : bit;
}

/** Uniform numbers from 0 up to 1; Mulberry32 by Tommy Ettinger (public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
