// What codecs are given by other peers: bytes, and the dimensions that they are to be of.

import fc from 'fast-check';
import { codedBytes, productOf } from '../../../ir/index.ts';
import { makerOf } from '../../../stdlib/components.ts';
import { Bench } from '../../support/node-component.ts';
import { target } from '../harness.ts';
import { byteChange, changedBytes } from '../wire-tree.ts';

const uses = [
  { kind: 'float16' },
  { kind: 'bfloat16' },
  { kind: 'int8', block: 5 },
  { kind: 'qsgd', levels: 3, block: 6 },
  { kind: 'sign', block: 7 },
  { kind: 'top-k', share: 0.1 },
  { kind: 'top-k', k: 2 },
  { kind: 'random-k', share: 0.3 },
  { kind: 'low-rank', rank: 1 },
  { kind: 'product-quantised', length: 2, centroids: 4 },
] as const;
const benches = uses.map((options) => new Bench(makerOf({ name: 'codec', role: 'codec', options })!()));

interface Case {
  readonly which: number;
  readonly bytes: Uint8Array;
  readonly dims: readonly number[];
}
const sizes = fc.oneof(
  { weight: 8, arbitrary: fc.nat(12) },
  { weight: 1, arbitrary: fc.constantFrom(1000, 2 ** 20, 2 ** 31, 2 ** 52) },
);
const cases: fc.Arbitrary<Case> = fc
  .record({
    which: fc.nat(uses.length - 1),
    dims: fc.array(fc.nat(12), { maxLength: 3 }),
    values: fc.infiniteStream(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })),
    changes: fc.array(byteChange, { maxLength: 3 }),
    others: fc.option(fc.array(sizes, { maxLength: 4 })),
    raw: fc.option(fc.uint8Array({ maxLength: 64 })),
  })
  .map(({ which, dims, values, changes, others, raw }) => {
    const numbers = Float32Array.from({ length: productOf(dims) }, () => values.next().value!);
    const value = { dtype: 'float32', dims, bytes: new Uint8Array(numbers.buffer) } as const;
    const [encoded] = benches[which]!.call('Encode', [value]) as unknown as [{ readonly bytes: Uint8Array }];
    return { which, bytes: raw ?? changedBytes(encoded.bytes, changes, encoded.bytes), dims: others ?? dims };
  });

export const codecs = target<Case>({
  name: 'codecs',
  arbitrary: cases,
  run({ which, bytes, dims }) {
    const given = { dtype: 'uint8', dims: [bytes.length], bytes } as const;
    const like = { dtype: 'float32', dims, bytes: new Uint8Array(0) } as const;
    let value: { readonly dims: readonly number[]; readonly bytes: Uint8Array };
    try {
      [value] = benches[which]!.call('Decode', [given, like]) as unknown as [typeof value];
    } catch (error) {
      // There was no memory taken for what cannot be.
      if (!(error instanceof Error) || error instanceof RangeError || /array|memory/i.test(error.message))
        throw error;
      return ['refused'];
    }
    if (`${value.dims}` !== `${dims}` || value.bytes.length !== 4 * productOf(dims))
      throw new Error(`[${value.dims}] of ${value.bytes.length} bytes for [${dims}]`);
    const { kind, ...settings } = uses[which]!;
    const name = [kind, ...Object.entries(settings).map(([key, one]) => `${key}=${one}`)].join(' ');
    // A plan knows no size with factors beyond 2^53, even where another is 0.
    const planned = codedBytes(name, dims) ?? bytes.length;
    if (planned !== bytes.length) throw new Error(`${bytes.length} bytes are not the ${planned} of a plan`);
    return ['accepted'];
  },
  bytes: ({ bytes }) => bytes,
});
