// The strategies that are compared: a table, to which a new one adds a line.

import { type Cohort, type Module, output, type Place } from '../../dsl/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import { key, uniform } from '../../dsl/random/index.ts';
import type { DataValue } from '../../ir/index.ts';
import { isTensor } from '../../ir/index.ts';
import type { PeerStates } from '../../runtime/host/index.ts';
import type { Combine } from '../../stdlib/aggregators/index.ts';
import { withFeedback } from '../../stdlib/codecs/graph.ts';
import { budget, clipRows, clipUpdate, hostNoise, noisedMean } from '../../stdlib/privacy/index.ts';
import {
  mixingWeights,
  type Neighbourhood,
  randomRegular,
  ring,
  torus,
} from '../../stdlib/selectors/index.ts';
import type { Cut, Federation, Local, Matrix, Peers, Task, Weights } from '../../stdlib/strategies/index.ts';
import * as strategies from '../../stdlib/strategies/index.ts';
import { type CodecName, topK } from './codecs.ts';
import { cutDeep, cutDense, deep, dense, type Network, normed } from './digits.ts';

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
  /** How often it is each client's turn. Default: as often as it is asked for. */
  readonly rounds?: (rounds: number) => number;
  /** How many flows make one such round. */
  readonly flows: (setting: Setting) => number;
  /** Whether it is called, or begins by itself. */
  readonly begins: 'called' | 'itself';
  /** Where there are several that may be called. */
  readonly entry?: string;
  /** Of these clients, in order, what each reads with; one for all where they have the same. */
  readonly models: (states: PeerStates, clients: readonly string[], server: string) => readonly Parameters[];
}

const WITHIN = '10m';

const atServer: Entrant['models'] = (states, _, server) => [states[server]!];
const atEach: Entrant['models'] = (states, clients) => clients.map((id) => states[id]!);
/** The server's, but for what each has of its own. */
const partlyOwn: Entrant['models'] = (states, clients, server) =>
  clients.map((id) => ({ ...states[server], ...states[id] }));

const bufferOf = (value: DataValue | undefined): ArrayBuffer => {
  if (value === undefined || !isTensor(value)) throw new Error('a state is not there');
  return value.bytes.slice().buffer;
};
const floatsOf = (value: DataValue | undefined): Float32Array<ArrayBuffer> =>
  new Float32Array(bufferOf(value));

const unprefixed = (state: Parameters, prefix: string): Parameters =>
  Object.fromEntries(
    Object.entries(state).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );

/** What a client sends in top-k is a difference, to which what it left out before is added. */
const feedback =
  (at: Cohort, name = 'lost') =>
  (own: Weights): Weights =>
    withFeedback(name, own, { at, codec: topK });

/** Without a place to keep what others know, a part of each parameter is told, what has changed most. */
const shareIn = (codec: CodecName): { readonly share?: number } =>
  codec === 'topk' ? { share: topK.share } : {};

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
const LONGER = 3;
const rarely = {
  rounds: (rounds: number) => LONGER * Math.ceil(rounds / LONGER),
  flows: () => 1 / LONGER,
} as const;
const seldom = ({ local: { steps = 1, batch }, rounds, ...federation }: Federation): Federation => ({
  ...federation,
  rounds: Math.ceil(rounds / LONGER),
  local: { batch, optimizer: adamw({ lr: 0.003 }), steps: steps * LONGER },
});

/** What a member may cost in privacy over all rounds. */
const ALLOWED = { epsilon: 8, delta: 1e-3 } as const;
/** The norm that what a member came to in a round is kept to. */
const CLIP = 1;

/**
 * Central differential privacy of members: what each came to is clipped, and the server adds noise to the sum. What a codec
 * makes of an update may be longer than it was, so the server clips too.
 */
function privately(federation: Federation, { members, rounds, server }: Setting): Federation {
  const spending = () => budget({ ...ALLOWED, steps: rounds });
  const combine = (rows: Weights): Weights => {
    // Losses are not clipped, so that nothing is told of them.
    if (rows.loss !== undefined) return { loss: rows.loss.mul(0).reduceMean({ keepdims: false }) };
    const { noiseMultiplier } = spending();
    const noise = hostNoise({ at: server });
    return noisedMean({ clip: CLIP, noiseMultiplier, expected: members, noise })(clipRows(rows, CLIP));
  };
  return {
    ...federation,
    sends: (own, round) => federation.sends?.(clipUpdate(own, CLIP), round) ?? clipUpdate(own, CLIP),
    combine: combine as unknown as Combine,
    report: ({ round }) => {
      output('epsilon', spending().spent(round.add(1n)));
    },
  };
}
const CLUSTERS = 2;
const OFTEN = 2;

