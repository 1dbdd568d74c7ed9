// Peer selectors: which members of a class take part. They know what a program tells them of the members, and send nothing.

import type { DataValue, ProtocolDeclaration } from '../../ir/index.ts';
import type { Random } from '../../ir/random.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import {
  bytes,
  decode,
  double,
  encode,
  list,
  message,
  optional,
  string,
  table,
} from '../../runtime/proto/codec.ts';
import { countOf, float32sOf, strings, stringsOf } from '../tensors.ts';
import { Answers } from './answers.ts';
import { Attendance, type ChurnOptions, savedAbsences } from './attendance.ts';
import { selection } from './selection.ts';

/** What is known of one member. */
interface Known {
  readonly weight?: number | undefined;
  readonly loss?: number | undefined;
}

interface Choice {
  /** In the order of the class. */
  readonly candidates: readonly string[];
  readonly count: number;
  readonly random: Random;
  /** The whole class, and who of it was chosen last. */
  readonly members: readonly string[];
  readonly last: string | undefined;
  readonly weightOf: (peer: string) => number;
  readonly lossOf: (peer: string) => number;
}
type Choose = (choice: Choice) => readonly string[];

interface Way {
  readonly choose: Choose;
  /** What it can be told besides who is there. */
  readonly told?: readonly ('Weigh' | 'Report')[];
  /** Each choice begins where the one before it ended. */
  readonly goesOn?: boolean;
}

/** Members that one selector knows something of. */
const MOST_KNOWN = 100_000;

class Selector implements NodeComponent {
  readonly roles = ['peer_selector', 'protocol'] as const;
  readonly declaration: ProtocolDeclaration;
  readonly #way: Way;
  readonly #changes: boolean;
  readonly #attendance: Attendance;
  readonly #known = new Map<string, Known>();
  /** By class. */
  readonly #last = new Map<string, string>();
  readonly #answers = new Answers();

  constructor(way: Way, options: ChurnOptions) {
    const { Missed, Seen, ...more } = selection.methods;
    const told = (way.told ?? []).map((name) => [name, more[name]] as const);
    this.declaration = { methods: { Missed, Seen, ...Object.fromEntries(told) } };
    this.#way = way;
    // What is left out for a time, or goes on, would be another answer the next time.
    this.#changes = way.goesOn === true || (options.churn ?? 'ignore') !== 'ignore';
    this.#attendance = new Attendance(options);
  }

