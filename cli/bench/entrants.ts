// The strategies that are compared: a table, to which a new one adds a line.

import type { Cohort, Module, Place } from '../../dsl/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import { key, uniform } from '../../dsl/random/index.ts';
import type { DataValue } from '../../ir/index.ts';
import { isTensor } from '../../ir/index.ts';
import type { PeerStates } from '../../runtime/host/index.ts';
import { withFeedback } from '../../stdlib/codecs/graph.ts';
import {
  mixingWeights,
  type Neighbourhood,
  randomRegular,
  ring,
  torus,
} from '../../stdlib/selectors/index.ts';
import type { Federation, Local, Matrix, Peers, Task, Weights } from '../../stdlib/strategies/index.ts';
import * as strategies from '../../stdlib/strategies/index.ts';
import { type CodecName, topK } from './codecs.ts';
import { cutDense, dense, type Network, normed } from './digits.ts';

/** Whom a strategy is given, and how long it may learn. */
export interface Setting {
  readonly task: Task;
  readonly seed: number;
  readonly codec: CodecName;
  readonly server: Place<string>;
  readonly heads: Cohort;
  readonly clients: Cohort;
  /** How many clients there are. */
  readonly members: number;
  /** How often each client learns for `local.steps`. */
  readonly rounds: number;
  readonly local: Local & { readonly steps: number };
}

/** What is scored: parameters by name. */
export type Parameters = Readonly<Record<string, DataValue>>;

export interface Entrant {
  readonly name: string;
  /** What its topology must have beside clients. */
  readonly needs: readonly ('server' | 'heads')[];
  readonly network: Network;
  readonly module: (setting: Setting) => Module;
  /** How many flows make one round; `peers`: flows that peers start themselves. */
  readonly flows: (setting: Setting) => number;
  readonly begins: 'called' | 'itself';
  /** Where there are several that may be called. */
  readonly entry?: string;
  /** Of these clients, in order, what each reads with; one for all where they have the same. */
  readonly models: (states: PeerStates, clients: readonly string[], server: string) => readonly Parameters[];
  /** What all rounds spend of privacy, where it declares a budget. */
  readonly epsilon?: number;
  /** Why it is not compared in a codec. */
  readonly not?: Readonly<Partial<Record<CodecName, string>>>;
}

const WITHIN = '10m';

const atServer: Entrant['models'] = (states, _, server) => [states[server]!];
const atEach: Entrant['models'] = (states, clients) => clients.map((id) => states[id]!);
/** The server's, but for what each has of its own. */
const partlyOwn: Entrant['models'] = (states, clients, server) =>
  clients.map((id) => ({ ...states[server], ...states[id] }));

const numberOf = (value: DataValue | undefined): number => {
  if (value === undefined || !isTensor(value)) throw new Error('a state is not there');
  const buffer = value.bytes.slice().buffer;
  return value.dtype === 'int64' ? Number(new BigInt64Array(buffer)[0]) : new Float32Array(buffer)[0]!;
};

/** What a client sends in top-k is a difference, to which what it left out before is added. */
const feedback =
  (at: Cohort, name = 'lost') =>
  (own: Weights): Weights =>
    withFeedback(name, own, { at, codec: topK });

const federationOf = (setting: Setting): Federation => {
  const { server, clients, rounds, local, codec } = setting;
  return {
    ...{ server, clients, rounds, local },
    answers: { within: WITHIN },
    ...(codec === 'topk' && { sends: feedback(clients) }),
  };
};

/** A strategy with rounds that the server begins. */
const served = (
  name: string,
  make: (task: Task, federation: Federation, setting: Setting) => Module,
  more: Partial<Entrant> = {},
): Entrant => ({
  name,
  needs: ['server'],
  network: dense,
  module: (setting) => make(setting.task, federationOf(setting), setting),
  flows: () => 1,
  begins: 'called',
  models: atServer,
  ...more,
});

const adaptive = { lr: 0.03, tau: 1e-3 };
/** Rounds of DiLoCo are so much longer, and so much fewer. */
const LONGER = 5;
const CLUSTERS = 2;
const OFTEN = 2;

