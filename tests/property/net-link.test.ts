// Nodes with adaptive networks over links that lose, repeat, delay and reorder frames.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isMissing, type Value } from '../../runtime/index.ts';
import { f32, numbers, SECOND_NS } from '../sim/programs.ts';
import { type Fate, pairOver } from '../support/faulty-link.ts';

const good: Fate = [5];
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant(good) },
  { weight: 3, arbitrary: fc.constant([] as Fate) },
  { weight: 3, arbitrary: fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 3 }) },
);
const present = (value: Value | undefined): value is Exclude<Value, { reason: string }> =>
  value !== undefined && !isMissing(value);

describe('over a link with faults', () => {
  test('each value arrives once, or its flow ends with a reason; nothing is kept afterwards', () => {
    fc.assert(
      fc.property(
        fc.array(fate, { maxLength: 60 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 2000 }),
        (fates, flows, spacing) => {
          let at = 0;
          const one = pairOver(() => fates[at++] ?? good);
          for (let flow = 1; flow <= flows; flow++) {
            one.invoke('a', { x: f32(flow) });
            one.pass(one.now + spacing * 1e6);
          }
          one.pass();
          for (const peer of ['a', 'b']) {
            expect(one.node(peer).openFlows).toBe(0);
            expect(one.node(peer).usage.bytes).toBe(0);
            const starts = one.events('flow-started', peer);
            expect(one.ended(peer)).toHaveLength(starts.length);
            for (const { status, causes } of one.ended(peer))
              if (status !== 'complete') expect(causes.length).toBeGreaterThan(0);
          }
          const got = one.events('output', 'a');
          expect(got).toHaveLength(flows);
          for (const { flow, value } of got)
            if (present(value) && flow.kind === 'initiated')
              expect(numbers(value)).toEqual([2 * flow.counter]);
          // b sees each at most once: a second would open no flow, and a second fill would be told.
          expect(one.events('output', 'b').length).toBeLessThanOrEqual(flows);
          expect(one.events('dropped').filter(({ reason }) => reason === 'duplicate')).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a link that loses every other frame loses no value', () => {
    let count = 0;
    const one = pairOver(() => (count++ % 2 === 0 ? [] : good));
    for (let flow = 1; flow <= 20; flow++) one.invoke('a', { x: f32(flow) });
    one.pass();
    const got = one.events('output', 'a').map(({ value }) => (present(value) ? numbers(value)[0] : value));
    expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 20 }, (_, at) => 2 * (at + 1)),
    );
    expect(one.ended('a').every(({ status }) => status === 'complete')).toBe(true);
  });
});

test('without faults nothing is sent twice, and acknowledgements travel with values or wait for one', () => {
  const one = pairOver();
  for (let flow = 1; flow <= 10; flow++) {
    one.invoke('a', { x: f32(flow) });
    one.pass(one.now + SECOND_NS / 10);
  }
  one.pass();
  const network = one.node('a').network!;
  expect(network).toMatchObject({ resent: 0, duplicates: 0, givenUp: 0 });
  expect(one.sent.length).toBeLessThanOrEqual(10 * 2 + 12);
});
