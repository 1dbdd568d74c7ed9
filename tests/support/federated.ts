// Federated algorithms as modules, and the numpy runs to compare them with.

import {
  type AnyShape,
  cohort,
  collect,
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  type State,
  state,
  type Value,
  weightedMean,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Backend, Components } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
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

const [server, clients] = [peer('server'), cohort('client')];
type Weights<P extends string> = Readonly<Record<string, Value<'float32', AnyShape, P>>>;
type Local = Weights<'client.each'>;
type Variables<P extends string> = Readonly<Record<string, State<'float32', AnyShape, P>>>;

/** Applies `f` to each entry. */
const each = <A, B>(record: Readonly<Record<string, A>>, f: (one: A, name: string) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, one]) => [name, f(one, name)]));

const read = <P extends string>(variables: Variables<P>): Weights<P> =>
  each(variables, (one) => one.read() as Value<'float32', AnyShape, P>);

/** What an algorithm is made of: the local steps of a client, and the server's. */
interface Algorithm {
  readonly steps: number;
  /** What a client answers. */
  readonly local: (cx: LocalContext) => Local;
  /** The new parameters. */
  readonly combine: (cx: CombineContext) => Weights<string>;
  /** Whether every client counts as much as every other. */
  readonly unweighted?: boolean;
}
interface LocalContext {
  /** The server's parameters of the round. */
  readonly w: Local;
  readonly round: Value<'int64', [], 'server'>;
  readonly gradientAt: (w: Local, step: number) => Local;
  readonly variables: (name: string, initial?: number) => Variables<'client.each'>;
  readonly shared: (name: string) => Variables<'server'>;
}
interface CombineContext {
  readonly w: Weights<'server'>;
  /** What the clients answered, averaged. */
  readonly mean: Weights<'server'>;
  readonly variables: (name: string, initial?: number) => Variables<'server'>;
}

const descend = (
  { w, gradientAt }: LocalContext,
  direction: (g: Local, at: Local) => Local,
  steps = 5,
): Local => {
  let at = w;
  for (let step = 0; step < steps; step++) {
    const g = direction(gradientAt(at, step), at);
    at = each(at, (one, name) => one.sub(g[name]!.mul(0.1)));
  }
  return at;
};

const fedavg: Algorithm = {
  steps: 5,
  local: (cx) => descend(cx, (g) => g),
  combine: ({ mean }) => mean,
};

const fedprox: Algorithm = {
  ...fedavg,
  local: (cx) => descend(cx, (g, at) => each(g, (one, name) => one.add(at[name]!.sub(cx.w[name]!).mul(0.1)))),
};

const fedadam: Algorithm = {
  ...fedavg,
  combine({ w, mean, variables }) {
    const [m, v] = [variables('m'), variables('v', 1e-6)];
    return each(w, (one, name) => {
      const d = mean[name]!.sub(one);
      const m1 = m[name]!.update((before) => before.mul(0.9).add(d.mul(0.1)));
      const v1 = v[name]!.update((before) => before.mul(0.99).add(d.mul(d).mul(0.01)));
      return one.add(m1.mul(0.05).div(v1.sqrt().add(1e-3)));
    });
  },
};

/** The server's control variates and the parameters travel together: `w:` and `c:`. */
const scaffold: Algorithm = {
  steps: 5,
  unweighted: true,
  local(cx) {
    const own = cx.variables('ck');
    const ck = read(own);
    const c = each(read(cx.shared('c')), (one) => one.broadcast(clients.each));
    const end = descend(cx, (g) => each(g, (one, name) => one.sub(ck[name]!).add(c[name]!)));
    const moved = each(end, (one, name) => one.sub(cx.w[name]!));
    const change = each(moved, (one, name) => one.div(-0.5).sub(c[name]!));
    for (const [name, one] of Object.entries(own)) one.assign(ck[name]!.add(change[name]!));
    const named = (prefix: string, record: Local): [string, Local[string]][] =>
      Object.entries(record).map(([name, one]) => [`${prefix}:${name}`, one]);
    return Object.fromEntries([...named('w', moved), ...named('c', change)]);
  },
  combine({ w, mean, variables }) {
    for (const [name, one] of Object.entries(variables('c')))
      one.update((before) => before.add(mean[`c:${name}`]!));
    return each(w, (one, name) => one.add(mean[`w:${name}`]!));
  },
};

