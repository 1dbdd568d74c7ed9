import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Claims } from '../../runtime/claims.ts';
import { Deadlines, NEVER } from '../../runtime/deadlines.ts';
import { EndedFlows } from '../../runtime/ended-flows.ts';
import { BufferPool } from '../../runtime/host/buffer-pool.ts';
import { stack } from '../../runtime/stack.ts';

test('deadlines come due in order of time, whatever the order they were set in', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (times, limit) => {
      const isOver = (at: number): boolean => at % 3 === 0;
      const deadlines = new Deadlines<number>(isOver);
      for (const at of times) deadlines.add(at, at);
      deadlines.tidy(limit);
      const left = times.filter((at) => !isOver(at));
      expect(deadlines.size).toBe(times.length > limit ? left.length : times.length);
      const due: number[] = [];
      for (let at = deadlines.due(limit); at !== undefined; at = deadlines.due(limit)) due.push(at);
      expect(due).toEqual(left.filter((at) => at <= limit).sort((a, b) => a - b));
      const later = left.filter((at) => at > limit);
      expect(deadlines.next).toBe(Math.min(NEVER, ...later));
    }),
  );
});

describe('ended flows', () => {
  const id = (counter: number, incarnation = 1) =>
    ({ kind: 'initiated', initiator: 'a', incarnation, counter }) as const;

  test('are known for ever, in whatever order they ended; flows yet to come are not', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 })), (counters) => {
        const ended = new EndedFlows(5, () => {});
        for (const counter of counters) ended.add(id(counter));
        for (const counter of counters) expect(ended.has(id(counter))).toBe(true);
        expect(ended.has(id(Math.max(0, ...counters) + 1))).toBe(false);
      }),
    );
  });

  test('of earlier incarnations stay ended when a later one begins', () => {
    const ended = new EndedFlows(5, () => {});
    ended.add(id(1, 2));
    expect(ended.has(id(9, 1))).toBe(true);
    expect(ended.has(id(1, 3))).toBe(false);
    ended.add(id(4, 1));
    expect(ended.has(id(4, 2))).toBe(false);
  });
});

test('claims are granted in order of request, and those that share no variable side by side', () => {
  const claims = new Claims<{ keys: readonly string[] }>();
  const [ab, b, c, bc] = [['a', 'b'], ['b'], ['c'], ['b', 'c']].map((keys) => ({ keys })) as [
    { keys: string[] },
    { keys: string[] },
    { keys: string[] },
    { keys: string[] },
  ];
  expect([ab, b, c, bc].map((claim) => claims.request(claim))).toEqual([true, false, true, false]);
  expect(claims.release(ab)).toEqual([b]);
  expect(claims.release(c)).toEqual([]);
  expect(claims.release(b)).toEqual([bc]);
});

describe('stacking', () => {
  test('puts string tensors and elements narrower than a byte side by side', () => {
    const text = (...items: string[]) => {
      const parts = items.map((item) => new TextEncoder().encode(item));
      const lengths = new Uint8Array(Uint32Array.from(parts, (part) => part.length).buffer);
      return new Uint8Array([...lengths, ...parts.flatMap((part) => [...part])]);
    };
    const rows = [text('a', 'bc'), text('', 'd')].map(
      (bytes) => ({ dtype: 'string', dims: [2], bytes }) as const,
    );
    expect(stack(rows)).toEqual({ dtype: 'string', dims: [2, 2], bytes: text('a', 'bc', '', 'd') });
    const nibbles = [
      [0x21, 0x03],
      [0x54, 0x06],
    ].map((bytes) => ({ dtype: 'uint4', dims: [3], bytes: Uint8Array.from(bytes) }) as const);
    expect(stack(nibbles).bytes).toEqual(Uint8Array.of(0x21, 0x43, 0x65));
  });
});

test('the buffer pool hands a buffer out again only after it was given back, and keeps to its limit', () => {
  const pool = new BufferPool(20_000);
  const first = pool.take(10_000);
  expect(first.byteLength).toBeGreaterThanOrEqual(10_000);
  const second = pool.take(10_000);
  expect(second).not.toBe(first);
  pool.give(first);
  pool.give(second);
  expect(pool.take(9_000)).toBe(first);
  expect(pool.take(9_000)).not.toBe(second);
  pool.give(new ArrayBuffer(5000));
  expect(pool.take(4500).byteLength).not.toBe(5000);
});
