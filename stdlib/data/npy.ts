// NumPy's array files (NEP 1): a header in Python's syntax, then the elements.

import {
  byteLengthOf,
  type DType,
  elementCount,
  LimitError,
  packStrings,
  type Tensor,
  unpackStrings,
} from '../../ir/index.ts';

const MAGIC = '\u0093NUMPY';

/** NumPy's kind and element size for each type that it has. */
const descriptions: Partial<Record<DType, string>> = {
  float16: 'f2',
  float32: 'f4',
  float64: 'f8',
  int8: 'i1',
  int16: 'i2',
  int32: 'i4',
  int64: 'i8',
  uint8: 'u1',
  uint16: 'u2',
  uint32: 'u4',
  uint64: 'u8',
  bool: 'b1',
  complex64: 'c8',
  complex128: 'c16',
};
/** NumPy's own limit is 10,000; its arrays have at most 64 dimensions. */
const MAX_HEADER_BYTES = 65_536;
const MAX_DIMENSIONS = 64;
const MAX_EMPTY_TEXTS = 1024;

const dtypeOf = new Map(Object.entries(descriptions).map(([dtype, text]) => [text, dtype as DType]));

export const npyHas = (dtype: DType): boolean => dtype === 'string' || descriptions[dtype] !== undefined;

/** What the header of an array file says. */
export interface NpyHeader {
  /** Where the elements begin. */
  readonly start: number;
  readonly dims: readonly number[];
  /** First axis fastest. */
  readonly fortran: boolean;
  /** Most significant byte first. */
  readonly big: boolean;
  /** NumPy's, without the byte order: `f4`, `U12`. */
  readonly description: string;
  /** undefined for texts and for what no tensor holds. */
  readonly dtype: DType | undefined;
}

/** At most so many bytes of a file are its header. */
export const NPY_HEADER_BYTES = 12 + MAX_HEADER_BYTES;

const latin = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** Reads the header; `file` may end after {@link NPY_HEADER_BYTES}. Throws Error with what is wrong with it. */
export function npyHeader(file: Uint8Array): NpyHeader {
  if (latin(file.subarray(0, 6)) !== MAGIC) throw new Error('it is no .npy array');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const long = file[6]! >= 2;
  const begin = long ? 12 : 10;
  if (file.length < begin) throw new Error('its header is cut off');
  const start = begin + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  if (start - begin > MAX_HEADER_BYTES) throw new LimitError('bytes in a header', MAX_HEADER_BYTES, 0);
  if (start > file.length) throw new Error('its header is cut off');
  const header = latin(file.subarray(begin, start));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw new Error('its header is none of a plain array');
  }
  const dims = [...shape.matchAll(/\d+/g)].map(([text]) => Number(text));
  if (dims.length > MAX_DIMENSIONS) throw new LimitError('dimensions', MAX_DIMENSIONS, begin);
  if (!dims.every(Number.isSafeInteger)) throw new Error(`no array has the shape (${shape.slice(0, 100)})`);
  const [, order, description] = /^([<>|=])(.*)$/.exec(descr) ?? ['', '', descr];
  const dtype = dtypeOf.get(description!);
  return { start, dims, fortran: fortran === 'True', big: order === '>', description: description!, dtype };
}

/** Reads an array file. Throws Error with what is wrong with it. */
export function decodeNpy(file: Uint8Array): Tensor {
  const { start, dims, fortran, big, description } = npyHeader(file);
  const raw = readElements(file.subarray(start), description, elementCount(dims)!, big);
  const elements = fortran && dims.length > 1 ? rowMajor(raw, dims) : raw;
  return { dtype: raw.dtype, dims, bytes: elements.strings ? packStrings(elements.strings) : elements.bytes };
}

interface Elements {
  readonly dtype: DType;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly strings?: readonly string[];
}

