// One strategy in one codec, in a world of its own: the nodes are those of every host, time and links are simulated.

import { cohort, peer } from '../../dsl/index.ts';
import { isTensor, type PeerClass, type Topology } from '../../ir/index.ts';
import type { FlowResult, PeerStates } from '../../runtime/host/index.ts';
import { SimulatedDeployment, World } from '../../runtime/host/sim/index.ts';
import { adaptive, type Backend } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';
import { pieceBytes } from '../../runtime/wire/frame.ts';
import { makersOf } from '../../stdlib/components.ts';
import { peersOf } from '../run/memory.ts';
import { computeFor } from '../sim/compute.ts';
import { type CodecName, inCodec } from './codecs.ts';
import { deploymentOf } from './compiled.ts';
import { type DigitsData, openDigits } from './digits.ts';
import { type Entrant, local, type Parameters, type Setting } from './entrants.ts';
import { openScorer, type Scorer } from './score.ts';

export interface Settings {
  readonly rounds: number;
  readonly seed: number;
  /** Of the Dirichlet distribution that members' kinds are drawn from: the less, the more they differ. */
  readonly alpha: number;
  /** What a run is told at once it is reached; undefined: its end. */
  readonly target: number | undefined;
}

/** Classes of a topology, by what they do in strategies. */
export interface Cast {
  readonly server: PeerClass | undefined;
  readonly heads: PeerClass | undefined;
  readonly clients: PeerClass;
}

/** How far a run has come. */
export interface Point {
  readonly round: number;
  readonly seconds: number;
  /** Of messages of flows that were over, headers included; the next may have begun. */
  readonly bytes: number;
  /** The mean over members of the share of unseen digits that they read rightly; each kind counts alike. */
  readonly accuracy: number;
  /** The same, where each kind counts as it does in what the member has. */
  readonly own: number;
}

/** From one peer to another, until the end: all frames, those that acknowledge or are sent again, too. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly frames: number;
  readonly bytes: number;
}

export interface Result {
  readonly strategy: string;
  readonly codec: CodecName;
  /** Where the target was reached; otherwise the end. */
  readonly at: Point;
  readonly reached: boolean | undefined;
  readonly points: readonly Point[];
  /** What was spent of privacy, as the strategy's own accountant has it; undefined: it has none. */
  readonly epsilon: number | undefined;
  /** How flows ended. */
  readonly flows: Readonly<Record<FlowResult['status'], number>>;
  readonly links: readonly Sent[];
}

/** Points of a run without a target. */
const POINTS = 10;
/** Members that are scored on the way, where each has parameters of its own. */
const SAMPLE = 10;

/** Undefined: the topology has nobody who learns. */
export function castOf({ classes }: Topology): Cast | undefined {
  const [clients, heads] = classes
    .filter(({ members }) => members.length > 1)
    .sort((a, b) => b.members.length - a.members.length);
  return clients && { server: classes.find(({ members }) => members.length === 1), heads, clients };
}

/** What a run needs beside the strategy. */
export interface Stage {
  readonly topology: Topology;
  readonly cast: Cast;
  readonly settings: Settings;
  readonly backend: Backend;
  readonly progress: (text: string) => void;
}

/** Throws DiagnosticError where these peers cannot run it. */
export async function runOne(entrant: Entrant, codec: CodecName, stage: Stage): Promise<Result> {
  const { cast, settings, backend } = stage;
  const { seed, alpha, rounds } = settings;
  const ids = cast.clients.members;
  const data = openDigits(
    ids.length,
    { by: 'dirichlet', alpha, label: 'label', seed, atLeast: local.batch },
    seed,
  );
  const setting: Setting = {
    ...{ seed, codec, rounds, local, members: ids.length },
    task: entrant.network.task(seed),
    server: peer(cast.server?.name ?? 'server'),
    heads: cohort(cast.heads?.name ?? 'head'),
    clients: cohort(cast.clients.name),
  };
  const world = await worldFor(entrant, setting, data, stage);
  const scorer = await openScorer(entrant.network, data.test, backend);
  try {
    const run = new Run(entrant, setting, world, stage);
    await run.finish();
    const points = await run.score(scorer, data);
    const found = points.find(({ accuracy }) => accuracy >= (settings.target ?? Number.POSITIVE_INFINITY));
    return {
      strategy: entrant.name,
      codec,
      at: found ?? points.at(-1)!,
      reached: settings.target === undefined ? undefined : found !== undefined,
      points,
      epsilon: run.epsilon,
      flows: run.flows,
      links: run.links,
    };
  } finally {
    await scorer.close();
    await world.release();
  }
}

function worldFor(
  { module }: Entrant,
  setting: Setting,
  data: DigitsData,
  { topology, cast, settings, backend }: Stage,
): Promise<World> {
  const coded = inCodec(topology, setting.codec, goesUp(cast));
  const { seed } = settings;
  const ids = cast.clients.members;
  return World.create({
    peers: peersOf(deploymentOf(module(setting), coded)).map((one) => ({
      ...one,
      backend,
      components: {
        ...makersOf(one.bundle.manifest.slots),
        ...(ids.includes(one.id) && { train: data.train(ids.indexOf(one.id)) }),
      },
    })),
    links: coded.links,
    seed: BigInt(seed),
    computeNs: computeFor(topology),
    network: adaptive({ seed: BigInt(seed) }),
  });
}

/** From clients to heads, from these to the server, and from clients to each other. Ends of links are classes or peers. */
function goesUp({ server, heads, clients }: Cast): (from: string, to: string) => boolean {
  const tiers = [clients, heads, server];
  const tierOf = (end: string): number =>
    tiers.findIndex((tier) => tier !== undefined && (tier.name === end || tier.members.includes(end)));
  return (from, to) =>
    tierOf(from) < tierOf(to) || (tierOf(from) === tierOf(to) && clients === tiers[tierOf(from)]);
}

