// Averaging without a server, by the strategies that mix with neighbours, and nothing to learn.

import { cohort, constant, emit, float32 } from '../../dsl/index.ts';
import type { Backend } from '../../runtime/index.ts';
import { dPsgd, type Peers, pushSum, taskOf } from '../../stdlib/strategies/index.ts';
import { topologyOf } from './compile.ts';
import { deployWithPlan, plain } from './deploy.ts';
import { requireAsPlanned } from './traffic.ts';

export interface Mixing {
  /** What each peer has at first. */
  readonly x0: readonly (readonly number[])[];
  /** One after another, over and over: `[i][j]` is the share of what j has that goes to i. */
  readonly matrices: readonly (readonly (readonly number[])[])[];
  readonly steps: number;
  /** Of push-sum: the share of its numbers that each tells in a round. */
  readonly share?: number;
}

export type Averaging = 'gossip' | 'push-sum';
const strategies = { gossip: dPsgd, 'push-sum': pushSum };

/** What every peer has after each round. */
export async function averaged(
  kind: Averaging,
  { x0, matrices, steps, share }: Mixing,
  backend: Backend,
): Promise<readonly (readonly (readonly number[])[])[]> {
  const task = taskOf({
    parameters: () => ({ x: constant(new Float32Array(x0[0]!.length), float32, [x0[0]!.length]) }),
    fields: {},
    loss: () => {
      throw new Error('there is nothing to learn');
    },
  });
  const peers: Peers = {
    peers: cohort('node'),
    rounds: steps,
    mixing: matrices,
    report: ({ weights }) => emit('x', weights.x!),
  };
  const { deployment, plan } = await deployWithPlan(
    strategies[kind](task, { ...peers, ...(share !== undefined && { share }) }),
    topologyOf(`node*${x0.length}`),
    backend,
  );
  const start = x0.map((values, index) => {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    return [`node/${index}`, { x: { dtype: 'float32', dims: [values.length], bytes } as const }] as const;
  });
  await deployment.restore(Object.fromEntries(start));
  const rounds: number[][][] = [];
  await deployment.invoke(
    {},
    {
      entry: 'round',
      onFlow(flow) {
        requireAsPlanned(plan, flow);
        rounds[flow.step] = x0.map((_, index) => plain(flow.cohortOutputs.x![`node/${index}`]!) as number[]);
      },
    },
  );
  await deployment.close();
  return rounds;
}
