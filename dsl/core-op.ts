// Ops of our own domains, as the hand-written author functions record them.

import {
  type Attribute,
  DOMAIN,
  DOMAIN_VERSION,
  type Place,
  type tensorType,
  type ValueType,
} from '../ir/index.ts';
import type { Fact, Recorder } from './recorder.ts';

export interface CoreOp {
  /** Default: the core domain. */
  readonly domain?: string;
  readonly type: string;
  readonly inputs: readonly Fact[];
  readonly attributes?: readonly Attribute[];
  /** null: none, whatever `on` is around. */
  readonly place?: Place | null | undefined;
}

/** A result to be: its fallback name, its type, and what differs from an ordinary op's result. */
export type CoreResult = { readonly name: string; readonly type: ValueType | undefined } & Partial<
  Pick<Fact, 'cohort' | 'declinable'>
>;

/** Records a core op and gives the facts of its results. The first takes the author's variable name. */
export function coreOp(owner: Recorder, op: CoreOp, results: readonly CoreResult[]): Fact[] {
  const declinable = op.inputs.some((fact) => fact.declinable);
  const { name, names } = owner.site ?? {};
  const facts = results.map((result, index) => {
    const own = names?.get(result.name) ?? (index === 0 ? name : undefined) ?? result.name;
    return owner.addValue(owner.qualified(own), result.type, {
      cohort: 'cohort' in result ? result.cohort : undefined,
      declinable: result.declinable ?? declinable,
    });
  });
  if (owner.graph !== owner.mainGraph) owner.fail('BB317', { op: op.type });
  const domain = op.domain ?? DOMAIN.core;
  owner.domains.set(domain, DOMAIN_VERSION);
  owner.addOp({
    domain,
    type: op.type,
    inputs: op.inputs.map((fact) => fact.id),
    outputs: facts.map((fact) => fact.id),
    attributes: op.attributes ?? [],
    place: op.place,
  });
  return facts;
}

export const dtypeIn = (type: ValueType | undefined): ReturnType<typeof tensorType>['dtype'] =>
  type?.kind === 'tensor' ? type.dtype : undefined;
export const dimsIn = (type: ValueType | undefined): ReturnType<typeof tensorType>['dims'] =>
  type?.kind === 'tensor' ? type.dims : undefined;
