// Protobuf as a tree of fields that can be changed and written again, also wrongly.

import type { DescMessage } from '@bufbuild/protobuf';
import fc from 'fast-check';

/** One field as it stands in a message. */
interface WireField {
  readonly number: number;
  readonly wire: number;
  /** Scalars as their bytes; length-delimited content that is no message, without its length. */
  readonly bytes: Uint8Array;
  readonly children?: readonly WireField[];
  /** Written instead of the true length. */
  readonly length?: bigint;
}

export type WireTree = readonly WireField[];

/** The fields of a valid message. */
export function parseWire(schema: DescMessage, bytes: Uint8Array): WireTree {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('cut off');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    const start = at;
    if (wire === 0) {
      varint();
      fields.push({ number, wire, bytes: bytes.subarray(start, at) });
    } else if (wire === 2) {
      const length = varint();
      const content = bytes.subarray(at, at + length);
      at += length;
      const inner = schema.fields.find((one) => one.number === number)?.message;
      const children = inner === undefined ? {} : { children: parseWire(inner, content) };
      fields.push({ number, wire, bytes: content, ...children });
    } else {
      at += wire === 1 ? 8 : 4;
      fields.push({ number, wire, bytes: bytes.subarray(start, at) });
    }
  }
  return fields;
}

export function varintBytes(value: bigint, padTo = 0): Uint8Array {
  if (value >= 0n && value < 128n && padTo < 2) return Uint8Array.of(Number(value));
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  } while (rest > 0n);
  while (bytes.length < padTo) bytes.push(128);
  bytes[bytes.length - 1]! &= 127;
  return Uint8Array.from(bytes);
}

/** The bytes of a message, written from its end: a field's length is known when its content stands. */
export function writeWire(tree: WireTree): Uint8Array {
  let bytes = new Uint8Array(1 << 14);
  let left = bytes.length;
  const prepend = (added: Uint8Array): void => {
    if (added.length > left) {
      const larger = new Uint8Array(2 * (bytes.length + added.length));
      const moved = larger.length - (bytes.length - left);
      larger.set(bytes.subarray(left), moved);
      [bytes, left] = [larger, moved];
    }
    left -= added.length;
    bytes.set(added, left);
  };
  const put = (fields: WireTree): void => {
    for (let at = fields.length - 1; at >= 0; at--) {
      const field = fields[at]!;
      const end = bytes.length - left;
      if (field.children === undefined) prepend(field.bytes);
      else put(field.children);
      if (field.wire === 2) prepend(varintBytes(field.length ?? BigInt(bytes.length - left - end)));
      prepend(varintBytes(BigInt(field.number) * 8n + BigInt(field.wire)));
    }
  };
  put(tree);
  return bytes.slice(left);
}

const nastyNumbers = [
  0n,
  1n,
  2n,
  7n,
  16n,
  63n,
  64n,
  65n,
  127n,
  1000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  -1n,
  -2n,
  -(2n ** 63n),
];

export const nastyTexts = [
  '',
  'x',
  'y',
  '__proto__',
  'constructor',
  'toString',
  'a'.repeat(300),
  'é\u0000\u200f😀',
  '\\"\n',
  '../../etc/passwd',
  '/dev/zero',
  'C:\\x',
  'a/b/a/b/'.repeat(20),
  '1:2:3:4',
  'phone.each/phone.some("x", sticky)',
  'If',
  'Loop',
  'Gather',
  'ConstantOfShape',
  'ai.onnx',
  'ai.bytesandbrains.core',
];

/** Not UTF-8: an unpaired surrogate, as three bytes; a cut sequence; an overlong one. */
const nastyBytes = [
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xc3),
  Uint8Array.of(0xc0, 0x80),
  Uint8Array.of(0xff, 0xfe),
  new Uint8Array(100),
];

const kinds = [
  'number',
  'text',
  'bytes',
  'delete',
  'twice',
  'many',
  'copy',
  'renumber',
  'rewire',
  'lie',
  'overlong',
  'nest',
  'empty',
] as const;

export interface WireChange {
  readonly kind: (typeof kinds)[number];
  /** Which field, counted over the whole tree; which other, where it takes one. */
  readonly at: number;
  readonly other: number;
}

export const wireChange: fc.Arbitrary<WireChange> = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('number', 'text', 'delete', 'twice', 'copy', 'many') },
    { weight: 1, arbitrary: fc.constantFrom(...kinds) },
  ),
  at: fc.nat(100_000),
  other: fc.nat(100_000),
});

/** Fields, beyond which a tree is changed no more: `many` of `many` would be all of memory. */
const LARGEST = 2000;

const flat = (tree: WireTree): WireField[] =>
  tree.flatMap((field) => [field, ...(field.children === undefined ? [] : flat(field.children))]);

