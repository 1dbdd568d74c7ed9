// Slots and the ops that call what fills them.

import {
  type Attribute,
  type Place as IrPlace,
  ROLE_ATTRIBUTE,
  type RoleName,
  roleDomain,
  type ValueType,
} from '../ir/index.ts';
import { coreOp } from './core-op.ts';
import type { Fact, Recorder } from './recorder.ts';
import type { Tensor } from './types.ts';
import { toValue } from './value.ts';

/** What fills a slot if the deployment says nothing else: a kind of component, with its settings. */
export type Use = { readonly kind: string } & Readonly<Record<string, string | number | boolean>>;

export interface SlotUse {
  readonly owner: Recorder;
  readonly role: RoleName;
  readonly name: string;
  readonly place: IrPlace;
  /** The component's name, where several slots share one. */
  readonly component?: string | undefined;
  readonly use?: Use | undefined;
}

export const textAttribute = (name: string, value: string): Attribute => ({
  name,
  kind: 'string',
  value: new TextEncoder().encode(value),
});

/** Takes a slot's name; false if it is empty or another's. */
export function takeSlot(owner: Recorder, name: string): boolean {
  if (name === '' || owner.slots.has(name)) return false;
  owner.slots.add(name);
  return true;
}

/** Records a call of the slot's method `type` and gives its results. */
export function recordCall(
  { owner, role, name, place: stated, component, use }: SlotUse,
  type: string,
  inputs: readonly Fact[],
  attributes: readonly Attribute[],
  results: readonly { readonly name: string; readonly type: ValueType }[],
): Tensor[] {
  // In whichever place a member takes part that has the component.
  const around = owner.place;
  const place = around?.class === stated.class ? around : stated;
  const cohort = owner.meet(type, inputs, place);
  const own = [textAttribute(ROLE_ATTRIBUTE.slot, name)];
  if (component !== undefined && component !== name)
    own.push(textAttribute(ROLE_ATTRIBUTE.component, component));
  if (use !== undefined) own.push(textAttribute(ROLE_ATTRIBUTE.settings, JSON.stringify(use)));
  const facts = coreOp(
    owner,
    { domain: roleDomain(role), type, inputs, attributes: [...own, ...attributes], place },
    results.map((result) => ({ ...result, cohort })),
  );
  return facts.map((fact) => toValue(fact, owner));
}
