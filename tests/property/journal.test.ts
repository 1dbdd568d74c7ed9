import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Input } from '../../runtime/index.ts';
import {
  asInput,
  decodeInput,
  decodeOutput,
  decodeRecord,
  encodeInput,
  encodeOutput,
  encodeRecord,
  framedRecord,
  HEADER_BYTES,
  JournalError,
  journalHeader,
  readJournal,
  recordedOutput,
} from '../../runtime/journal/index.ts';
import { words } from '../../runtime/journal/words.ts';
import { someInput, someOutput } from '../support/random-io.ts';

/** Without the fields that are undefined: they are as good as absent, and not written. */
const plain = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || value instanceof Uint8Array
    ? value
    : Array.isArray(value)
      ? value.map(plain)
      : Object.entries(value).flatMap(([name, one]) => (one === undefined ? [] : [[name, plain(one)]]));

const some: fc.Arbitrary<unknown> = fc.anything({
  withBigInt: true,
  withMap: true,
  withSet: true,
  withNullPrototype: false,
});

describe('records', () => {
  test('give every input back', () => {
    fc.assert(
      fc.property(someInput, (input) => {
        expect(plain(decodeInput(encodeInput(input)))).toEqual(plain(input));
      }),
      { numRuns: 1000 },
    );
  });

  test('give every output back, but for buffers that change hands', () => {
    fc.assert(
      fc.property(someOutput, (output) => {
        const bytes = encodeOutput(output);
        expect(plain(decodeOutput(bytes))).toEqual(plain(recordedOutput(output)));
        expect(encodeOutput(output)).toEqual(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  test('give every value of JavaScript back that is data', () => {
    fc.assert(
      fc.property(some, (value) => {
        expect(plain(decodeRecord(encodeRecord(value)))).toEqual(plain(value));
        expect(plain(decodeRecord(encodeRecord(value, { known: [] }), { known: [] }))).toEqual(plain(value));
      }),
      { numRuns: 500 },
    );
    const odd = [-0, Number.NaN, -Infinity, 2 ** 60, 1e-300, 0.5, -(2 ** 53), 2n ** 70n, '\ud800', undefined];
    const back = decodeRecord(encodeRecord(odd)) as unknown[];
    expect(back.every((one, index) => Object.is(one, odd[index]))).toBe(true);
  });

  test('keep what shares a buffer in one buffer, with its size and place', () => {
    const buffer = new ArrayBuffer(64);
    const [first, second] = [new Uint8Array(buffer, 8, 4).fill(7), new Uint8Array(buffer, 10, 20)];
    const back = decodeRecord(encodeRecord([first, second, buffer])) as [Uint8Array, Uint8Array, ArrayBuffer];
    expect(back[0].buffer).toBe(back[2]);
    expect(back[1].buffer).toBe(back[2]);
    expect([back[2].byteLength, back[0].byteOffset, back[1].byteOffset]).toEqual([64, 8, 10]);
    expect([back[0], back[1]]).toEqual([first, second]);
    // A second view of a buffer whose first view is all of it.
    const whole = new Uint8Array(8).fill(3);
    const again = decodeRecord(encodeRecord([whole, whole.subarray(4)])) as [Uint8Array, Uint8Array];
    expect(again[1].buffer).toBe(again[0].buffer);
    expect(again[1].byteOffset).toBe(4);
  });

  test('keep identity where asked, of cycles and of what both sides know', () => {
    const shared = { a: 1 };
    const known = { big: new Uint8Array(1000) };
    const ring: unknown[] = [shared, new Set([shared]), known, new Uint8Array(3)];
    ring.push(ring, new Map([[shared, ring[3]]]));
    const bytes = encodeRecord(ring, { known: [known] });
    expect(bytes.length).toBeLessThan(40);
    const back = decodeRecord(bytes, { known: [known] }) as unknown[];
    expect(back[1]).toEqual(new Set([back[0]]));
    expect([...(back[1] as Set<unknown>)][0]).toBe(back[0]);
    expect(back[2]).toBe(known);
    expect(back[4]).toBe(back);
    expect([...(back[5] as Map<unknown, unknown>)][0]).toEqual([back[0], back[3]]);
    expect((back[5] as Map<unknown, unknown>).get(back[0])).toBe(back[3]);
    expect(() => encodeRecord(ring)).toThrow(JournalError);
  });

  test('of a frame say little besides the frame, and nothing of what else is in its buffer', () => {
    const bytes = new Uint8Array(1000).fill(1);
    expect(encodeInput({ type: 'frame', from: 'phone/17', bytes }).length).toBeLessThan(1025);
    const part: Input = { type: 'frame', from: 'p', bytes: bytes.subarray(10, 20) };
    expect(encodeInput(part).length).toBeLessThan(25);
  });

  test('read from and written out of Node’s Buffers are copies all the same', () => {
    const input: Input = { type: 'frame', from: 'p', bytes: Buffer.from('abc') };
    const bytes = Buffer.from(encodeInput(input));
    expect(bytes.length).toBeLessThan(15);
    const back = decodeInput(bytes) as Extract<Input, { type: 'frame' }>;
    expect(back.bytes.constructor).toBe(Uint8Array);
    expect(back.bytes.buffer.byteLength).toBe(3);
  });

  test('fields of names that objects have do no harm', () => {
    const values = JSON.parse('{"__proto__": {"reason": "lost", "peer": "p"}}');
    const back = decodeInput(encodeInput({ type: 'invoke', entry: 'main', values }));
    expect(Object.keys((back as Extract<Input, { type: 'invoke' }>).values)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf((back as Extract<Input, { type: 'invoke' }>).values)).toBe(Object.prototype);
  });

  test('words are only added: files hold their numbers', () => {
    expect(new Set(words).size).toBe(words.length);
    expect(encodeRecord([...words.slice(0, 3), words[100], 'not one']).length).toBe(1 + 3 + 2 + 8 + 0);
    expect([words[0], words[20], words[60], words[80], words[100]]).toMatchInlineSnapshot(`
      [
        "type",
        "failed",
        "session",
        "uint64",
        "followers",
      ]
    `);
  });
});

describe('what is no record', () => {
  const typed = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      return undefined;
    }
  };

  test('gives a typed error and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        typed(() => decodeInput(bytes));
        typed(() => decodeOutput(bytes));
        typed(() => decodeRecord(bytes, { known: [{}] }));
      }),
      { numRuns: 3000 },
    );
  });

  test('nor does a record with bytes changed', () => {
    const change = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(someInput, change, (input, changes) => {
        const bytes = encodeInput(input);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        const back = typed(() => decodeInput(bytes));
        if (back !== undefined) expect(asInput(back)).toBe(back);
      }),
      { numRuns: 1000 },
    );
  });

  test('or cut off', () => {
    fc.assert(
      fc.property(someInput, (input) => {
        const bytes = encodeInput(input);
        for (let length = 0; length < bytes.length; length++)
          expect(() => decodeInput(bytes.subarray(0, length))).toThrow(JournalError);
      }),
      { numRuns: 100 },
    );
  });

  test('takes no memory beyond its own length', () => {
    const varint = [255, 255, 255, 255, 15];
    for (const kind of [3, 5, 6, 7, 8, 11, 12, 13])
      expect(() => decodeRecord(Uint8Array.from([kind * 16 + 15, ...varint, 0, 0]))).toThrow('cut off');
    // A view of 0 bytes in a new buffer of 4 GiB, and a thousand of 1 MiB.
    expect(() => decodeRecord(Uint8Array.from([9 * 16, 0, ...varint, 0]))).toThrow(/a buffer of \d+ bytes/);
    const many = Array.from({ length: 100 }, (_, index) => [160, index, 128, 128, 64]).flat();
    expect(() => decodeRecord(Uint8Array.from([111, 100, ...many]))).toThrow('a buffer of 1048576 bytes');
  });

  test('is not nested without end', () => {
    expect(() => decodeRecord(new Uint8Array(10_000).fill(0x61))).toThrow('nested too deep');
    let nested: unknown = 0;
    for (let depth = 0; depth < 200; depth++) nested = [nested];
    expect(() => encodeRecord(nested)).toThrow('nested too deep');
  });

  test('of another type is no input', () => {
    const wrong: unknown[] = [
      { type: 'frame', from: 'p' },
      { type: 'frame', from: 3, bytes: new Uint8Array(1) },
      { type: 'toString' },
      { type: 'done', work: 1, outputs: 'none' },
      { type: 'cancel', flow: 7 },
      [],
      null,
      'shutdown',
    ];
    for (const one of wrong) expect(() => asInput(one)).toThrow(JournalError);
  });
});