const diloco: Algorithm = {
  steps: 10,
  unweighted: true,
  local({ w, round, gradientAt, variables }) {
    const [ms, vs] = [variables('m'), variables('v')];
    let [at, m, v]: Local[] = [w, read(ms), read(vs)];
    for (let step = 0; step < 10; step++) {
      const g = gradientAt(at!, step);
      const t = round
        .mul(10n)
        .add(BigInt(step + 1))
        .cast({ to: float32 });
      m = each(m!, (one, name) => one.mul(0.9).add(g[name]!.mul(0.1)));
      v = each(v!, (one, name) => one.mul(0.999).add(g[name]!.mul(g[name]!).mul(0.001)));
      const [biasM, biasV] = [constant(0.9).pow(t).neg().add(1), constant(0.999).pow(t).neg().add(1)];
      at = each(at!, (one, name) => {
        const rate = v![name]!.div(biasV).sqrt().add(1e-8);
        return one.mul(1 - 1e-4).sub(m![name]!.div(biasM).div(rate).mul(0.01));
      });
    }
    for (const name of Object.keys(ms)) {
      ms[name]!.assign(m![name]!);
      vs[name]!.assign(v![name]!);
    }
    return at!;
  },
  combine({ w, mean, variables }) {
    const buffer = variables('buffer');
    return each(w, (one, name) => {
      const d = one.sub(mean[name]!);
      const moved = buffer[name]!.update((before) => before.mul(0.9).add(d));
      return one.sub(d.add(moved.mul(0.9)).mul(0.7));
    });
  },
};

export const algorithms: Readonly<Record<string, Algorithm>> = { fedavg, fedprox, fedadam, scaffold, diloco };

function moduleOf(
  { steps, local, combine, unweighted }: Algorithm,
  runs: FederatedRuns,
  rounds: number,
): Module {
  return module('federated', () => {
    const known = new Map<string, unknown>();
    const start = Float32Array.from(Object.values(runs.algorithms)[0]!.rounds[0]!);
    let taken = 0;
    const initial = new Map(
      runs.parameters.map(({ name, shape }) => {
        const size = shape.reduce((product, dim) => product * dim, 1);
        taken += size;
        return [name, { shape, data: start.slice(taken - size, taken) }] as const;
      }),
    );
    const variables = <P extends string>(
      prefix: string,
      at: Parameters<typeof state>[2]['at'],
      fill?: number,
    ) => {
      const made =
        known.get(prefix) ??
        Object.fromEntries(
          [...initial].map(([name, { shape, data }]) => {
            const values = fill === undefined ? data : new Float32Array(data.length).fill(fill);
            return [name, state(`${prefix}.${name}`, constant(values, float32, shape), { at })];
          }),
        );
      known.set(prefix, made);
      return made as Variables<P>;
    };
    const train = dataSource('train', {
      at: clients.each,
      fields: { x: [float32, ['N', 8]], t: [int64, ['N']] },
    });
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const parameters = variables<'server'>('w', server);
      const w = read(parameters);
      const answer = on(clients.each, () => {
        const gradientAt = (at: Local, step: number): Local => {
          const { x, t } = train.batch(round.mul(BigInt(steps)).add(BigInt(step)), 8);
          const h = x.gemm(at['fc1.weight']!, { c: at['fc1.bias']!, transB: true }).tanh();
          const logits = h.gemm(at['fc2.weight']!, { c: at['fc2.bias']!, transB: true });
          return gradient(logits.softmaxCrossEntropyLoss(t).as(float32, []), at) as Local;
        };
        const own = local({
          w: each(w, (one) => one.broadcast(clients.each)) as Local,
          round,
          gradientAt,
          variables: (name, fill = 0) => variables(name, clients.each, fill),
          shared: (name) => variables(name, server, 0),
        });
        return { ...own, n: unweighted ? train.size().mul(0n).add(1n) : train.size() };
      });
      const { n, senders, missing, ...all } = collect(answer as never) as unknown as Record<
        string,
        Value<'float32', AnyShape, 'server'>
      >;
      const mean = weightedMean(all as never, n as never) as Weights<'server'>;
      const now = combine({ w, mean, variables: (name, fill = 0) => variables(name, server, fill) });
      for (const [name, one] of Object.entries(parameters)) {
        one.assign(now[name]!);
        output(name, now[name]!);
      }
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });
}

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
  const source = moduleOf(algorithms[name]!, runs, rounds.length - 1);
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
    algorithms: each(json.algorithms, (one) => ({ ...one, rounds: one.rounds.map(decode) })),
  };
}
