// What a peer has: components that the host asks for its node, and those within the node.

import type { Slot } from '../../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { RoleName } from '../../ir/roles/table.ts';
import type { LoadedBundle } from '../bundle.ts';
import type { Component, Components } from '../component.ts';
import type { NodeComponent } from '../components/contract.ts';
import { type DeskMaker, nodeComponents } from '../components/desk.ts';
import { typeHashOf } from '../components/messages.ts';
import { describePort } from '../manifest.ts';

/** Throws DiagnosticError: BB837 for each slot that nothing fills, BB838 for each component that does not fit. */
export function checkComponents(peer: string, { manifest }: LoadedBundle, components: Components): void {
  const problems = manifest.slots.flatMap((slot) => {
    // Backends come by another way.
    if (slot.role === 'backend') return [];
    const component = Object.hasOwn(components, slot.component) ? components[slot.component] : undefined;
    const args = { peer, slot: slot.name, peerClass: manifest.class };
    if (component === undefined) return [diagnostic('BB837', { ...args, role: slot.role })];
    const reason = misfitOf(slot, component);
    return reason === undefined ? [] : [diagnostic('BB838', { ...args, reason })];
  });
  if (problems.length > 0) throw new DiagnosticError(problems);
}

function misfitOf(slot: Slot, component: Components[string]): string | undefined {
  const one: Component | NodeComponent = typeof component === 'function' ? component() : component;
  const roles: readonly RoleName[] = 'roles' in one ? one.roles : [one.role];
  if (!roles.includes(slot.role)) return `it is a ${roles.join(' and a ')}, not a ${slot.role}`;
  const declared = 'roles' in one ? declarationMisfit(slot, one) : undefined;
  return declared ?? one.misfit?.(slot);
}

/** What a protocol's program asks and its component does not declare so. */
function declarationMisfit({ methods = {} }: Slot, { declaration }: NodeComponent): string | undefined {
  for (const [name, { kind, inputs, outputs }] of Object.entries(methods)) {
    const own = declaration?.methods[name];
    if (own === undefined) return `it has no method ${name}`;
    if (own.kind !== kind) return `${name} is a ${own.kind}, not a ${kind}`;
    if (own.inputs.length !== inputs.length) return `${name} takes ${own.inputs.length} values`;
    const results = own.outputs === 'fields' ? [] : own.outputs;
    const wrong = results.findIndex(
      ({ dtype }, at) =>
        dtype !== 'T' && dtype !== 'U' && outputs[at] !== undefined && outputs[at].dtype !== dtype,
    );
    if (results.length !== outputs.length) return `${name} gives ${results.length} values`;
    if (wrong !== -1) return `${name} gives ${results[wrong]!.dtype}, not ${describePort(outputs[wrong]!)}`;
  }
  return undefined;
}

/** Those that the host asks. */
export const outside = (components: Components): Readonly<Record<string, Component>> =>
  Object.fromEntries(
    Object.entries(components).flatMap(([name, one]) => (typeof one === 'function' ? [] : [[name, one]])),
  );

/** Those within the node. */
export const within = (components: Components): Components =>
  Object.fromEntries(Object.entries(components).filter(([, one]) => typeof one === 'function'));

/** What a network tells others of the messages of components within the node: their types' hashes. */
export function messagesOf(components: Components): Readonly<Record<string, bigint>> {
  const kinds = Object.entries(components).flatMap(([name, one]) =>
    typeof one === 'function'
      ? Object.entries(one().messages ?? {}).map(
          ([kind, type]) => [`${name}.${kind}`, typeHashOf(type)] as const,
        )
      : [],
  );
  return Object.fromEntries(kinds);
}

/** Those within the node; undefined: there are none. */
export function inside(components: Components, seed?: bigint): DeskMaker | undefined {
  const makers = Object.entries(components).flatMap(([name, one]) =>
    typeof one === 'function' ? [[name, one] as const] : [],
  );
  return makers.length === 0 ? undefined : nodeComponents(Object.fromEntries(makers), seed);
}
