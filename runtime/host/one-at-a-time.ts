// Whether the peers of a deployment take turns: then a thread of its own for each gains a flow nothing.

import { NO_SLOT, type Program } from '../instruction.ts';

/**
 * Whether, within a flow, every segment waits for the one before it, on whichever peer that is: no two of them can
 * ever compute at once. Costs time linear in the programs.
 */
export function oneAtATime(programs: readonly Program[]): boolean {
  const { readers, waitsFor, isSegment } = dataflow(programs);
  // The most segments on a way through the flow that ends at each instruction: all of them, if they are one chain.
  const depth = isSegment.map(Number);
  const ready = waitsFor.flatMap((count, at) => (count === 0 ? [at] : []));
  let deepest = 0;
  for (let at = ready.pop(); at !== undefined; at = ready.pop()) {
    deepest = Math.max(deepest, depth[at]!);
    for (const reader of readers[at]!) {
      depth[reader] = Math.max(depth[reader]!, depth[at]! + Number(isSegment[reader]!));
      if (--waitsFor[reader]! === 0) ready.push(reader);
    }
  }
  return deepest === isSegment.filter(Boolean).length;
}

/** The instructions of all programs as one graph, numbered through: edges between peers are edges of it. */
function dataflow(programs: readonly Program[]) {
  const readers: number[][] = [];
  const waitsFor: number[] = [];
  const isSegment: boolean[] = [];
  const sends = new Map<number, number[]>();
  const receives: { readonly at: number; readonly edge: number }[] = [];
  const link = (from: number, to: number): void => {
    readers[from]!.push(to);
    waitsFor[to]!++;
  };
  for (const { instructions } of programs.flatMap(({ seats }) => seats)) {
    const makers = new Map<number, number>();
    for (const one of instructions) {
      const at = readers.push([]) - 1;
      waitsFor.push(0);
      isSegment.push(one.kind === 'segment');
      for (const slot of one.inputs) {
        const maker = makers.get(slot);
        if (maker !== undefined) link(maker, at);
      }
      for (const slot of one.outputs) if (slot !== NO_SLOT) makers.set(slot, at);
      if (one.kind === 'send') sends.set(one.edge.id, [...(sends.get(one.edge.id) ?? []), at]);
      if (one.kind === 'recv') receives.push({ at, edge: one.edge.id });
      if (one.kind === 'collect') for (const { id } of one.edges) receives.push({ at, edge: id });
    }
  }
  for (const { at, edge } of receives) for (const send of sends.get(edge) ?? []) link(send, at);
  return { readers, waitsFor, isSegment };
}
