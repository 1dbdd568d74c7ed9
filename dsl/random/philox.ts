// Philox 4x32-10 as functions of plain ONNX ops over uint32, bit by bit what ir/philox.ts computes.
//
// A round works on the even and on the odd words of all counters at once, as rows:
//
//   p = swap(uint64(even) · [[M0], [M1]])      even' = (p >> 32) ^ odd ^ key      odd' = p & 0xffffffff

import { elemTypeOf, type ValueId } from '../../ir/index.ts';
import { FOLD_TAG, PHILOX_MULTIPLIERS, PHILOX_ROUNDS, PHILOX_WEYL } from '../../ir/philox.ts';
import { type Body, define, type FunctionRecipe, RANDOM_DOMAIN } from './function.ts';

const [uint32, uint64] = [elemTypeOf('uint32'), elemTypeOf('uint64')];
const axis = (value: number) => ({ name: 'axis', kind: 'int', value: BigInt(value) }) as const;
const right = { name: 'direction', kind: 'string', value: new TextEncoder().encode('RIGHT') } as const;

/** (key [2], even [2, n], odd [2, n]) → words [n, 4], in the order of the counters. */
const philoxRounds: FunctionRecipe = {
  name: 'Philox4x32',
  inputs: ['key', 'even', 'odd'],
  body(body, _, key, even, odd) {
    const multipliers = body.constant('uint64', PHILOX_MULTIPLIERS, [2, 1]);
    const weyl = body.constant('uint32', PHILOX_WEYL, [2, 1]);
    const swapped = body.constant('int64', [1, 0], [2]);
    const mask = body.constant('uint64', [0xffffffff]);
    let [a, b] = [even!, odd!];
    let keys = body.op('Unsqueeze', [key!, body.constant('int64', [1], [1])]);
    for (let round = 0; round < PHILOX_ROUNDS; round++) {
      if (round > 0) keys = body.op('Add', [keys, weyl]);
      const product = body.op('Mul', [body.cast(a, uint64), multipliers]);
      const crossed = body.op('Gather', [product, swapped], [axis(0)]);
      const high = upper(body, crossed);
      a = body.op('BitwiseXor', [body.op('BitwiseXor', [high, b]), keys]);
      b = body.cast(body.op('BitwiseAnd', [crossed, mask]), uint32);
    }
    const pairs = [a, b].map((rows) => body.op('Unsqueeze', [rows, body.constant('int64', [1], [1])]));
    const rows = body.op('Concat', pairs, [axis(1)]);
    const words = body.op('Reshape', [rows, body.constant('int64', [4, -1], [2])]);
    return body.op('Transpose', [words]);
  },
};

const upper = (body: Body, wide: ValueId): ValueId =>
  body.cast(body.op('BitShift', [wide, body.constant('uint64', [32])], [right]), uint32);

/** (key [2], count: an int64 scalar) → the first `count` words of the key's stream. */
export const randomWords: FunctionRecipe = {
  name: 'RandomWords',
  inputs: ['key', 'count'],
  body(body, owner, key, count) {
    define(owner, philoxRounds);
    const whole = (value: number): ValueId => body.constant('int64', [value]);
    const blocks = body.op('Div', [body.op('Add', [count!, whole(3)]), whole(4)]);
    const numbers = body.cast(body.op('Range', [whole(0), blocks, whole(1)]), uint64);
    const low = body.cast(body.op('BitwiseAnd', [numbers, body.constant('uint64', [0xffffffff])]), uint32);
    const rows = (id: ValueId): ValueId => body.op('Unsqueeze', [id, body.constant('int64', [0], [1])]);
    const [first, second] = [rows(low), rows(upper(body, numbers))];
    const nought = body.op('BitwiseXor', [first, first]);
    const even = body.op('Concat', [first, nought], [axis(0)]);
    const odd = body.op('Concat', [second, nought], [axis(0)]);
    const words = body.op('Philox4x32', [key!, even, odd], [], RANDOM_DOMAIN);
    const flat = body.op('Reshape', [words, body.constant('int64', [-1], [1])]);
    const end = body.op('Reshape', [count!, body.constant('int64', [1], [1])]);
    return body.op('Slice', [flat, body.constant('int64', [0], [1]), end]);
  },
};

/** (key [2], data: an int64 scalar) → the key that the data makes of it. */
export const foldedKey: FunctionRecipe = {
  name: 'FoldKey',
  inputs: ['key', 'data'],
  body(body, owner, key, data) {
    define(owner, philoxRounds);
    const bits = body.cast(data!, uint64);
    const low = body.cast(body.op('BitwiseAnd', [bits, body.constant('uint64', [0xffffffff])]), uint32);
    const column = (id: ValueId): ValueId => body.op('Reshape', [id, body.constant('int64', [1, 1], [2])]);
    const nought = body.constant('uint32', [0], [1, 1]);
    const even = body.op('Concat', [column(low), nought], [axis(0)]);
    const tag = body.constant('uint32', [FOLD_TAG], [1, 1]);
    const odd = body.op('Concat', [column(upper(body, bits)), tag], [axis(0)]);
    const words = body.op('Philox4x32', [key!, even, odd], [], RANDOM_DOMAIN);
    const flat = body.op('Reshape', [words, body.constant('int64', [-1], [1])]);
    return body.op('Slice', [flat, body.constant('int64', [0], [1]), body.constant('int64', [2], [1])]);
  },
};
