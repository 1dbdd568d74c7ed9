// Federated averaging where some members lie: the plain mean fails, and aggregators hold that are stated for so many. Every attack on
// every aggregator by `npm run verify -- strategies.4`.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { weightedMean } from '../../dsl/index.ts';
import {
  bulyan,
  type Combine,
  geometricMedian,
  multiKrum,
  trimmedMean,
} from '../../stdlib/aggregators/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { aggregators, attacks } from '../support/attack-table.ts';
import { type Attacked, accuracyAfter, small } from '../support/attacked-digits.ts';
import {
  backdoor,
  innerProduct,
  type Lie,
  lying,
  plotted,
  sameNumber,
  scaling,
  signFlip,
} from '../support/poisoning.ts';
import { breaksWith, stated, tableOfTheDocs } from '../support/stated-attackers.ts';

/** Two of eleven, for which every aggregator here is stated. */
const F = 2;
const backend = onnxRuntimeBackend({ workers: 0 });
afterAll(() => backend.close());

const accuracy = (attacked: Omit<Attacked, 'backend'>): Promise<number> =>
  accuracyAfter({ backend, ...attacked });
const telling = (lie: Lie) => (combine: Combine) => accuracy({ combine, sends: lying(lie, F) });

describe(`with ${F} of ${small.clients} members that lie`, () => {
  let clean: number;
  beforeAll(async () => {
    clean = await accuracy({});
    expect(clean).toBeGreaterThan(0.75);
  }, 60_000);

  test.each<[string, (combine: Combine) => Promise<number>, Combine]>([
    ['say the opposite', telling(signFlip(4)), geometricMedian()],
    ['go much too far', telling(scaling(30)), trimmedMean({ f: F })],
    ['say what is no number', telling(sameNumber(Number.NaN)), bulyan({ f: F })],
    [
      'know what the others say, and turn the sum around',
      (combine) => accuracy({ combine: plotted(innerProduct(6), F, combine) }),
      multiKrum({ f: F, m: 6 }),
    ],
  ])('that %s, the mean fails and another holds', { timeout: 60_000 }, async (_, under, robust) => {
    const [mean, held] = [await under(weightedMean), await under(robust)];
    expect(mean).toBeLessThan(clean - 0.3);
    expect(held).toBeGreaterThan(clean - 0.05);
  });
});

test('a backdoor opens through the mean, and not through Multi-Krum', { timeout: 60_000 }, async () => {
  const door = { image: 'image', label: 'label', target: 7 };
  const opened = (combine: Combine): Promise<number> =>
    accuracy({
      combine,
      f: F,
      poison: (source) => backdoor(source, door),
      sends: lying(scaling(4), F),
      // The share of pictures with the pattern that are read as the target.
      test: (source) => backdoor(source, door),
    });
  expect(await opened(weightedMean)).toBeGreaterThan(0.8);
  expect(await opened(multiKrum({ f: F, m: 6 }))).toBeLessThan(0.3);
});

describe('the table of the docs', () => {
  const table = tableOfTheDocs();
  const of = (attack: string) =>
    Object.entries(stated).map(([aggregator, { f, except = [] }], column) => ({
      told: `${aggregator}: ${table[attack]![column]}`,
      cell: table[attack]![column]!,
      f,
      excepted: except.includes(attack),
    }));

  test('says for how many each is stated, and with how many it was tried', () => {
    expect(Object.keys(stated)).toEqual(Object.keys(aggregators));
    expect(table['stated for']).toEqual(Object.values(stated).map(({ f }) => String(f)));
    expect(table['tried with up to']).toEqual(Object.values(aggregators).map(({ most }) => String(most)));
  });

  test.each(Object.keys(attacks))(
    'says where each breaks under %s: beyond that, or with a star',
    (attack) => {
      for (const { told, cell, f, excepted } of of(attack)) {
        const at = breaksWith(cell) ?? Number.POSITIVE_INFINITY;
        expect({ told, star: cell.endsWith('*') }).toEqual({ told, star: excepted });
        expect({ told, holds: at > f }).toEqual({ told, holds: !excepted });
      }
    },
  );
});