  call({ method, options, inputs }: NodeCall, cx: ComponentContext): readonly DataValue[] {
    if (method === 'Select') {
      const select = () => this.#select(options, countOf(inputs[0], 'count'), cx);
      return [strings(this.#changes ? this.#answers.once(cx.random, select) : select())];
    }
    const peers = stringsOf(inputs[0], 'peers');
    if (method === 'Missed') this.#attendance.missed(peers, cx.now);
    else if (method === 'Seen') this.#attendance.seen(peers, cx.now);
    else if (method === 'Weigh')
      this.#learn(peers, inputs[1], 'weights', (weight) => ({
        weight: weight > 0 && weight < Number.POSITIVE_INFINITY ? weight : 0,
      }));
    else
      this.#learn(peers, inputs[1], 'losses', (loss) => ({
        loss: Number.isFinite(loss) ? loss : Number.NEGATIVE_INFINITY,
      }));
    return [];
  }

  #select(options: NodeCall['options'], count: number, cx: ComponentContext): readonly string[] {
    const { class: name = '', self } = options;
    const members = cx.members(name);
    if (members.length === 0) throw new Error(`there is no class ${name}`);
    const { first, others } = this.#attendance.of(
      self === 'yes' ? members : members.filter((one) => one !== cx.peer),
      cx.now,
    );
    const chosen = this.#way.choose({
      candidates: others,
      count: Math.max(0, count - first.length),
      random: cx.random,
      members,
      last: this.#last.get(name),
      weightOf: (peer) => this.#known.get(peer)?.weight ?? 1,
      lossOf: (peer) => this.#known.get(peer)?.loss ?? Number.POSITIVE_INFINITY,
    });
    if (this.#way.goesOn === true && chosen.length > 0) this.#last.set(name, chosen.at(-1)!);
    return [...first.slice(0, count), ...chosen];
  }

  #learn(
    peers: readonly string[],
    given: DataValue | undefined,
    what: string,
    known: (value: number) => Known,
  ): void {
    const values = float32sOf(given, what);
    if (values.length !== peers.length)
      throw new Error(`${what} are ${values.length}, and peers ${peers.length}`);
    const fresh = new Set(peers.filter((peer) => !this.#known.has(peer)));
    if (this.#known.size + fresh.size > MOST_KNOWN)
      throw new Error(`something of more than ${MOST_KNOWN} peers`);
    for (const [at, peer] of peers.entries())
      this.#known.set(peer, { ...this.#known.get(peer), ...known(values[at]!) });
  }

  save(): Uint8Array {
    return encode(saved, {
      known: [...this.#known].map(([peer, known]) => ({ peer, ...known })),
      last: [...this.#last].map(([name, peer]) => ({ name, peer })),
      absences: this.#attendance.save(),
      answers: this.#answers.save(),
    });
  }

  restore(from: Uint8Array): void {
    const { known, last, absences, answers } = decode(saved, from);
    this.#known.clear();
    for (const { peer, ...one } of known) this.#known.set(peer, one);
    this.#last.clear();
    for (const { name, peer } of last) this.#last.set(name, peer);
    this.#attendance.restore(absences);
    this.#answers.restore(answers);
  }
}

const saved = table({
  known: list(message(1, table({ peer: string(1), weight: optional(double(2)), loss: optional(double(3)) }))),
  last: list(message(2, table({ name: string(1), peer: string(2) }))),
  absences: savedAbsences(3),
  answers: bytes(4),
});

/** The first of the class, in its order: all of them where the count is large enough. */
export const allPeers = (options: ChurnOptions = {}): NodeComponent =>
  new Selector({ choose: ({ candidates, count }) => candidates.slice(0, count) }, options);

/**
 * So many of the class, each choice equally likely, in random order (Fisher–Yates). In one flow an op draws alike however
 * often it is asked; in another flow, at another op or member anew.
 */
export const randomPeers = (options: ChurnOptions = {}): NodeComponent =>
  new Selector(
    {
      choose({ candidates, count, random }) {
        const left = [...candidates];
        return Array.from({ length: Math.min(count, left.length) }, () => {
          const [taken] = left.splice(random.below(left.length), 1);
          return taken!;
        });
      },
    },
    options,
  );

/**
 * In the order of the class, each time those behind the last one, and after the end the first again. Who is passed over, or
 * joins behind the last one, has its turn where it stands.
 */
export const roundRobin = (options: ChurnOptions = {}): NodeComponent =>
  new Selector(
    {
      goesOn: true,
      choose({ candidates, count, members, last }) {
        const among = new Set(candidates);
        const next = last === undefined ? 0 : members.indexOf(last) + 1;
        const turned = [...members.slice(next), ...members.slice(0, next)];
        return turned.filter((one) => among.has(one)).slice(0, count);
      },
    },
    options,
  );

/**
 * Drawn one after another without replacement, each with a probability that is its share of the weights that are left; nobody
 * of weight 0. As its keys u^(1/w) order them (Efraimidis & Spirakis 2006, Weighted random sampling with a reservoir, section
 * 2), here their logarithms.
 */
const drawn: Choose = ({ candidates, count, random, weightOf }) =>
  candidates
    .map((peer) => ({ peer, weight: weightOf(peer), log: Math.log(random.fraction()) }))
    .filter(({ weight }) => weight > 0)
    .map(({ peer, weight, log }) => ({ peer, key: log / weight }))
    .sort((a, b) => b.key - a.key)
    .slice(0, count)
    .map(({ peer }) => peer);

/** By weights that the program tells with `Weigh`; who has none counts 1. */
export const weightedPeers = (options: ChurnOptions = {}): NodeComponent =>
  new Selector({ choose: drawn, told: ['Weigh'] }, options);

export interface PowerOfChoiceOptions extends ChurnOptions {
  /** How many are drawn, `d`, of whom those with the highest loss are taken. Default: twice as many as are taken. */
  readonly candidates?: number;
}

/**
 * Of `d` members drawn by weight, those with the highest loss (Cho, Wang & Joshi 2020, Client selection in federated
 * learning, section 4; their variant rpow-d: the loss each had when it last took part, and infinity before that).
 */
export const powerOfChoice = ({ candidates: d, ...options }: PowerOfChoiceOptions = {}): NodeComponent =>
  new Selector(
    {
      told: ['Weigh', 'Report'],
      choose(choice) {
        const { count, lossOf } = choice;
        const pool = drawn({ ...choice, count: Math.max(count, d ?? 2 * count) });
        return pool
          .map((peer) => ({ peer, loss: lossOf(peer) }))
          .sort((a, b) => (a.loss === b.loss ? 0 : a.loss < b.loss ? 1 : -1))
          .slice(0, count)
          .map(({ peer }) => peer);
      },
    },
    options,
  );
