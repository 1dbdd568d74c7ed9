// Secure aggregation as a component: sums, what is seen, what is refused.

import { describe, expect, test } from 'vitest';
import type { DataValue, Tensor } from '../../ir/index.ts';
import type { NodeCall } from '../../runtime/index.ts';
import { SIZES } from '../../stdlib/protocols/secure-aggregation/declaration.ts';
import { secureAggregator } from '../../stdlib/protocols/secure-aggregation/index.ts';
import { int64, strings } from '../../stdlib/tensors.ts';
import { bytesOf, isUniform, minus } from '../support/leakage.ts';

const octets = (dims: readonly number[], bytes: Uint8Array): Tensor => ({ dtype: 'uint8', dims, bytes });
const uint32s = (dims: readonly number[], values: Uint32Array): Tensor => ({
  dtype: 'uint32',
  dims,
  bytes: new Uint8Array(values.buffer),
});
type Words = readonly Uint32Array[];
const wordsOf = (value: DataValue): Uint32Array => new Uint32Array((value as Tensor).bytes.slice().buffer);
const joined = (parts: readonly DataValue[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((one) => [...(one as Tensor).bytes]));

/** Numbers that differ, of a seed: xorshift. */
function numbers(seed: number, count: number): Uint32Array {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return Uint32Array.from({ length: count }, () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  });
}
const secretOf = (member: number, flow: number): Uint8Array =>
  new Uint8Array(numbers(1000 * flow + member + 1, SIZES.secret / 4).buffer);

interface Play {
  readonly count: number;
  readonly threshold: number;
  readonly values: readonly Uint32Array[];
  readonly flow?: number;
  readonly round?: bigint;
  readonly tensor?: string;
  /** Who is not there any more when keys, shares, masked values, revealed shares are sent. */
  readonly gone?: readonly (readonly number[])[];
  /** Changes what a member sends, by step. */
  readonly tamper?: (step: number, member: number, sent: Tensor) => Tensor;
}

/** The whole protocol, and what the server sees. */
function play({ count, threshold, values, flow = 0, round = 0n, tensor = 'x', gone = [], tamper }: Play) {
  const agents = Array.from({ length: count }, () => secureAggregator());
  const ask = (
    who: ReturnType<typeof secureAggregator>,
    method: string,
    inputs: readonly DataValue[],
  ): Tensor => {
    const call = { role: 'protocol', method, inputs, options: { tensor } } as unknown as NodeCall;
    return (who.call(call, undefined as never) as readonly DataValue[])[0] as Tensor;
  };
  const secret = (member: number) => octets([SIZES.secret], secretOf(member, flow));
  const me = (member: number) => strings([`phone/${member}`]);
  const ids = (members: readonly number[]) => strings(members.map((member) => `phone/${member}`));
  const [t, r] = [int64(threshold), int64(round)];
  const left = (members: readonly number[], step: number) =>
    members.filter((one) => !(gone[step] ?? []).includes(one));
  const send = (step: number, members: readonly number[], make: (member: number) => Tensor) =>
    new Map(members.map((member) => [member, tamper?.(step, member, make(member)) ?? make(member)] as const));

  const u1 = left([...values.keys()], 0);
  const public_ = send(0, u1, (one) => ask(agents[one]!, 'Keys', [secret(one)]));
  const keys = octets([u1.length, SIZES.keys], joined([...public_.values()]));
  const u2 = left(u1, 1);
  const rows = send(1, u2, (one) => ask(agents[one]!, 'Share', [secret(one), me(one), ids(u1), keys, t, r]));
  const inbox = (one: number) => {
    const at = u1.indexOf(one);
    const own = u2.map((from) =>
      octets([], rows.get(from)!.bytes.subarray(at * SIZES.row, (at + 1) * SIZES.row)),
    );
    return octets([u2.length, SIZES.row], joined(own));
  };
  const u3 = left(u2, 2);
  const masked = send(2, u3, (one) =>
    ask(agents[one]!, 'Mask', [
      uint32s([values[one]!.length], values[one]!),
      ...[secret(one), me(one), ids(u1), keys, ids(u2), inbox(one), r],
    ]),
  );
  const u4 = left(u3, 3);
  const shares = send(3, u4, (one) =>
    ask(agents[one]!, 'Reveal', [secret(one), me(one), ids(u1), keys, ids(u2), inbox(one), ids(u3), t, r]),
  );
  const recover = () =>
    wordsOf(
      ask(secureAggregator(), 'Recover', [
        { dtype: 'uint32', dims: [u3.length, values[0]!.length], bytes: joined([...masked.values()]) },
        ...[ids(u1), keys, ids(u2), octets([u2.length, u1.length, SIZES.row], joined([...rows.values()]))],
        ...[ids(u3), octets([u4.length, u2.length, 32], joined([...shares.values()])), ids(u4), t, r],
      ]),
    );
  const plain = new Uint32Array(values[0]!.length);
  for (const member of u3) for (const at of plain.keys()) plain[at] = plain[at]! + values[member]![at]!;
  return { masked, rows, keys, recover, plain, survivors: u3 };
}

const values = (count: number, length: number): readonly Uint32Array[] =>
  Array.from({ length: count }, (_, at) => numbers(at + 77, length));

