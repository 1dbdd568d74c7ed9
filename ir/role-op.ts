// Ops of a graph that call components.

import { attributeString, type Op } from './graph.ts';
import { type MethodCall, ROLE_ATTRIBUTE, roleMethodOf } from './roles.ts';

/** The method that an op calls; undefined for ops of other domains, and for methods that no role has. */
export const roleCallOf = (op: Pick<Op, 'domain' | 'type' | 'attributes'>): MethodCall | undefined =>
  roleMethodOf(op.domain, op.type, attributeString(op, ROLE_ATTRIBUTE.kind));

/** The component that a calling op asks. */
export const componentOf = (op: Pick<Op, 'attributes'>): string =>
  attributeString(op, ROLE_ATTRIBUTE.component) ?? attributeString(op, ROLE_ATTRIBUTE.slot) ?? '';
