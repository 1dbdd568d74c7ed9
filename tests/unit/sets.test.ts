import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, sha256 } from '../../runtime/digest.ts';
import type { FlowId } from '../../runtime/index.ts';
import {
  first,
  idsIn,
  intersect,
  nodeKernels,
  peerSet,
  positions,
  union,
  without,
} from '../../runtime/sets.ts';

const set = (...ids: readonly string[]) => peerSet(ids);
const flow: FlowId = { kind: 'initiated', initiator: 'p0', incarnation: 1, counter: 7 };
const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'phone/0', 'phone/1', 'é'), { maxLength: 8 });

describe('peer sets', () => {
  test('keep their order, and hold each peer once', () => {
    expect(idsIn(set('b', 'a', 'b'))).toEqual(['b', 'a']);
    expect(idsIn(union(set('b', 'a'), set('c', 'a')))).toEqual(['b', 'a', 'c']);
    expect(idsIn(intersect(set('c', 'b', 'a'), set('a', 'c')))).toEqual(['c', 'a']);
    expect(idsIn(without(set('c', 'b', 'a'), set('b')))).toEqual(['c', 'a']);
    expect(idsIn(first(set('c', 'b')))).toEqual(['c']);
    expect(idsIn(first(set()))).toEqual([]);
  });

  test('tell where each of theirs stands in another', () => {
    const { dtype, dims, bytes } = positions(set('c', 'x', 'a'), set('a', 'b', 'c'));
    expect([dtype, dims]).toEqual(['int64', [3]]);
    expect([...new BigInt64Array(bytes.slice().buffer)]).toEqual([2n, -1n, 0n]);
  });

  test('are what sets are, whatever they hold', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [x, y] = [set(...a), set(...b)];
        expect(idsIn(union(x, y))).toEqual([...new Set([...a, ...b])]);
        expect(idsIn(union(intersect(x, y), without(x, y))).toSorted()).toEqual([...new Set(a)].toSorted());
        expect(idsIn(intersect(x, without(y, x)))).toEqual([]);
      }),
    );
  });

  test('of what is no list of strings are empty', () => {
    expect(idsIn({ dtype: 'float32', dims: [1], bytes: new Uint8Array(4) })).toEqual([]);
  });

  test('come from the class that a peer sees, and from itself', () => {
    const around = { peer: 'p1', members: ['p0', 'p1'], id: flow };
    expect(idsIn(nodeKernels.View!.run([], around))).toEqual(['p0', 'p1']);
    expect(idsIn(nodeKernels.Self!.run([], around))).toEqual(['p1']);
  });
});

describe('digests', () => {
  test('tell flows and members apart, and the members that bound a place', () => {
    const joint: FlowId = { kind: 'joint', class: 'p', view: 0, n: 7 };
    const flows = [
      flow,
      { ...flow, counter: 8 },
      { ...flow, incarnation: 2 },
      { ...flow, under: ['p1'] },
      joint,
    ];
    const digests = flows.flatMap((id) =>
      ['p1', 'p2'].map((peer) => nodeKernels.Flow!.run([], { peer, members: [], id })),
    );
    expect(digests.every(({ dtype, dims }) => dtype === 'int64' && dims.length === 0)).toBe(true);
    expect(new Set(digests.map(({ bytes }) => bytes.join())).size).toBe(10);
  });

  test('are SHA-256, of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 80 }), (a, b) => {
        const expected = createHash('sha256').update(a).update(b).digest('hex');
        expect(Buffer.from(sha256(a, b)).toString('hex')).toBe(expected);
      }),
    );
  });

  test('differ with dtype, shape and every bit', () => {
    const tensor = { dtype: 'float32', dims: [2], bytes: new Uint8Array(8) } as const;
    const text = (one: Parameters<typeof digestOf>[0]): string =>
      Buffer.from(digestOf(one).bytes).toString('hex');
    const flipped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);
    const all = [
      tensor,
      { ...tensor, dims: [2, 1] },
      { ...tensor, dtype: 'int32' as const },
      { ...tensor, bytes: flipped },
    ];
    expect(new Set(all.map(text)).size).toBe(4);
    expect(text(tensor)).toBe(text({ ...tensor, bytes: new Uint8Array(8) }));
    expect(digestOf(tensor)).toMatchObject({ dtype: 'int64', dims: [] });
  });
});