/** The tree with some of its fields changed; copies come from `donor`. */
export function changed(tree: WireTree, donor: WireTree, changes: readonly WireChange[]): WireTree {
  let result = tree;
  for (const change of changes) {
    const all = flat(result);
    if (all.length > LARGEST) return result;
    const fit = all.filter((field) => fits(field, change.kind));
    const from = fit.length > 0 ? fit : all;
    const chosen = from[change.at % Math.max(1, from.length)];
    if (chosen === undefined) return result;
    const donors = flat(donor);
    const alike = donors.filter(({ number, wire }) => number === chosen.number && wire === chosen.wire);
    const pool = alike.length > 0 && change.other % 4 > 0 ? alike : donors;
    const given = pool[change.other % Math.max(1, pool.length)] ?? chosen;
    result = replaced(result, chosen, replacement(chosen, given, change));
  }
  return result;
}

/** Where a change leaves a message that a decoder takes, so that what reads the message has something to read. */
function fits(field: WireField, kind: WireChange['kind']): boolean {
  if (kind === 'number' || kind === 'overlong') return field.wire === 0;
  if (kind === 'text' || kind === 'bytes') return field.wire === 2 && field.children === undefined;
  return kind !== 'nest' || field.children !== undefined;
}

const replaced = (tree: WireTree, chosen: WireField, by: readonly WireField[]): WireTree =>
  tree.flatMap((field) => {
    if (field === chosen) return by;
    if (field.children === undefined) return [field];
    const children = replaced(field.children, chosen, by);
    return [
      children.length === field.children.length && children.every((one, at) => one === field.children![at])
        ? field
        : { ...field, children },
    ];
  });

function replacement(field: WireField, given: WireField, { kind, other }: WireChange): readonly WireField[] {
  const number = nastyNumbers[other % nastyNumbers.length]!;
  const leaf = ({ children: _, ...rest }: WireField): Omit<WireField, 'children'> => rest;
  switch (kind) {
    case 'number':
      return [{ ...leaf(field), wire: 0, bytes: varintBytes(number) }];
    case 'overlong':
      return [{ ...leaf(field), wire: 0, bytes: varintBytes(number, 9 + (other % 4)) }];
    case 'text':
      return [{ ...leaf(field), wire: 2, bytes: Buffer.from(nastyTexts[other % nastyTexts.length]!) }];
    case 'bytes':
      return [{ ...leaf(field), wire: 2, bytes: nastyBytes[other % nastyBytes.length]! }];
    case 'empty':
      return [{ ...leaf(field), bytes: new Uint8Array(0) }];
    case 'delete':
      return [];
    case 'twice':
      return [field, field];
    case 'many':
      return new Array<WireField>(2 + (other % 200)).fill(field);
    case 'copy':
      return [field, given];
    case 'renumber':
      return [{ ...field, number: other % 30 === 0 ? 536_870_911 : other % 30 }];
    case 'rewire':
      return [{ ...leaf(field), wire: other % 8 }];
    case 'lie':
      return [{ ...field, length: number }];
    case 'nest': {
      let inner = given;
      const depth = 1 + (other % 120);
      for (let level = 0; level < depth && inner.wire === 2; level++)
        inner = { ...field, wire: 2, children: [inner], bytes: new Uint8Array(0) };
      return [inner];
    }
  }
}

/** Changes that know nothing of fields. */
export interface ByteChange {
  readonly kind: 'flip' | 'set' | 'cut' | 'insert' | 'remove' | 'splice';
  readonly at: number;
  readonly value: number;
}

export const byteChange: fc.Arbitrary<ByteChange> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'insert', 'remove', 'splice'),
  at: fc.nat(100_000),
  value: fc.nat(255),
});

export function changedBytes(
  bytes: Uint8Array,
  changes: readonly ByteChange[],
  other: Uint8Array,
): Uint8Array {
  let result = bytes;
  for (const { kind, at, value } of changes) {
    if (result.length === 0) return result;
    const place = at % result.length;
    const copy = Uint8Array.from(result);
    if (kind === 'flip') copy[place]! ^= 1 << (value % 8);
    if (kind === 'set') copy[place] = value;
    const [head, tail] = [result.subarray(0, place), result.subarray(place)];
    if (kind === 'flip' || kind === 'set') result = copy;
    else if (kind === 'cut') result = head;
    else if (kind === 'insert') result = Buffer.concat([head, Uint8Array.of(value), tail]);
    else if (kind === 'remove') result = Buffer.concat([head, tail.subarray(value)]);
    else result = Buffer.concat([head, other.subarray(value % (other.length + 1))]);
  }
  return result;
}
