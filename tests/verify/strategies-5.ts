// Done line 5 of the strategies: secure aggregation over fifty phones, fifteen of which drop out at every step of the protocol; all that
// the server receives, under statistics; what it costs beside a plain sum.

import { leakage, withoutSelfMasks } from '../support/leakage.ts';
import { runSecurely, type SecureRun, steps, sumOf, updates, words } from '../support/secure-world.ts';
import type { Line, Verification } from './verification.ts';

const COUNT = 50;
const THRESHOLD = 30;
const LENGTH = 1000;
const dropping = Array.from({ length: 15 }, (_, at) => at * 3 + 1);
const all = Array.from({ length: COUNT }, (_, at) => `phone/${at}`);
/** Up and down as phones have them. */
const link = { up: '5Mbit/s', down: '20Mbit/s' };

const verify: Line = async (cx) => {
  for (const [step, afterNs] of steps) {
    const gone = dropping.map((phone) => ({ phone, afterNs }));
    // Who is gone before it reveals has sent its values: they are in the sum.
    const left = step === 'reveals' ? COUNT : COUNT - dropping.length;
    await dropouts(cx, `15 of 50 gone before ${step}`, gone, left);
  }
  // Four before keys, four before shares, four before values, three before reveals: who is waited for is waited for 10 s.
  const spread = dropping.map((phone, at) => ({ phone, afterNs: [0, 5e9, 15e9, 25e9][Math.floor(at / 4)]! }));
  await dropouts(cx, '15 of 50 gone, some before each step', spread, COUNT - 12);

  const bare = await cx.step('without self masks', async () => {
    const values = { x: updates(COUNT, LENGTH, 6) };
    const { view } = await runSecurely({ count: COUNT, threshold: THRESHOLD, values });
    const { found, sum } = withoutSelfMasks(view, THRESHOLD);
    return { found, exact: sum.join() === sumOf(values.x, all).join() };
  });
  cx.figure(
    'what 50 phones sent, without the self masks that shares give',
    `${bare.found.length} of 50 not uniform; their sum is ${bare.exact ? '' : 'not '}the exact one`,
    bare.found.length === 0 && bare.exact,
  );

  await reuse(cx);
  for (const length of [1000, 100_000]) await cost(cx, length);
};
export default verify;

async function dropouts(
  cx: Verification,
  what: string,
  gone: NonNullable<SecureRun['gone']>,
  left: number,
): Promise<void> {
  const found = await cx.step(what, async () => {
    const values = { x: updates(COUNT, LENGTH, 1) };
    const { sums, survivors, view } = await runSecurely({ count: COUNT, threshold: THRESHOLD, values, gone });
    const { found, tests } = leakage(view, values);
    const exact = words(sums.x).join() === sumOf(values.x, survivors).join();
    return { exact, survivors: survivors.length, found, tests, frames: view.frames.length };
  });
  for (const one of found.found.slice(0, 5)) cx.note(one);
  cx.figure(
    what,
    `${found.exact ? 'the exact' : 'another'} sum, of ${found.survivors}; ${found.found.length} of ${found.tests} statistics of ${found.frames} frames find something`,
    found.exact && found.survivors === left && found.found.length === 0 && found.tests > left ** 2,
  );
}

/** Ten phones, two tensors, three rounds: masks are fresh in each; one seed for all is found out, and by nothing but that. */
async function reuse(cx: Verification): Promise<void> {
  const values = { weight: updates(10, LENGTH, 3), bias: updates(10, LENGTH, 4) };
  const run = { count: 10, threshold: 7, values, rounds: 3 };
  for (const reused of [false, true]) {
    const seen = await cx.step(reused ? 'one seed' : 'fresh masks', async () => {
      const { sums, view } = await runSecurely({ ...run, reuse: reused });
      const exact = Object.entries(values).every(
        ([name, own]) => words(sums[name]).join() === sumOf(own, all.slice(0, 10)).join(),
      );
      const { found, tests } = leakage(view, values);
      return {
        exact,
        tests,
        found,
        differences: found.filter((one) => / less (weight|bias)/.test(one)).length,
      };
    });
    const result = `${seen.exact ? 'exact' : 'wrong'} sums; ${seen.found.length} of ${seen.tests} statistics find something`;
    if (!reused)
      cx.figure('masks of two tensors in three rounds', result, seen.exact && seen.found.length === 0);
    // Of each member all pairs of six.
    else
      cx.figure(
        'the same with one seed for all of them',
        `${result}, ${seen.differences} of them differences of two tensors or rounds of one member`,
        seen.exact && seen.differences === 10 * 15,
      );
  }
}

async function cost(cx: Verification, length: number): Promise<void> {
  const values = { x: updates(COUNT, length, 5) };
  const measured = async (plain: boolean) => {
    const { up, down, virtualNs, processorMs, sums } = await runSecurely({
      count: COUNT,
      threshold: THRESHOLD,
      values,
      plain,
      link,
    });
    return { up, down, virtualNs, processorMs, exact: words(sums.x).join() === sumOf(values.x, all).join() };
  };
  const masked = await cx.step(`${length} numbers masked`, () => measured(false));
  const plain = await cx.step(`${length} numbers as they are`, () => measured(true));
  const compare = (of: (one: typeof masked) => number, digits: number, unit: string): string =>
    `${of(masked).toFixed(digits)} ${unit}, not ${of(plain).toFixed(digits)}`;
  const figures = [
    `up ${compare(({ up }) => up / 1000, 0, 'kB')}`,
    `down ${compare(({ down }) => down / 1000, 1, 'kB')}`,
    `virtual time ${compare(({ virtualNs }) => virtualNs / 1e9, 2, 's')}`,
    `processor time of all 51 peers ${compare(({ processorMs }) => processorMs / 1000, 1, 's')}`,
  ];
  cx.figure(
    `the sum of 50 times ${length} numbers beside a plain collect, each member`,
    figures.join('; '),
    masked.exact && plain.exact,
  );
}
