// Folding while answers come, against a Scan over all of them: the same bits, whoever answers and in whatever order.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  collect,
  constant,
  float32,
  input,
  module,
  on,
  output,
  peer,
  scan,
} from '../../dsl/index.ts';
import type { Value } from '../../runtime/index.ts';
import { floats } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

interface Round {
  readonly size: number;
  readonly atLeast: number;
  readonly enough: number;
  readonly withinMs: number;
  readonly phones: readonly { readonly latencyMs: number; readonly x: readonly number[] }[];
}

/** A member declines whose first number is below zero. `stacked`: somebody else needs the rows, too. */
const folded = ({ size, atLeast, enough, withinMs }: Round, stacked: boolean) =>
  module('folded', () => {
    const [server, phones] = [peer('server'), cohort('phone')];
    const w = input('w', float32, [size], { at: server });
    const own = input('x', float32, [size], { at: phones.each });
    const said = on(phones.each, () => {
      const x = own.when(own.slice(0, 1).squeeze().less(0).not());
      return { x, twice: x.mul(x) };
    });
    const { x, twice, senders, missing } = collect(said, {
      at: server,
      within: `${withinMs}ms`,
      atLeast,
      enough,
    });
    // Of numbers of all sizes, so that another order is another result.
    const { sum, product } = on(server, () =>
      scan({ sum: w.sub(w), product: constant(1).add(w) }, { twice, x }, (before, row) => ({
        sum: before.sum.add(row.x.mul(w)).mul(0.7),
        product: before.product.mul(row.twice.add(1)).add(before.sum),
      })),
    );
    output('sum', sum);
    output('product', product);
    output('senders', senders);
    output('missing', missing);
    if (stacked)
      output(
        'rows',
        on(server, () => x.identity()),
      );
  });

const seen = (value: Value | undefined): unknown =>
  value !== undefined && 'bytes' in value ? { ...value, bytes: [...(value.bytes as Uint8Array)] } : value;

async function run(round: Round, stacked: boolean) {
  const { phones, size } = round;
  const topology = topologyIn({
    classes: { server: {}, phone: { count: phones.length } },
    links: phones.map(({ latencyMs }, at) => ({
      between: ['server', `phone/${at}`],
      latency: `${latencyMs}ms`,
    })),
  });
  const { world, deployment, loaded } = await simulatedWorld(folded(round, stacked), topology);
  const server = peersOf(loaded).find(({ id }) => id === 'server')!;
  expect(server.bundle.manifest.ops.Scan).toBe(stacked ? 1 : undefined);
  const x = Object.fromEntries(phones.map((one, at) => [`phone/${at}`, floats(...one.x)]));
  const w = floats(...Array.from({ length: size }, (_, at) => 0.1 + at));
  const { outputs, status } = await deployment.invoke({ x, w });
  expect(world.peers.get('server')!.node!.usage.bytes).toBe(0);
  const { sum, product, senders, missing } = outputs;
  return { status, values: [sum, product, senders, missing].map(seen) };
}

const rounds = fc
  .record({ size: fc.integer({ min: 1, max: 5 }), count: fc.integer({ min: 1, max: 6 }) })
  .chain(({ size, count }) =>
    fc
      .record({
        atLeast: fc.integer({ min: 0, max: count }),
        enough: fc.integer({ min: 1, max: count }),
        withinMs: fc.constantFrom(300, 1000, 5000),
        phones: fc.array(
          fc.record({
            latencyMs: fc.integer({ min: 1, max: 600 }),
            x: fc
              .array(fc.float({ min: -10, max: 1e4, noNaN: true }), { minLength: size, maxLength: size })
              .map((all) => all.map(Math.fround)),
          }),
          { minLength: count, maxLength: count },
        ),
      })
      .map((rest): Round => ({ size, ...rest, atLeast: Math.min(rest.atLeast, rest.enough) })),
  );

test('a fold gives what a Scan over all rows gives, bit for bit', { timeout: 120_000 }, async () => {
  const statuses = new Set<string>();
  await fc.assert(
    fc.asyncProperty(rounds, async (round) => {
      const [alone, stacked] = [await run(round, false), await run(round, true)];
      expect(alone.values).toEqual(stacked.values);
      statuses.add(alone.status);
    }),
    { numRuns: 60, seed: 7 },
  );
  expect([...statuses].sort()).toEqual(['complete', 'failed']);
});
