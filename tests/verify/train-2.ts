// Done line 2 of training: split equals unsplit. The digits network cut after each of its layers over two peers, and at two
// layers in a row over three, for 200 steps: without graph optimisations the losses and what every peer has learnt are those
// of one peer, bit for bit; with them, nearly. Every step of every cut sends the messages and the payload that its plan says,
// crossing by crossing, with headers within their bound.

import type { Plan } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { LAST_CUT, type Trained, trainDigits } from '../support/digits-cnn.ts';
import { requireAsPlanned } from '../support/traffic.ts';
import type { Line } from './verification.ts';

const STEPS = 200;
const TOLERANCE = 1e-5;
const cutsOfTwo = Array.from({ length: LAST_CUT }, (_, at) => [at + 1]);
const cutsOfThree = Array.from({ length: LAST_CUT - 1 }, (_, at) => [at + 1, at + 2]);

type Learnt = Pick<Trained, 'losses' | 'state'>;

/** The largest difference of losses and of what was learnt. */
function difference(a: Learnt, b: Learnt): { losses: number; state: number } {
  const most = (x: readonly number[], y: readonly number[]): number =>
    x.length === y.length
      ? x.reduce((max, one, at) => Math.max(max, Math.abs(one - y[at]!)), 0)
      : Number.POSITIVE_INFINITY;
  const keys = [...a.state.keys()].filter((key) => !key.startsWith('step'));
  const state = keys.map((key) => most(a.state.get(key)!, b.state.get(key) ?? []));
  return { losses: most(a.losses, b.losses), state: Math.max(...state) };
}

/** What all steps sent. Throws where one did not send what the plan says. */
function sentByAll(
  plan: Plan,
  flows: readonly FlowResult[],
): { messages: number; payloadBytes: number; planned: number } {
  const all = flows.map((one) => requireAsPlanned(plan, one));
  const total = (of: (one: (typeof all)[number]) => number): number =>
    all.reduce((sum, one) => sum + of(one), 0);
  return {
    messages: total(({ messages }) => messages),
    payloadBytes: total(({ payloadBytes }) => payloadBytes),
    planned: flows.length * plan.estimate.bytes!,
  };
}

const verify: Line = async (cx) => {
  for (const optimization of ['disabled', 'all'] as const) {
    const backend = onnxRuntimeBackend({ optimization });
    try {
      let whole: Trained | undefined;
      for (const [what, all] of [
        ['two peers', cutsOfTwo],
        ['three peers', cutsOfThree],
      ] as const) {
        const found = { losses: 0, state: 0 };
        const sent = { flows: 0, messages: 0, payloadBytes: 0, planned: 0 };
        for (const cuts of all) {
          const apart = await cx.step(`${optimization} ${cuts.join('-')}`, async () => {
            whole ??= await trainDigits([], STEPS, backend);
            const { plan, flows, ...trained } = await trainDigits(cuts, STEPS, backend);
            return { ...difference(whole, trained), ...sentByAll(plan, flows) };
          });
          sent.flows += STEPS;
          sent.messages += apart.messages;
          sent.payloadBytes += apart.payloadBytes;
          sent.planned += apart.planned;
          found.losses = Math.max(found.losses, apart.losses);
          found.state = Math.max(found.state, apart.state);
        }
        const limit = optimization === 'disabled' ? 0 : TOLERANCE;
        cx.figure(
          `'${optimization}', ${what}, ${all.length} cuts, ${STEPS} steps: losses, parameters and momenta differ by at most`,
          `${found.losses}, ${found.state} (limit ${limit})`,
          found.losses <= limit && found.state <= limit,
        );
        cx.figure(
          `'${optimization}', ${what}: ${sent.flows} steps sent, each crossing as planned, headers within their bound`,
          `${sent.messages} messages, ${sent.payloadBytes} bytes of payload (planned ${sent.planned})`,
          sent.payloadBytes === sent.planned,
        );
      }
    } finally {
      await backend.close();
    }
  }
};
export default verify;
