import type { Edge, Topology } from '../../../ir/index.ts';
import { routeOf } from '../../links.ts';
import { arrivalsOf } from '../../passes/guard.ts';
import { rule } from '../rule.ts';
import { bytesText, timeText } from '../text.ts';
import { atEdge, edgeText, valuesByName } from '../wire.ts';

const model = (within: string): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('upload', () => {
  const x = input('x', float32, [512, 1024], { at: phones.each });
  const h = on(phones.each, () => x.relu());
  const all = collect({ h }, { at: server, within: '${within}', atLeast: 1 });
  output('y', on(server, () => all.h.reduceMean()));
});`;
const topology = `{
  "version": 1,
  "classes": { "phone": { "count": 3 }, "server": {} },
  "links": [{ "between": ["phone", "server"], "latency": "40ms", "up": "5Mbit/s" }]
}`;

export const edgeMissesDeadline = rule('edge-misses-deadline', {
  level: 'error',
  needs: 'bound',
  summary: 'a value cannot cross its link before its deadline',
  rationale:
    'By the latency and bandwidth that the topology states, the receiver has given up before the value is there: it is missing in every flow. A deadline counts from when the receiver first learns of the flow. Deadlines that the compiler derives leave four times the estimate.',
  *run({ edges, entries, topology, graph }) {
    const values = valuesByName(graph);
    const arrivals = arrivalsOf(graph, edges, topology);
    const learns = whenClassesLearn(edges, arrivals);
    for (const { class: name } of entries) learns.set(name, 0);
    for (const edge of edges) {
      const crossNs = crossingNs(edge, topology);
      const waitNs = arrivals.get(edge.id)! - learns.get(edge.to.class)!;
      const neededNs = Math.max(crossNs, waitNs);
      if (neededNs <= edge.deadlineNs) continue;
      const why =
        crossNs > edge.deadlineNs
          ? `its ${edge.bytes === null ? 'bytes' : bytesText(edge.bytes)} take ${timeText(crossNs)} over the link`
          : `it is expected ${timeText(waitNs)} after ${edge.to.class} learns of the flow`;
      yield {
        message: `${edgeText(edge)} has ${timeText(edge.deadlineNs)}, but ${why}`,
        hint: `allow more time (within), send fewer bytes, or correct the link in ${topology.file}`,
        ...atEdge(graph, edge, values),
      };
    }
  },
  examples: {
    bad: { model: model('2s'), topology },
    good: { model: model('20s'), topology },
  },
});

function crossingNs(edge: Edge, topology: Topology): number {
  const route = routeOf(topology, edge)!;
  const transfer = route.bytesPerSecond === undefined ? 0 : (edge.bytes ?? 0) / route.bytesPerSecond;
  return route.latencyNs + transfer * 1e9;
}

/** A class that starts no flow learns of one by the first message that reaches it. */
function whenClassesLearn(
  edges: readonly Edge[],
  arrivals: ReadonlyMap<number, number>,
): Map<string, number> {
  const learns = new Map<string, number>();
  for (const { id, to } of edges) {
    learns.set(to.class, Math.min(arrivals.get(id)!, learns.get(to.class) ?? Number.POSITIVE_INFINITY));
  }
  return learns;
}
