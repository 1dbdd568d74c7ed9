// A peer that is in several classes runs a program for each, in one node.

import type { Manifest } from '../ir/deployment.ts';
import type { LoadedBundle } from './bundle.ts';

/** What a peer loads that is in the classes of all these bundles of one deployment. */
export function joinBundles(parts: readonly LoadedBundle[]): LoadedBundle {
  const [first] = parts as readonly [LoadedBundle];
  if (parts.length === 1) return first;
  return { manifest: sumOf(parts.map(({ manifest }) => manifest)), onnx: first.onnx, parts };
}

function sumOf(programs: readonly Manifest[]): Manifest {
  const all = <T>(of: (one: Manifest) => readonly T[] | undefined): readonly T[] =>
    programs.flatMap((one) => of(one) ?? []);
  const names = (of: (one: Manifest) => string): string => programs.map(of).join('+');
  return {
    ...programs[0]!,
    program: names(({ program }) => program),
    class: names((one) => one.class),
    ops: Object.assign({}, ...programs.map(({ ops }) => ops)),
    seats: all(({ seats }) => seats),
    inputs: all(({ inputs }) => inputs),
    outputs: all(({ outputs }) => outputs),
    slots: all(({ slots }) => slots),
    state: all(({ state }) => state),
    edgesIn: all(({ edgesIn }) => edgesIn),
    edgesOut: all(({ edgesOut }) => edgesOut),
    programs,
  };
}
