// Pipeline inference: an imported model is cut into stages, each at a class of replicas, and requests stream through them, several
// at once. Each takes a route of its own. Whoever does not answer is passed over for a while, and the request goes again by
// another route: replicas keep nothing of it, so what comes out is the same.

import {
  type Cohort,
  constant,
  type Duration,
  entry,
  int64,
  type Module,
  module,
  next,
  type OnnxFunction,
  on,
  output,
  type Place,
  peerSelector,
  protocol,
  type Tensor,
  type Use,
} from '../../dsl/index.ts';
import { selection } from '../selectors/selection.ts';
import { mapped } from './task.ts';

export interface Pipeline {
  readonly client: Place<string>;
  /** What the model gets, by its inputs, at the client. */
  readonly asked: () => Readonly<Record<string, Tensor>>;
  /** Replicas, and the inner value up to which they compute the model. The last ones have none: they compute what is left. */
  readonly stages: readonly {
    readonly on: Cohort;
    readonly until?: string;
    readonly declassify?: string;
  }[];
  /** What is answered of what the model gives, at the last stage. */
  readonly answer: (given: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  /** How long an answer is waited for on one route. Default: as long as the compiler thinks. */
  readonly within?: Duration;
  /** Routes that are tried. Default: 3. */
  readonly tries?: number;
  /** Requests that are open at once; others wait. Default: two for each stage. */
  readonly limit?: number;
  /** How one of a stage's replicas is chosen. Default: in turn, but for a minute not who did not answer. */
  readonly route?: Use;
}

export const pipeline = (model: OnnxFunction<string>, options: Pipeline): Module =>
  module('pipeline', () => {
    const { client, asked, stages, answer, within, tries = 3, limit = 2 * stages.length } = options;
    const { route = { kind: 'round-robin', churn: 'drop' } } = options;
    const routes = stages.map(({ on: { name: of } }) => ({
      pick: peerSelector(`route.${of}`, { at: client, use: route }),
      told: protocol(`told.${of}`, selection, { at: client, component: `route.${of}` }),
    }));
    const start = { initial: { tried: constant(0n, int64) }, limit, ...(within && { within }) };
    entry('request', client, start, ({ tried }) => {
      const hops = stages.map(({ on: replicas, ...stage }, at) => {
        const set = routes[at]!.pick.select(1, { class: replicas.name });
        return { ...stage, ...routes[at]!, set, on: replicas.one(set) as Place<string> };
      });
      const inner = stages.flatMap(({ until }) => until ?? []);
      const given = model(asked(), { stages: hops, inner }) as Readonly<Record<string, Tensor>>;
      const last = hops.at(-1)!;
      const answers = on(last.on, () => answer(given));
      const [first] = Object.values(answers);
      for (const { set, told, until, on: replica } of hops) {
        // That it has an answer, even if it is that there was nothing to compute with, says that it is there.
        const end = until === undefined ? first! : given[until]!;
        const came = on(replica, () => end.present()).present();
        told.seen(set.when(came));
        told.missed(set.when(came.not()));
      }
      const come = on(client, () => mapped(answers, (one) => (one as Tensor<'float32'>).identity()));
      for (const [name, value] of Object.entries(come)) output(name, value);
      const isThere = on(client, () => first!.present());
      next('request', { tried: tried.add(1n) }).when(isThere.not().and(tried.less(BigInt(tries - 1))));
    });
  });
