// The content store: chunks under the SHA-256 of what they are.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { DataValue, Tensor } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { contentStored, strings, stringsOf, tensorOf } from '../../stdlib/components.ts';

const CHUNK = 4;
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const value = (...values: number[]): Tensor => ({
  dtype: 'int8',
  dims: [values.length],
  bytes: bytes(...values),
});
const rows = (...all: Uint8Array[]): Tensor => ({
  dtype: 'uint8',
  dims: [all.length, all[0]!.length],
  bytes: bytes(...all.flatMap((one) => [...one])),
});
const name = (chunk: Uint8Array): string => createHash('sha256').update(chunk).digest('hex');

const nobody = {} as ComponentContext;
const call = (store: NodeComponent, method: string, ...inputs: DataValue[]): readonly DataValue[] => {
  const asked: NodeCall = { role: 'protocol', method, kind: 'query', options: {}, inputs, results: [] };
  return store.call(asked, nobody) as readonly DataValue[];
};
const [first, last] = [bytes(1, 2, 3, 4), bytes(5, 6, 0, 0)];
const whole = value(1, 2, 3, 4, 5, 6);
const manifest = strings([name(first), name(last)]);
const store = (most?: number): NodeComponent =>
  contentStored({ chunk: CHUNK, ...(most !== undefined && { most }) });
const lackingIn = (one: NodeComponent, names: Tensor = manifest): readonly string[] =>
  stringsOf(call(one, 'Lacking', names)[0], 'lacking');
const assembled = (one: NodeComponent, like: Tensor = whole): Tensor =>
  tensorOf(call(one, 'Assemble', manifest, like)[0], 'value');

describe('a content store', () => {
  test('names chunks by their SHA-256, the last one filled with zeros', () => {
    expect(stringsOf(call(store(), 'Names', whole)[0], 'names')).toEqual([name(first), name(last)]);
  });

  test('gives a value back whose chunks it has, and nothing of one whose chunks it lacks', () => {
    const [one, other] = [store(), store()];
    call(one, 'Add', whole);
    expect(lackingIn(one)).toEqual([]);
    expect(assembled(one)).toEqual(whole);
    expect(lackingIn(other)).toEqual([name(first), name(last)]);
    expect(() => assembled(other)).toThrow(/no chunk/);
    expect(() => call(other, 'Get', manifest)).toThrow(/no chunk/);
    call(other, 'Put', manifest, call(one, 'Get', strings([name(last)]))[0]!);
    expect(lackingIn(other)).toEqual([name(first)]);
    call(other, 'Put', manifest, call(one, 'Get', manifest)[0]!);
    expect(assembled(other)).toEqual(whole);
  });

  test('keeps of what it is put only what one of the names says', () => {
    const one = store();
    call(one, 'Put', manifest, rows(bytes(1, 2, 3, 5), first, bytes(0, 0, 0, 0)));
    expect(lackingIn(one)).toEqual([name(last)]);
    expect(lackingIn(one, strings([name(bytes(1, 2, 3, 5))]))).toHaveLength(1);
    // Chunks of another size are none of its own.
    call(one, 'Put', strings([name(bytes(5, 6))]), rows(bytes(5, 6)));
    expect(lackingIn(one, strings([name(bytes(5, 6))]))).toHaveLength(1);
  });

  test('assembles only what has the size of its manifest', () => {
    const one = store();
    call(one, 'Add', whole);
    expect(() => assembled(one, value(...Array(9).fill(0)))).toThrow(/9 bytes are not 2 chunks of 4/);
    const like: Tensor = { dtype: 'int16', dims: [3, 1], bytes: new Uint8Array(6) };
    expect(assembled(one, like)).toEqual({ ...like, bytes: whole.bytes });
  });

  test('keeps no more chunks than it is told, and says so', () => {
    const one = store(1);
    expect(() => call(one, 'Add', whole)).toThrow(/0 chunks are kept: there is room for 1, not for 2 more/);
    expect(lackingIn(one)).toHaveLength(2);
    call(one, 'Put', manifest, rows(first));
    call(one, 'Put', manifest, rows(first));
    expect(() => call(one, 'Put', manifest, rows(last))).toThrow(/1 chunks are kept/);
  });

  test('comes back with what it had', () => {
    const [one, other] = [store(), store()];
    call(one, 'Add', whole);
    other.restore!(one.save!());
    expect(assembled(other)).toEqual(whole);
  });

  test('takes no strings for bytes', () => {
    expect(() => call(store(), 'Add', strings(['a']))).toThrow('value is string, not numbers');
  });
});
