// The order in which nodes of a file can run: their own, unless one reads what a later one makes.

import { decode } from '../../../runtime/proto/codec.ts';
import { Invalid } from './kernel.ts';
import { type GraphProto, graph as graphTable, type NodeProto } from './proto.ts';

/** Throws {@link Invalid} if nodes need each other in a circle. */
export function sortNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const makers = new Map<string, number>();
  nodes.forEach(({ output }, index) => {
    for (const name of output) if (name !== '') makers.set(name, index);
  });
  const needs = nodes.map((node) => {
    const found = new Set<number>();
    for (const name of readsOf(node)) {
      const maker = makers.get(name);
      if (maker !== undefined) found.add(maker);
    }
    return found;
  });
  if (needs.every((found, index) => [...found].every((maker) => maker < index))) return nodes;
  return ordered(nodes, needs);
}

function ordered(nodes: readonly NodeProto[], needs: readonly ReadonlySet<number>[]): NodeProto[] {
  const readers: number[][] = nodes.map(() => []);
  const missing = needs.map((found, index) => {
    for (const maker of found) readers[maker]!.push(index);
    return found.size;
  });
  const ready = nodes.flatMap((_, index) => (missing[index] === 0 ? [index] : []));
  // Grows while it is walked.
  for (const index of ready)
    for (const reader of readers[index]!) if (--missing[reader]! === 0) ready.push(reader);
  if (ready.length < nodes.length) throw new Invalid('ops need each other in a circle');
  return ready.map((index) => nodes[index]!);
}

/** Names that a node and its subgraphs mention as inputs; those that are defined inside do no harm. */
function readsOf(node: NodeProto): string[] {
  const names = [...node.input];
  const open: Uint8Array[] = node.attribute.filter(({ g }) => g.length > 0).map(({ g }) => g);
  for (let bytes = open.pop(); bytes !== undefined; bytes = open.pop()) {
    const graph: GraphProto = decode(graphTable, bytes);
    for (const { name } of graph.output) names.push(name);
    for (const inner of graph.node) {
      names.push(...inner.input);
      for (const { g } of inner.attribute) if (g.length > 0) open.push(g);
    }
  }
  return names;
}