const withServer: readonly Entrant[] = [
  served('fedAvg', strategies.fedAvg),
  served('fedAvg private', (task, federation, setting) =>
    strategies.fedAvg(task, privately(federation, setting)),
  ),
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
  served('diLoCo', (task, federation) => strategies.diLoCo(task, seldom(federation)), rarely),
  served('overlapped', (task, federation) => strategies.overlapped(task, seldom(federation)), rarely),
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
        clients.map((id) =>
          unprefixed(states[server]!, `cluster${new BigInt64Array(bufferOf(states[id]!.cluster))[0]}.`),
        ),
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
    {
      needs: ['server', 'heads'],
      rounds: (rounds) => OFTEN * Math.ceil(rounds / OFTEN),
      flows: () => 1 / OFTEN,
    },
  ),
  served(
    'fedBuff',
    (task, federation, { members, rounds }) => {
      const buffer = Math.max(2, Math.round(members / 10));
      const { answers: _, ...rest } = federation;
      return strategies.fedBuff(task, {
        ...rest,
        buffer,
        // All begin with the same parameters, so the first answers go the same way several times.
        lr: 0.2,
        within: WITHIN,
        rounds: Math.ceil((rounds * members) / buffer),
      });
    },
    { begins: 'itself', flows: ({ members }) => members },
  ),
];

/** Features have no next time to which what is left out of them could be added: of these the largest alone cross. */
const cutBy = ({ codec, clients, server, rounds, local }: Setting, { answers }: Federation): Cut => ({
  ...{ server, clients, rounds, answers },
  ...{ steps: local.steps, batch: local.batch, optimizer: local.optimizer },
  ...(codec === 'topk' && { sends: feedback(clients) }),
});

const cut = (version: string, learns: 'at once' | 'in turn'): Entrant =>
  served(
    `splitFed ${version}`,
    (_, federation, setting) =>
      strategies.splitFed(cutDense(setting.seed), { ...cutBy(setting, federation), learns }),
    {
      flows: ({ local }) => local.steps,
      models: (states, clients, server) => [{ ...states[server], ...states[clients[0]!] }],
    },
  );

/** One member after the other takes so much longer that it is each one's turn less often. */
const TURNS = 6;

const splitAlone: readonly Entrant[] = [
  served(
    'split',
    (_, federation, setting) =>
      strategies.split(cutDense(setting.seed), {
        ...cutBy(setting, federation),
        rounds: Math.ceil(setting.rounds / TURNS) * setting.members,
      }),
    {
      rounds: (rounds) => Math.ceil(rounds / TURNS),
      flows: ({ members, local }) => members * local.steps,
      models: (states, _, server) => [{ ...states[server], ...unprefixed(states[server]!, 'kept.') }],
    },
  ),
  served(
    'split U',
    (_, federation, setting) => strategies.uSplit(cutDeep(setting.seed), cutBy(setting, federation)),
    {
      network: deep,
      flows: ({ local }) => local.steps,
      models: (states, clients, server) => [{ ...states[server], ...states[clients[0]!] }],
    },
  ),
];

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
    if (setting.codec !== 'topk') return strategies.dPsgd(setting.task, { ...peers, mixes: 'after' });
    return strategies.chocoSgd(setting.task, { ...peers, local: setting.local, codec: topK, step: GAMMA });
  });
const GAMMA = 0.1;

const withoutServer: readonly Entrant[] = [
  neighbours('dPsgd ring', ring()),
  neighbours('dPsgd torus', torus()),
  neighbours('dPsgd random', randomRegular(4, 1)),
  alone(
    'pushSum',
    (setting) =>
      strategies.pushSum(setting.task, {
        ...peersOf(setting, pushed(setting.members)),
        ...shareIn(setting.codec),
      }),
    { models: (states, clients) => clients.map((id) => divided(states[id]!)) },
  ),
  alone(
    'gossip',
    ({ task, clients, local, seed, codec }) =>
      strategies.gossip(task, {
        ...{ peers: clients, local, every: '1s', ...shareIn(codec) },
        tells: {
          pick: (view) => view.gather(uniform(key(seed), view.shape()).topK([1n]).indices) as typeof view,
        },
      }),
    { begins: 'itself', flows: ({ members }) => members },
  ),
  alone(
    'diLoCo all-reduce',
    ({ task, clients, rounds, local: { batch, steps }, codec }) =>
      strategies.diLoCoAllReduce(task, {
        ...shareIn(codec),
        peers: clients,
        rounds: Math.ceil(rounds / LONGER),
        local: { batch, optimizer: adamw({ lr: 0.003 }), steps: steps * LONGER },
      }),
    rarely,
  ),
];

const WEIGHT = 'push-sum.weight';
/** What push-sum has is a sum, and its weight, or one of each number. */
function divided(state: Parameters): Parameters {
  const one = state[WEIGHT];
  const parts = Object.entries(state).map(([name, value]) => {
    const weight = one ?? state[`${WEIGHT}.${name}`];
    if (!isTensor(value) || value.dtype !== 'float32' || weight === undefined) return [name, value];
    const [numbers, by] = [floatsOf(value), floatsOf(weight)];
    const quotients = numbers.map((number, at) => number / by[at % by.length]!);
    return [name, { ...value, bytes: new Uint8Array(quotients.buffer) }];
  });
  return Object.fromEntries(parts);
}

const RATE = 0.1;
/** What all do between two rounds. */
export const local = { optimizer: sgd({ lr: RATE }), batch: 10, steps: 10 } as const;

export const entrants: readonly Entrant[] = [
  ...withServer,
  cut('v1', 'at once'),
  cut('v2', 'in turn'),
  ...splitAlone,
  ...withoutServer,
];
