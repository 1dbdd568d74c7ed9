// Whether a peer has what its program asks for.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { LoadedBundle } from '../bundle.ts';
import type { Components } from '../component.ts';

/** Throws DiagnosticError: BB837 for each slot that nothing fills, BB838 for each component that does not fit. */
export function checkComponents(peer: string, { manifest }: LoadedBundle, components: Components): void {
  const problems = manifest.slots.flatMap((slot) => {
    // Backends come by another way.
    if (slot.role === 'backend') return [];
    const component = Object.hasOwn(components, slot.component) ? components[slot.component] : undefined;
    const args = { peer, slot: slot.name, peerClass: manifest.class };
    if (component === undefined) return [diagnostic('BB837', { ...args, role: slot.role })];
    const reason =
      component.role === slot.role ? component.misfit(slot) : `it is a ${component.role}, not a ${slot.role}`;
    return reason === undefined ? [] : [diagnostic('BB838', { ...args, reason })];
  });
  if (problems.length > 0) throw new DiagnosticError(problems);
}