describe('a journal', () => {
  const journalOf = (payloads: readonly Uint8Array[]): Uint8Array => {
    const parts = [journalHeader(), ...payloads.map(framedRecord)];
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  };
  const read = (bytes: Uint8Array) => {
    const records = readJournal(bytes);
    const payloads: Uint8Array[] = [];
    for (;;) {
      const next = records.next();
      if (next.done) return { payloads, ...next.value };
      payloads.push(next.value.payload);
    }
  };
  const some = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 });

  test('gives its records back', () => {
    fc.assert(
      fc.property(some, (payloads) => {
        const bytes = journalOf(payloads);
        expect(read(bytes)).toEqual({ payloads, at: bytes.length, how: 'whole' });
      }),
    );
  });

  test('cut off anywhere it gives those before, and says where it is good', () => {
    fc.assert(
      fc.property(some, (payloads) => {
        const bytes = journalOf(payloads);
        let good = HEADER_BYTES;
        let count = 0;
        for (let length = HEADER_BYTES; length < bytes.length; length++) {
          const next = payloads[count]!;
          if (length >= good + 8 + next.length) {
            good += 8 + next.length;
            count++;
          }
          const found = read(bytes.subarray(0, length));
          expect(found.payloads).toEqual(payloads.slice(0, count));
          expect([found.at, found.how]).toEqual([good, length === good ? 'whole' : 'cut']);
        }
      }),
      { numRuns: 30 },
    );
    for (let length = 0; length < HEADER_BYTES; length++)
      expect(read(journalHeader().subarray(0, length))).toEqual({ payloads: [], at: 0, how: 'cut' });
  });

  test('with any one byte changed it gives none that was not written', () => {
    const payloads = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(9)];
    const bytes = journalOf(payloads);
    for (let at = HEADER_BYTES; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      const found = read(changed);
      expect(found.how).not.toBe('whole');
      expect(found.payloads).toEqual(payloads.slice(0, found.payloads.length));
    }
  });

  test('of another version, or none, is refused by name', () => {
    const newer = journalOf([]);
    newer[4] = 9;
    expect(() => read(newer)).toThrow('a journal of version 9; this reads 1');
    expect(() => read(Uint8Array.from({ length: 40 }, (_, index) => index))).toThrow('no journal');
  });
});
