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
import { membershipRegistry } from './protocols/index.ts';
import { allPeers, randomPeers } from './selectors/index.ts';

export * from './aggregators/components.ts';
export * from './codecs/index.ts';
export * from './indexes/index.ts';
export * from './protocols/index.ts';
export * from './selectors/index.ts';
// For components of one's own.
export * from './tensors.ts';

type Setting = keyof typeof numbers | readonly string[];
type Settings = Readonly<Record<string, never>>;

interface Kind {
  readonly role: RoleName;
  /** A number of some range, or one of some words. */
  readonly settings: Readonly<Record<string, Setting>>;
  readonly make: (settings: Settings) => NodeComponent;
}

const numbers = {
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
} as const;

const metric = ['euclidean', 'cosine', 'inner'] as const;
const kind = (role: RoleName, make: Kind['make'], settings: Kind['settings'] = {}): Kind => ({
  role,
  settings,
  make,
});

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
  'all-peers': kind('peer_selector', allPeers),
  random: kind('peer_selector', randomPeers),
  flat: kind('index', flatIndex, { metric }),
  hnsw: kind('index', hnswIndex, { metric, m: 'count', efConstruction: 'count', ef: 'count' }),
  membership: kind('protocol', membershipRegistry, { ttlMs: 'count', everyMs: 'count' }),
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
  if (found.role !== role) fail(`${chosen} is of the role ${found.role.replaceAll('_', ' ')}`);
  for (const [setting, value] of Object.entries(settings)) {
    const wanted = Object.hasOwn(found.settings, setting) ? found.settings[setting]! : undefined;
    if (wanted === undefined) fail(`${chosen} has no setting ${setting}`);
    else if (typeof wanted === 'string') {
      const { isIn, said } = numbers[wanted];
      if (!isIn(value)) fail(`${setting} is ${value}, not ${said}`);
    } else if (!wanted.includes(String(value))) fail(`${setting} is ${value}, not ${wanted.join(' or ')}`);
  }
  // What its settings must be together, the component says.
  try {
    found.make(settings as Settings);
  } catch (error) {
    fail(error instanceof Error ? error.message : `${error}`);
  }
  return () => found.make(settings as Settings);
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
  Object.keys(kinds).filter((name) => kinds[name]!.role === role);
