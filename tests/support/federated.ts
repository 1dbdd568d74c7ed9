// The strategies with a server over a small network, and the numpy runs to compare them with.

import { cohort, constant, float32, int64, type Module, output, peer } from '../../dsl/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Backend, Components } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import {
  diLoCo,
  type Federation,
  fedAdam,
  fedAvg,
  fedOpt,
  fedProx,
  scaffold,
  type Task,
  taskOf,
} from '../../stdlib/strategies/index.ts';
import { topologyOf } from './compile.ts';
import { deployWithPlan, plain } from './deploy.ts';
import { requireAsPlanned } from './traffic.ts';

export interface FederatedRuns {
  /** x and t of a client: records × 8, records. */
  readonly clients: readonly {
    readonly n: number;
    readonly x: Float32Array;
    readonly t: readonly number[];
  }[];
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly algorithms: Readonly<
    Record<string, { readonly tolerance: number; readonly rounds: readonly ArrayLike<number>[] }>
  >;
}

/** Two layers, which start as the runs do. */
function taskIn(runs: FederatedRuns): Task {
  const start = Float32Array.from(Object.values(runs.algorithms)[0]!.rounds[0]!);
  return taskOf({
    parameters() {
      let taken = 0;
      const entries = runs.parameters.map(({ name, shape }) => {
        const from = taken;
        taken += shape.reduce((product, dim) => product * dim, 1);
        return [name, constant(start.slice(from, taken), float32, shape)] as const;
      });
      return Object.fromEntries(entries);
    },
    fields: { x: [float32, ['N', 8]], t: [int64, ['N']] },
    loss(at, { x, t }) {
      const h = x.gemm(at['fc1.weight']!, { c: at['fc1.bias']!, transB: true }).tanh();
      const logits = h.gemm(at['fc2.weight']!, { c: at['fc2.bias']!, transB: true });
      return logits.softmaxCrossEntropyLoss(t).as(float32, []);
    },
  });
}

const steps = 5;
const inner = { optimizer: adamw({ lr: 0.01, weightDecay: 0.01 }), steps: 10, batch: 8 };

/** By name, with the settings of the runs. */
export const algorithms: Readonly<Record<string, (task: Task, federation: Federation) => Module>> = {
  fedavg: fedAvg,
  fedprox: (task, federation) => fedProx(task, { ...federation, mu: 0.1 }),
  fedadam: (task, federation) => fedOpt(task, { ...federation, optimizer: fedAdam({ lr: 0.05 }) }),
  scaffold: (task, federation) => scaffold(task, { ...federation, lr: 0.1, steps }),
  diloco: (task, federation) => diLoCo(task, { ...federation, local: inner }),
};

const floatsOf = (values: Float32Array, dims: readonly number[]): Tensor => ({
  dtype: 'float32',
  dims,
  bytes: new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength)),
});

/** The largest difference from the numpy run, of any parameter, after each round. Each must send what the plan says. */
export async function deviations(
  name: string,
  runs: FederatedRuns,
  backend: Backend,
): Promise<readonly number[]> {
  const { rounds } = runs.algorithms[name]!;
  const components = (id: string): Components => {
    const index = Number(/^client\/(\d+)$/.exec(id)?.[1] ?? -1);
    const own = runs.clients[index];
    if (own === undefined) return {};
    const t = {
      dtype: 'int64',
      dims: [own.n],
      bytes: new Uint8Array(BigInt64Array.from(own.t, BigInt).buffer),
    } as const;
    return { train: dataComponent(arrays({ x: floatsOf(own.x, [own.n, 8]), t })) };
  };
  const topology = topologyOf('server', `client*${runs.clients.length}`);
  const source = algorithms[name]!(taskIn(runs), {
    server: peer('server'),
    clients: cohort('client'),
    rounds: rounds.length - 1,
    local: { optimizer: sgd({ lr: 0.1 }), steps, batch: 8 },
    report({ weights }) {
      for (const [parameter, value] of Object.entries(weights)) output(parameter, value);
    },
  });
  const { plan, deployment } = await deployWithPlan(source, topology, backend, {}, components);
  const found: number[] = [];
  await deployment.invoke(
    {},
    {
      onFlow(result) {
        const { step, outputs } = result;
        requireAsPlanned(plan, result);
        const got = runs.parameters.flatMap((one) => plain(outputs[one.name]) as number[]);
        const want = Array.from(rounds[step + 1]!);
        found[step] = Math.max(...want.map((value, at) => Math.abs(value - (got[at] ?? Number.NaN))));
      },
    },
  );
  await deployment.close();
  return found;
}

/** The runs of tests/fixtures/federated/runs.json. */
export function runsOf(text: string): FederatedRuns {
  const decode = (base64: string): Float32Array => {
    const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
    return new Float32Array(bytes.buffer);
  };
  const json = JSON.parse(text) as {
    clients: { n: number; x: string; t: number[] }[];
    parameters: FederatedRuns['parameters'];
    algorithms: Record<string, { tolerance: number; rounds: string[] }>;
  };
  return {
    clients: json.clients.map((one) => ({ ...one, x: decode(one.x) })),
    parameters: json.parameters,
    algorithms: Object.fromEntries(
      Object.entries(json.algorithms).map(([name, one]) => [
        name,
        { ...one, rounds: one.rounds.map(decode) },
      ]),
    ),
  };
}
