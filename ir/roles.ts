// Roles: contracts that components satisfy. A role's methods are declared once (ir/roles/table.ts); here is how a call
// of one is written in a program: as an op of the role's domain.

import { ownIn } from './own.ts';
import type { MethodKind, RoleMethod, RoleMethods } from './roles/declaration.ts';
import { type RoleName, roles } from './roles/table.ts';

const PREFIX = 'ai.bytesandbrains.role.';

/** The operator domain of a role's methods. */
export const roleDomain = (role: RoleName): string => PREFIX + role;

/** Attributes of every op that calls a role's method. */
export const ROLE_ATTRIBUTE = {
  /** The slot that it asks. */
  slot: 'slot',
  /** What fills the slot, where that has another name. */
  component: 'component',
  /** What the author said of the component: JSON. */
  settings: 'settings',
  /** Names of the slot's fields, where these are what it gives. */
  fields: 'fields',
  /** Of a protocol's method: its kind; other roles' are known. */
  kind: 'kind',
  /** Of an ask: how long it may take, in ns. */
  within: 'within_ns',
} as const;

export interface MethodCall {
  readonly role: RoleName;
  /** The op's type. */
  readonly name: string;
  readonly kind: MethodKind;
  /** undefined: a protocol's own, which the slot declares. */
  readonly method: RoleMethod | undefined;
}

/** The method that an op calls; undefined for ops of other domains, and for methods that no role has. */
export function roleMethodOf(domain: string, name: string, kind: string | undefined): MethodCall | undefined {
  if (!domain.startsWith(PREFIX)) return undefined;
  const role = domain.slice(PREFIX.length) as RoleName;
  const methods: RoleMethods | undefined = ownIn(roles, role);
  if (methods === undefined) return undefined;
  if (role === 'protocol') return isKind(kind) ? { role, name, kind, method: undefined } : undefined;
  const method = ownIn(methods, name);
  return method && { role, name, kind: method.kind, method };
}

const isKind = (kind: string | undefined): kind is MethodKind =>
  kind === 'query' || kind === 'update' || kind === 'ask';