/** What is kept of a moment, to be scored when the run is over. */
interface Moment extends Pick<Point, 'round' | 'seconds' | 'bytes'> {
  readonly states: PeerStates;
}

class Run {
  readonly flows = { complete: 0, partial: 0, failed: 0 };
  readonly #links = new Map<string, { -readonly [Field in keyof Sent]: Sent[Field] }>();
  readonly #moments: Promise<Moment>[] = [];
  readonly #entrant: Entrant;
  readonly #setting: Setting;
  readonly #world: World;
  readonly #simulated: SimulatedDeployment;
  readonly #stage: Stage;
  epsilon: number | undefined;
  #bytes = 0;

  constructor(entrant: Entrant, setting: Setting, world: World, stage: Stage) {
    this.#entrant = entrant;
    this.#setting = setting;
    this.#world = world;
    this.#stage = stage;
    this.#simulated = new SimulatedDeployment(world);
    world.observers.push({
      output: (from, output) => {
        if (output.type === 'send') this.#sent(from.id, output.to, pieceBytes(output.pieces));
      },
    });
  }

  get links(): readonly Sent[] {
    return [...this.#links.values()];
  }

  async finish(): Promise<void> {
    const { begins, entry } = this.#entrant;
    const over = this.#flowsOf(this.#rounds);
    const onFlow = (result: FlowResult): void => this.#ended(result);
    if (begins === 'called') await this.#simulated.invoke({}, { onFlow, ...(entry && { entry }) });
    else {
      this.#simulated.arm({}, onFlow);
      await this.#simulated.serve(() => this.#count >= over);
    }
    // The end is a point, whatever round it is.
    if (this.#count !== over) this.#moments.push(this.#moment());
  }

  /** Each moment's parameters; on the way of some members only, at the end of all. */
  async score(scorer: Scorer, data: DigitsData): Promise<readonly Point[]> {
    const { cast, progress } = this.#stage;
    const ids = cast.clients.members;
    const kinds = ids.map((_, index) => data.kindsOf(index));
    const moments = await Promise.all(this.#moments);
    const points: Point[] = [];
    for (const [at, { states, ...moment }] of moments.entries()) {
      progress(`scoring ${at + 1} of ${moments.length}`);
      const models = this.#entrant.models(states, ids, cast.server?.members[0] ?? '');
      const stride = at === moments.length - 1 ? 1 : Math.max(1, Math.floor(ids.length / SAMPLE));
      const rights = await scored(models, stride, scorer);
      const [accuracy, own] = [new Mean(), new Mean()];
      kinds.forEach((counts, index) => {
        const right = rights[models.length === 1 ? 0 : index];
        if (right === undefined) return;
        accuracy.add(
          weighted(
            right,
            right.map(() => 1),
          ),
        );
        own.add(weighted(right, counts));
      });
      points.push({ ...moment, accuracy: accuracy.value, own: own.value });
    }
    return points;
  }

  get #count(): number {
    return this.flows.complete + this.flows.partial + this.flows.failed;
  }

  #flowsOf(rounds: number): number {
    return Math.ceil(rounds * this.#entrant.flows(this.#setting));
  }

  #ended({ status, messages, outputs: { epsilon } }: FlowResult): void {
    this.flows[status]++;
    for (const { payloadBytes, headerBytes } of messages) this.#bytes += payloadBytes + headerBytes;
    if (epsilon !== undefined && !isMissing(epsilon) && isTensor(epsilon))
      this.epsilon = new Float64Array(epsilon.bytes.slice().buffer)[0];
    const rounds = this.#rounds;
    const { target } = this.#stage.settings;
    const every = Math.max(1, target === undefined ? this.#flowsOf(rounds / POINTS) : this.#flowsOf(1));
    if (this.#count % every === 0 || this.#count === this.#flowsOf(rounds))
      this.#moments.push(this.#moment());
    this.#stage.progress(`round ${this.#round.toFixed(0)} of ${rounds}`);
  }

  get #rounds(): number {
    const { rounds } = this.#setting;
    return this.#entrant.rounds?.(rounds) ?? rounds;
  }

  get #round(): number {
    return this.#count / this.#entrant.flows(this.#setting);
  }

  async #moment(): Promise<Moment> {
    const [round, seconds, bytes] = [this.#round, this.#world.now / 1e9, this.#bytes];
    return { round, seconds, bytes, states: await this.#simulated.state() };
  }

  #sent(from: string, to: string, bytes: number): void {
    const key = `${from}\n${to}`;
    const known = this.#links.get(key);
    const link = known ?? { from, to, frames: 0, bytes: 0 };
    if (known === undefined) this.#links.set(key, link);
    link.frames++;
    link.bytes += bytes;
  }
}

/** By member, or of the one that all have. */
async function scored(
  models: readonly Parameters[],
  stride: number,
  scorer: Scorer,
): Promise<readonly (readonly number[] | undefined)[]> {
  const rights: (readonly number[] | undefined)[] = [];
  for (const [index, model] of models.entries())
    if (index % stride === 0) rights[index] = await scorer.score(model);
  return rights;
}

class Mean {
  #sum = 0;
  #count = 0;
  add(value: number): void {
    this.#sum += value;
    this.#count++;
  }
  get value(): number {
    return this.#sum / this.#count;
  }
}

const weighted = (values: readonly number[], weights: readonly number[]): number =>
  values.reduce((sum, value, at) => sum + value * weights[at]!, 0) /
  weights.reduce((sum, one) => sum + one, 0);
