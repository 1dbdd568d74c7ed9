// Components that come with the project, by the kind that an author or a host names: `use: { kind: 'hnsw', m: 8 }`.

import { DiagnosticError, diagnostic, type RoleName, type Slot } from '../ir/index.ts';
import type { NodeComponent } from '../runtime/index.ts';
import { weightedMean } from './aggregators/components.ts';
import {
  bfloat16,
  float16,
  int8,
  lowRank,
  productQuantised,
  qsgd,
  randomK,
  sign,
  topK,
} from './codecs/index.ts';
import { flatIndex, hnswIndex } from './indexes/index.ts';
import { contentStored, membershipRegistry, pauses, secureAggregator } from './protocols/index.ts';
import { churns } from './selectors/attendance.ts';
import {
  allPeers,
  cyclon,
  hyParView,
  powerOfChoice,
  randomNeighbours,
  randomPeers,
  ringNeighbours,
  roundRobin,
  tMan,
  torusNeighbours,
  weightedPeers,
} from './selectors/index.ts';

export * from './aggregators/components.ts';
export * from './codecs/index.ts';
export * from './indexes/index.ts';
export * from './protocols/index.ts';
export * from './selectors/index.ts';
// For components of one's own.
export * from './tensors.ts';

type Setting = keyof typeof values | readonly string[];

interface Kind {
  /** Its first one is what it is for. */
  readonly roles: readonly RoleName[];
  /** A number of some range, a name, which must be given, or one of some words. */
  readonly settings: Readonly<Record<string, Setting>>;
  readonly make: (settings: never) => NodeComponent;
}

const values = {
  count: {
    said: 'a whole number from 1',
    isIn: (one: unknown) => Number.isSafeInteger(one) && Number(one) >= 1,
  },
  seed: {
    said: 'a whole number from 0',
    isIn: (one: unknown) => Number.isSafeInteger(one) && Number(one) >= 0,
  },
  share: {
    said: 'a share above 0, at most 1',
    isIn: (one: unknown) => typeof one === 'number' && one > 0 && one <= 1,
  },
  name: {
    said: 'a name',
    isIn: (one: unknown) => typeof one === 'string' && one !== '',
  },
} as const;

const metric = ['euclidean', 'cosine', 'inner'] as const;
const kind = (role: RoleName, make: Kind['make'], settings: Kind['settings'] = {}): Kind => ({
  roles: [role],
  settings,
  make,
});
/** A selector that a program may tell and ask more, as a protocol. */
const selector = (make: Kind['make'], settings: Kind['settings'] = {}): Kind => ({
  roles: ['peer_selector', 'protocol'],
  settings,
  make,
});
const churnSettings = { churn: churns, awayMs: 'count', tries: 'count' } as const;
const overlaySettings = { class: 'name', everyMs: 'count', contacts: 'count' } as const;

export const kinds: Readonly<Record<string, Kind>> = {
  'weighted-mean': kind('aggregator', weightedMean),
  float16: kind('codec', float16),
  bfloat16: kind('codec', bfloat16),
  int8: kind('codec', int8, { block: 'count' }),
  qsgd: kind('codec', qsgd, { levels: 'count', block: 'count', seed: 'seed' }),
  sign: kind('codec', sign, { block: 'count' }),
  'top-k': kind('codec', topK, { k: 'count', share: 'share' }),
  'random-k': kind('codec', randomK, {
    k: 'count',
    share: 'share',
    seed: 'seed',
    unbiased: ['no', 'yes'],
  }),
  'low-rank': kind('codec', lowRank, { rank: 'count', seed: 'seed' }),
  'product-quantised': kind('codec', productQuantised, { length: 'count', centroids: 'count', seed: 'seed' }),
  'all-peers': selector(allPeers, churnSettings),
  random: selector(randomPeers, churnSettings),
  'round-robin': selector(roundRobin, churnSettings),
  weighted: selector(weightedPeers, churnSettings),
  'power-of-choice': selector(powerOfChoice, { ...churnSettings, candidates: 'count' }),
  ring: selector(ringNeighbours, { degree: 'count' }),
  torus: selector(torusNeighbours),
  'random-regular': selector(randomNeighbours, { degree: 'count', seed: 'seed' }),
  cyclon: selector(cyclon, { ...overlaySettings, size: 'count', shuffle: 'count' }),
  hyparview: selector(hyParView, {
    ...overlaySettings,
    active: 'count',
    passive: 'count',
    shuffleEvery: 'count',
  }),
  't-man': selector(tMan, {
    ...overlaySettings,
    ranking: ['ring', 'near'],
    size: 'count',
    sent: 'count',
    partners: 'count',
    forgetAfter: 'count',
  }),
  flat: kind('index', flatIndex, { metric }),
  hnsw: kind('index', hnswIndex, { metric, m: 'count', efConstruction: 'count', ef: 'count' }),
  'content-store': kind('protocol', contentStored, { chunk: 'count', most: 'count' }),
  membership: kind('protocol', membershipRegistry, { ttlMs: 'count', everyMs: 'count' }),
  pause: kind('protocol', pauses),
  'secure-aggregation': kind('protocol', secureAggregator),
};

/**
 * What makes the component that a slot's author chose; undefined: none was chosen.
 * Throws DiagnosticError BB850 where there is no such kind or setting, or it is of another role.
 */
export function makerOf({
  name,
  role,
  options,
}: Pick<Slot, 'name' | 'role' | 'options'>): (() => NodeComponent) | undefined {
  const { kind: chosen, ...settings } = options;
  if (chosen === undefined) return undefined;
  const fail = (reason: string): never => {
    throw new DiagnosticError(diagnostic('BB850', { name, reason, known: kindsOf(role) }));
  };
  const found = typeof chosen === 'string' && Object.hasOwn(kinds, chosen) ? kinds[chosen] : undefined;
  if (found === undefined) return fail(`there is no kind ${chosen}`);
  if (!found.roles.includes(role)) fail(`${chosen} is of the role ${found.roles[0]!.replaceAll('_', ' ')}`);
  for (const [setting, value] of Object.entries(settings)) {
    const wanted = Object.hasOwn(found.settings, setting) ? found.settings[setting]! : undefined;
    if (wanted === undefined) fail(`${chosen} has no setting ${setting}`);
    else if (typeof wanted === 'string') {
      const { isIn, said } = values[wanted];
      if (!isIn(value)) fail(`${setting} is ${value}, not ${said}`);
    } else if (!wanted.includes(String(value))) fail(`${setting} is ${value}, not ${wanted.join(' or ')}`);
  }
  for (const [setting, wanted] of Object.entries(found.settings))
    if (wanted === 'name' && !Object.hasOwn(settings, setting))
      fail(`${chosen} needs the setting ${setting}`);
  const make = () => found.make(settings as never);
  // What its settings must be together, the component says.
  try {
    make();
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  return make;
}

/**
 * The components that a program's authors chose, by name; of slots that share one, the first that says what it is.
 * Throws DiagnosticError BB850.
 */
export function makersOf(slots: readonly Slot[]): Readonly<Record<string, () => NodeComponent>> {
  const makers: Record<string, () => NodeComponent> = {};
  for (const slot of slots) {
    const make = makerOf(slot);
    if (make !== undefined) makers[slot.component] ??= make;
  }
  return makers;
}

const kindsOf = (role: RoleName): readonly string[] =>
  Object.keys(kinds).filter((name) => kinds[name]!.roles.includes(role));