const withServer: readonly Entrant[] = [
  served('fedAvg', strategies.fedAvg),
  served('fedProx', (task, federation) => strategies.fedProx(task, { ...federation, mu: 0.1 })),
  served('fedAdam', (task, federation) =>
    strategies.fedOpt(task, { ...federation, optimizer: strategies.fedAdam(adaptive) }),
  ),
  served('fedYogi', (task, federation) =>
    strategies.fedOpt(task, { ...federation, optimizer: strategies.fedYogi(adaptive) }),
  ),
  served('fedAdagrad', (task, federation) =>
    strategies.fedOpt(task, { ...federation, optimizer: strategies.fedAdagrad(adaptive) }),
  ),
  served('scaffold', (task, federation, { local }) =>
    strategies.scaffold(task, { ...federation, lr: RATE, steps: local.steps }),
  ),
  served(
    'diLoCo',
    (task, federation, { rounds, local }) =>
      strategies.diLoCo(task, {
        ...federation,
        rounds: Math.ceil(rounds / LONGER),
        local: { ...local, optimizer: adamw({ lr: 0.003 }), steps: local.steps * LONGER },
      }),
    { flows: () => 1 / LONGER },
  ),
  served(
    'fedPer',
    (task, federation) =>
      strategies.personalised(task, { ...federation, own: (name) => name.startsWith('out.') }),
    { models: partlyOwn },
  ),
  served(
    'fedBN',
    (task, federation) =>
      strategies.personalised(task, { ...federation, own: (name) => name.startsWith('norm.') }),
    { models: partlyOwn, network: normed },
  ),
  served(
    'clustered',
    (task, federation) => strategies.clustered(task, { ...federation, clusters: CLUSTERS }),
    {
      models: (states, clients, server) =>
        clients.map((id) => {
          const prefix = `cluster${numberOf(states[id]!.cluster)}.`;
          const own = Object.entries(states[server]!).filter(([name]) => name.startsWith(prefix));
          return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
        }),
    },
  ),
  served(
    'hierarchical',
    (task, federation, { heads, clients, codec, rounds }) =>
      strategies.hierarchical(task, {
        ...federation,
        heads,
        often: OFTEN,
        within: WITHIN,
        rounds: Math.ceil(rounds / OFTEN),
        ...(codec === 'topk' && {
          sends: feedback(heads),
          tells: (own: Weights, turn: number) => feedback(clients, `lost.${turn}`)(own),
        }),
      }),
    { needs: ['server', 'heads'], flows: () => 1 / OFTEN },
  ),
  served(
    'fedBuff',
    (task, federation, { members, rounds }) => {
      const buffer = Math.max(2, Math.round(members / 10));
      const { answers: _, ...rest } = federation;
      return strategies.fedBuff(task, {
        ...rest,
        buffer,
        within: WITHIN,
        rounds: Math.ceil((rounds * members) / buffer),
      });
    },
    { begins: 'itself', flows: ({ members }) => members },
  ),
];

const NO_DIFFERENCES = 'what it sends are no differences, of which the largest would do';

const cut = (version: string, learns: 'at once' | 'in turn'): Entrant =>
  served(
    `splitFed ${version}`,
    (_, { answers }, { seed, server, clients, rounds, local }) =>
      strategies.splitFed(cutDense(seed), {
        ...{ server, clients, rounds, learns, answers },
        ...{ steps: local.steps, batch: local.batch, optimizer: local.optimizer },
      }),
    {
      flows: ({ local }) => local.steps,
      models: (states, clients, server) => [{ ...states[server], ...states[clients[0]!] }],
      not: { topk: NO_DIFFERENCES },
    },
  );

const matrixOf = (near: Neighbourhood, members: number): Matrix => mixingWeights(near(members));

/** Each tells one other in a round, who is twice as far away as in the round before (Assran et al. 2019, appendix A). */
function pushed(members: number): readonly Matrix[] {
  const turns = Math.max(1, Math.ceil(Math.log2(members)));
  return Array.from({ length: turns }, (_, turn) =>
    Array.from({ length: members }, (_, to) =>
      Array.from({ length: members }, (_, from) =>
        to === from || to === (from + 2 ** turn) % members ? 0.5 : 0,
      ),
    ),
  );
}

const peersOf = ({ clients, rounds, local }: Setting, mixing: readonly Matrix[]): Peers => ({
  ...{ peers: clients, rounds, local, mixing },
  answers: { within: WITHIN },
});

const alone = (name: string, module: Entrant['module'], more: Partial<Entrant> = {}): Entrant => ({
  ...{ name, module, needs: [], network: dense, flows: () => 1, begins: 'called', models: atEach },
  ...more,
});

const neighbours = (name: string, near: Neighbourhood): Entrant =>
  alone(name, (setting) => {
    const peers = peersOf(setting, [matrixOf(near, setting.members)]);
    if (setting.codec !== 'topk') return strategies.dPsgd(setting.task, peers);
    return strategies.chocoSgd(setting.task, { ...peers, local: setting.local, codec: topK, step: GAMMA });
  });
const GAMMA = 0.1;

const withoutServer: readonly Entrant[] = [
  neighbours('dPsgd ring', ring()),
  neighbours('dPsgd torus', torus()),
  neighbours('dPsgd random', randomRegular(4, 1)),
  alone('pushSum', (setting) => strategies.pushSum(setting.task, peersOf(setting, pushed(setting.members))), {
    not: { topk: NO_DIFFERENCES },
    models: (states, clients) => clients.map((id) => divided(states[id]!)),
  }),
  alone(
    'gossip',
    ({ task, clients, local, seed }) =>
      strategies.gossip(task, {
        ...{ peers: clients, local, every: '1s' },
        tells: {
          pick: (view) => view.gather(uniform(key(seed), view.shape()).topK([1n]).indices) as typeof view,
        },
      }),
    { begins: 'itself', flows: ({ members }) => members, not: { topk: NO_DIFFERENCES } },
  ),
];

/** What push-sum has is a sum, and its weight. */
function divided(state: Parameters): Parameters {
  const by = numberOf(state['push-sum.weight']);
  return Object.fromEntries(
    Object.entries(state).map(([name, value]) => {
      if (!isTensor(value) || value.dtype !== 'float32') return [name, value];
      const numbers = new Float32Array(value.bytes.slice().buffer).map((one) => one / by);
      return [name, { ...value, bytes: new Uint8Array(numbers.buffer) }];
    }),
  );
}

const RATE = 0.2;
/** What all do between two rounds. */
export const local = { optimizer: sgd({ lr: RATE }), batch: 10, steps: 5 } as const;

export const entrants: readonly Entrant[] = [
  ...withServer,
  cut('v1', 'at once'),
  cut('v2', 'in turn'),
  ...withoutServer,
];