function readElements(content: Uint8Array, description: string, count: number, big: boolean): Elements {
  const text = /^([US])(\d+)$/.exec(description);
  const dtype: DType | undefined = text ? 'string' : dtypeOf.get(description);
  if (dtype === undefined) throw new Error(`no tensor has its element type ${description}`);
  const size = text ? Number(text[2]) * (text[1] === 'U' ? 4 : 1) : Number(description.slice(1));
  // Texts of no characters take no bytes, but each is one in memory.
  if (!Number.isSafeInteger(count) || (size === 0 && count > content.length + MAX_EMPTY_TEXTS))
    throw new Error(`it cannot hold ${count} elements`);
  if (content.length < count * size) {
    throw new Error(`it holds ${content.length} bytes of ${count * size}`);
  }
  let bytes: Uint8Array = new Uint8Array(content.subarray(0, count * size));
  // Complex numbers and UTF-32 are swapped by their parts.
  const unit = text?.[1] === 'U' ? 4 : description.startsWith('c') ? size / 2 : size;
  if (big && text?.[1] !== 'S') bytes = swapped(bytes, unit);
  if (text === null) return { dtype, size, bytes };
  const decode = text[1] === 'U' ? utf32 : utf8;
  const strings = Array.from({ length: count }, (_, index) =>
    decode(bytes.subarray(index * size, (index + 1) * size)),
  );
  return { dtype, size, bytes, strings };
}

const decoder = new TextDecoder();
const utf8 = (bytes: Uint8Array): string => decoder.decode(bytes).replace(/\0+$/, '');
function utf32(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) text += String.fromCodePoint(view.getUint32(at, true));
  return text.replace(/\0+$/, '');
}

export function swapped(bytes: Uint8Array, unit: number): Uint8Array {
  for (let at = 0; at < bytes.length; at += unit) bytes.subarray(at, at + unit).reverse();
  return bytes;
}

/** From first-axis-fastest to last-axis-fastest order. */
function rowMajor(source: Elements, dims: readonly number[]): Elements {
  const count = elementCount(dims)!;
  const bytes = new Uint8Array(source.bytes.length);
  const strings = source.strings && new Array<string>(count);
  const at = dims.map(() => 0);
  for (let index = 0; index < count; index++) {
    let from = 0;
    for (let axis = dims.length - 1; axis >= 0; axis--) from = from * dims[axis]! + at[axis]!;
    bytes.set(source.bytes.subarray(from * source.size, (from + 1) * source.size), index * source.size);
    if (strings) strings[index] = source.strings![from]!;
    for (let axis = dims.length - 1; axis >= 0 && ++at[axis]! === dims[axis]; axis--) at[axis] = 0;
  }
  return { ...source, bytes, ...(strings && { strings }) };
}

/** An array file of version 1. The type must be one of NumPy's ({@link npyHas}). */
export function encodeNpy({ dtype, dims, bytes }: Tensor): Uint8Array {
  const count = elementCount(dims)!;
  let description: string;
  let content = bytes;
  if (dtype === 'string') {
    const points = unpackStrings(bytes, count).map((text) => [...text]);
    const width = points.reduce((most, one) => Math.max(most, one.length), 1);
    content = new Uint8Array(4 * width * count);
    const view = new DataView(content.buffer);
    points.forEach((text, index) => {
      text.forEach((point, place) => {
        view.setUint32(4 * (index * width + place), point.codePointAt(0)!, true);
      });
    });
    description = `<U${width}`;
  } else {
    description = (byteLengthOf(dtype, 1) === 1 ? '|' : '<') + descriptions[dtype]!;
  }
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const dict = `{'descr': '${description}', 'fortran_order': False, 'shape': (${shape}), }`;
  // The elements start at a multiple of 64; the header ends with a newline.
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const file = new Uint8Array(length + content.length);
  file.set(latinBytes(`${MAGIC}\u0001\u0000`));
  new DataView(file.buffer).setUint16(8, length - 10, true);
  file.set(latinBytes(`${dict.padEnd(length - 11)}\n`), 10);
  file.set(content, length);
  return file;
}

const latinBytes = (text: string): Uint8Array => Uint8Array.from(text, (one) => one.charCodeAt(0));