describe('the sum', () => {
  test('is exact, modulo 2³², and the server needs all of the shares for it', () => {
    const { recover, plain } = play({ count: 5, threshold: 3, values: values(5, 40) });
    expect(recover()).toEqual(plain);
  });

  test.each([
    ['keys', 5, 3, [[1, 3]]],
    ['shares', 5, 3, [[], [0, 4]]],
    ['values', 5, 3, [[], [], [0, 3]]],
    ['reveals', 5, 3, [[], [], [], [2, 4]]],
    ['everything, one by one', 8, 4, [[0], [1], [5], [3]]],
  ])('is that of the survivors where some are gone before %s', (_, count, threshold, gone) => {
    const { recover, plain } = play({ count, threshold, values: values(count, 7), gone });
    expect(recover()).toEqual(plain);
  });

  test('is none with fewer than the threshold', () => {
    const all = { count: 5, threshold: 4, values: values(5, 3) };
    expect(() => play({ ...all, gone: [[], [], [0, 1]] })).toThrow('fewer than 4 members came');
    expect(() => play({ ...all, gone: [[], [], [], [0, 1]] }).recover()).toThrow(
      'fewer than 4 members answered',
    );
  });

  test('takes a threshold of more than half', () => {
    expect(() => play({ count: 6, threshold: 3, values: values(6, 1) })).toThrow(
      'not more than half of 6 members',
    );
    expect(() => play({ count: 2, threshold: 1, values: values(2, 1) })).toThrow('not more than half');
  });
});

describe('what a peer makes up', () => {
  const all = { count: 5, threshold: 3, values: values(5, 4) };
  const flip = (tensor: Tensor, at: number): Tensor => {
    const bytes = tensor.bytes.slice();
    bytes[at]! ^= 1;
    return { ...tensor, bytes };
  };

  test('as a share is found out: no sum', () => {
    const own = {
      ...all,
      tamper: (step: number, member: number, sent: Tensor) =>
        step === 3 && member === 0 ? flip(sent, 40) : sent,
    };
    expect(() => play(own).recover()).toThrow('the shares of phone/1 do not fit');
    expect(() => play({ ...own, gone: [[], [], [1]] }).recover()).toThrow('the shares of phone/1 do not fit');
  });

  test('as a sealed message is not opened', () => {
    const sealed = (step: number, member: number, sent: Tensor) =>
      step === 1 && member === 0 ? flip(sent, 2 * SIZES.row - 1) : sent;
    expect(() => play({ ...all, tamper: sealed })).toThrow('invalid tag');
  });

  test('as keys agrees with nobody', () => {
    const keys = (step: number, member: number, sent: Tensor) =>
      step === 0 && member === 2 ? { ...sent, bytes: new Uint8Array(SIZES.keys) } : sent;
    expect(() => play({ ...all, tamper: keys })).toThrow();
  });

  test.each([
    ['a row too few', { keys: octets([4, SIZES.keys], new Uint8Array(4 * SIZES.keys)) }, 'keys is not uint8'],
    ['of another type', { keys: int64(1) }, 'keys is not uint8'],
    ['for a stranger', { me: strings(['phone/9']) }, 'phone/9 is no member'],
    ['for one twice', { members: strings(['a', 'a', 'b', 'c', 'd']) }, 'a member is there twice'],
    ['with keys that are not mine', {}, 'my keys are not those that I made known'],
  ])('%s is an Error', (_, change, message) => {
    const good = {
      me: strings(['phone/0']),
      members: strings([0, 1, 2, 3, 4].map((at) => `phone/${at}`)),
      keys: octets([5, SIZES.keys], new Uint8Array(5 * SIZES.keys)),
    };
    const { me, members, keys } = { ...good, ...change };
    const inputs = [octets([SIZES.secret], secretOf(0, 0)), me, members, keys, int64(3), int64(0)];
    const call = { role: 'protocol', method: 'Share', inputs, options: {} } as unknown as NodeCall;
    expect(() => secureAggregator().call(call, undefined as never)).toThrow(message);
  });
});

// All that the server receives is in tests/sim/secure-aggregation.test.ts.
describe('masked values', () => {
  const LENGTH = 2048;
  // Values as updates are: small, and much alike.
  const alike = Array.from({ length: 4 }, (_, member) =>
    Uint32Array.from({ length: LENGTH }, (_, at) => 5000 + at + member),
  );
  const seen = (flow: number, round: bigint, tensor: string) => {
    const { masked, recover, plain } = play({ count: 4, threshold: 3, values: alike, flow, round, tensor });
    expect(recover()).toEqual(plain);
    return [...masked.values()].map(wordsOf);
  };

  test('the test tells what is not uniform', () => {
    expect(isUniform(bytesOf(alike[0]!))).toBe(false);
    // What a system shows that masks two tensors alike: their exact difference.
    const [mask] = [numbers(5, LENGTH)];
    const twice = [alike[0]!, alike[1]!].map((one) => one.map((value, at) => value + mask[at]!));
    expect(twice.every((one) => isUniform(bytesOf(one)))).toBe(true);
    expect(isUniform(bytesOf(minus(twice[1]!, twice[0]!)))).toBe(false);
  });

  test.each([
    ['flow', [3, 0n, 'x'], [4, 0n, 'x']],
    ['round of the same secrets', [5, 0n, 'x'], [5, 1n, 'x']],
    ['tensor of the same round', [6, 0n, 'conv.weight'], [6, 0n, 'conv.bias']],
  ] as const)('another %s has other masks: the same values differ uniformly', (_, first, second) => {
    const [a, b] = [first, second].map(([flow, round, tensor]) => seen(flow, round, tensor)) as unknown as [
      Words,
      Words,
    ];
    for (const [at, one] of a.entries()) expect(isUniform(bytesOf(minus(one, b[at]!)))).toBe(true);
  });

  test('the same flow, round and tensor has the same masks: that is how a reuse is seen', () => {
    const [a, b] = [seen(7, 0n, 'x'), seen(7, 0n, 'x')];
    for (const [at, one] of a.entries()) expect(minus(one, b[at]!).every((word) => word === 0)).toBe(true);
  });
});
