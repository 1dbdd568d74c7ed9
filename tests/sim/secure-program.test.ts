// Program 9 of the semantics: secure aggregation with dropouts.

import { describe, expect, test } from 'vitest';
import type { FlowResult } from '../../runtime/host/index.ts';
import { isMissing } from '../../runtime/value.ts';
import { plain } from '../support/deploy.ts';
import program, { PHONES, ROUNDS, THRESHOLD, topology, VALUES } from '../support/programs/secure-sum.ts';
import { underChaos, worldOf } from '../support/programs-run.ts';
import { steps } from '../support/secure-world.ts';

const wordsOf = (value: unknown): readonly number[] => [
  ...new Uint32Array((value as { readonly bytes: Uint8Array }).bytes.slice().buffer),
];
const sumOf = (phones: readonly number[]): readonly number[] =>
  VALUES[0]!.map((_, at) => phones.reduce((sum, phone) => (sum + VALUES[phone]![at]!) % 2 ** 32, 0));
const phonesIn = ({ outputs }: FlowResult): readonly number[] =>
  String(plain(outputs.survivors))
    .split(',')
    .map((id) => Number(id.split('/')[1]));

async function rounds(
  flows: number,
  gone: readonly number[] = [],
  afterNs = 0,
): Promise<readonly FlowResult[]> {
  const simulated = await worldOf('secure-sum');
  for (const phone of gone)
    simulated.world.plan(afterNs, 'gone', () => {
      simulated.world.stop(simulated.world.peers.get(`phone/${phone}`)!);
      simulated.deployment.lose(`phone/${phone}`);
    });
  const results: FlowResult[] = [];
  await simulated.deployment.invoke({}, { flows, onFlow: (result) => results.push(result) });
  expect(results).toHaveLength(flows);
  return results;
}

describe('the sum of what phones have', () => {
  test('is exact, in each round', async () => {
    for (const result of await rounds(ROUNDS)) {
      expect(result.status).toBe('complete');
      expect(wordsOf(result.outputs.sum)).toEqual(sumOf([...Array(PHONES).keys()]));
    }
  });

  test.each(steps)(
    'with two gone before %s is that of whose values came, who are some of those of the wait before',
    async (step, afterNs) => {
      const [first] = await rounds(1, [1, 4], afterNs);
      const survivors = step === 'reveals' ? [0, 1, 2, 3, 4] : [0, 2, 3];
      expect(phonesIn(first!)).toEqual(survivors);
      expect(wordsOf(first!.outputs.sum)).toEqual(sumOf(survivors));
    },
  );

  test.each(steps)('with too few left before %s is missing, and the round partial', async (_, afterNs) => {
    expect(PHONES - 3).toBeLessThan(THRESHOLD);
    const results = await rounds(1, [0, 1, 4], afterNs);
    for (const { outputs, status } of results) {
      expect(status).not.toBe('complete');
      expect(isMissing(outputs.sum!)).toBe(true);
    }
  });

  test('where everything goes wrong it is that of the survivors, or there is none', async () => {
    let sums = 0;
    const { violations } = await underChaos(program, topology, {
      seeds: [2],
      calls: [{ entry: 'round' }],
      check: (result) => {
        const { sum } = result.outputs;
        if (sum === undefined || isMissing(sum)) return;
        sums++;
        expect(wordsOf(sum)).toEqual(sumOf(phonesIn(result)));
      },
    });
    expect(violations).toEqual([]);
    expect(sums).toBeGreaterThan(0);
  });
});
