// Roles: contracts that components satisfy. A role's methods are declared here once; the operator that records a
// call, the check of what fills a slot, and the call at run time all follow from the declaration.

import type { Port, Slot } from './deployment.ts';
import { tensorType, type ValueType } from './types.ts';

export interface RoleMethod {
  /**
   * query: reads, gives the same for the same inputs, and may be asked again. update: takes effect when its fragment
   * commits. ask: answers later, or not at all.
   */
  readonly kind: 'query' | 'update' | 'ask';
  readonly inputs: readonly { readonly name: string; readonly type: ValueType }[];
  /** Words that the author may choose from, by name; the first is the default. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** What it gives; `fields`: those of the slot, as the author declared them. */
  readonly outputs: readonly Port[] | 'fields';
}

export type RoleName = Slot['role'];

const int64Scalar = tensorType('int64', []);

const dataSource = {
  /** The records at positions [index × size, (index + 1) × size) of the source's endless order. */
  Batch: {
    kind: 'query',
    inputs: [
      { name: 'index', type: int64Scalar },
      { name: 'size', type: int64Scalar },
    ],
    // private: no field may leave its class as it is.
    options: { last: ['wrap', 'drop', 'keep'], private: ['no', 'yes'] },
    outputs: 'fields',
  },
  /** How many records there are. */
  Size: {
    kind: 'query',
    inputs: [],
    options: {},
    outputs: [{ name: 'size', dtype: 'int64', shape: [] }],
  },
} as const satisfies Readonly<Record<string, RoleMethod>>;

/** By role, then by op type. Roles that no program can call yet are not here. */
const roles: Partial<Readonly<Record<RoleName, Readonly<Record<string, RoleMethod>>>>> = {
  data_source: dataSource,
};

/** What an author chooses for a batch that ends with the epoch. */
export type LastBatch = (typeof dataSource.Batch.options.last)[number];

const PREFIX = 'ai.bytesandbrains.role.';

/** The operator domain of a role's methods. */
export const roleDomain = (role: RoleName): string => PREFIX + role;

export interface RoleCall {
  readonly role: RoleName;
  /** The op's type. */
  readonly name: string;
  readonly method: RoleMethod;
}

/** The method that an op calls; undefined for ops of other domains, and for methods that no role has. */
export function roleCallOf(op: { readonly domain: string; readonly type: string }): RoleCall | undefined {
  if (!op.domain.startsWith(PREFIX)) return undefined;
  const role = op.domain.slice(PREFIX.length) as RoleName;
  const methods = Object.hasOwn(roles, role) ? roles[role] : undefined;
  const method = methods !== undefined && Object.hasOwn(methods, op.type) ? methods[op.type] : undefined;
  return method && { role, name: op.type, method };
}

/** Attributes of every op that calls a role's method. */
export const ROLE_ATTRIBUTE = {
  /** The slot that it asks. */
  slot: 'slot',
  /** Names of the slot's fields, where these are what it gives. */
  fields: 'fields',
} as const;
