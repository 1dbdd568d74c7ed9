// Done line 7 of the strategies: pipeline inference of the text recogniser, with a peer that is killed in the middle of a stream of
// 100 requests: as processes over WebSockets, and in the simulator over seeds and moments.

import { recoveryOf, stream } from '../support/pipelines.ts';
import { prepareRecogniser, streamed, wholeAnswers } from '../support/recogniser-processes.ts';
import type { Line, Verification } from './verification.ts';

const REQUESTS = 100;
const AT_ONCE = 4;
const SEEDS = 20;
const VICTIMS = ['front/0', 'front/1', 'back/0', 'back/1'];

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const ms = (value: number): string => `${Math.round(value)} ms`;

const verify: Line = async (cx) => {
  await processes(cx);
  await simulated(cx);
};
export default verify;

async function processes(cx: Verification): Promise<void> {
  const wanted = await cx.step('whole model', async () => [...(await wholeAnswers(REQUESTS))]);
  cx.figure(
    'different answers among those of the whole model',
    new Set(wanted).size,
    new Set(wanted).size > 50,
  );
  prepareRecogniser(cx.folder);
  const run = (key: string, atOnce: number, kill?: Parameters<typeof streamed>[3]) =>
    cx.step(
      key,
      async () => ({ ...(await streamed(cx.folder, REQUESTS, atOnce, kill)) }) as never,
    ) as ReturnType<typeof streamed>;
  const wrong = (answers: readonly string[]): number =>
    wanted.filter((one, request) => one !== answers[request]).length;

  const alone = await run('one at a time', 1);
  const together = await run('several at once', AT_ONCE);
  for (const [name, { answers }] of [
    ['one at a time', alone] as const,
    [`${AT_ONCE} at once`, together] as const,
  ])
    cx.figure(
      `${name}: answers that are not those of ONNX Runtime, bit for bit`,
      wrong(answers),
      wrong(answers) === 0,
    );
  const [ordinary, busy] = [median(alone.took), median(together.took)];
  cx.figure(
    'an ordinary request',
    `${ms(ordinary)} alone, ${ms(busy)} among ${AT_ONCE}; ${REQUESTS} in ${ms(alone.lasted)} and ${ms(together.lasted)}`,
    true,
  );
  for (const who of ['front/1', 'middle/0', 'back/1']) {
    const found = await run(`${who} is killed`, AT_ONCE, { who, after: REQUESTS / 2 });
    const lost = found.answers.filter((one) => one === 'lost').length;
    const again = found.tries.filter((one) => one > 1).length;
    const bad = wrong(found.answers);
    cx.figure(`kill -9 of ${who}: lost or wrong of ${found.answers.length}`, `${lost} or ${bad}`, bad === 0);
    cx.figure(
      `kill -9 of ${who}: until a request that was with it was answered by another`,
      `${ms(found.recovery ?? Number.NaN)}, of ${again} that went again; ${REQUESTS} in ${ms(found.lasted)}`,
      again > 0 && found.recovery !== null,
    );
  }
}

/** Seeds, each with its moment. */
async function simulated(cx: Verification): Promise<void> {
  const told = await cx.step('simulated', async () => {
    const whole = await stream(REQUESTS, 1, 1n);
    let [wrong, again] = [0, 0];
    const recoveries: number[] = [];
    for (const who of VICTIMS)
      for (const notice of ['300ms', 'never'])
        for (let seed = 1; seed <= SEEDS; seed++) {
          const at = (0.7 * seed) / SEEDS;
          const kill = { who, at: `${Math.round(at * 1000)}ms`, notice };
          const found = await stream(REQUESTS, AT_ONCE, BigInt(seed), kill);
          wrong += found.answers.filter(
            (one, request) => String(one) !== String(whole.answers[request]),
          ).length;
          wrong += REQUESTS - found.answers.length;
          again += found.tries.filter((tries) => tries > 1).length;
          if (notice !== 'never') recoveries.push(recoveryOf(found, Math.round(at * 1000) / 1000));
        }
    return { wrong, again, runs: 2 * VICTIMS.length * SEEDS, recoveries };
  });
  const { wrong, again, runs, recoveries } = told;
  cx.figure(
    `simulated, ${runs} runs of ${REQUESTS}: lost or wrong`,
    `${wrong}, ${again} went again`,
    wrong === 0,
  );
  const finite = recoveries.filter(Number.isFinite);
  cx.figure(
    'simulated: recovery where others are told after 300 ms, a request of 30 ms',
    `${ms(1000 * Math.min(...finite))} to ${ms(1000 * Math.max(...finite))} in ${finite.length} runs`,
    finite.length > 0 && Math.max(...finite) < 0.5,
  );
}
