import { CORE, findAttribute, type OpId } from '../../../ir/index.ts';
import { isCore } from '../../split/places.ts';
import { atOp } from '../about.ts';
import { rule, type Views } from '../rule.ts';
import { durationText } from '../text.ts';

const model = (options: string): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('round', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const all = collect({ x }, { at: server, ${options} });
  output('y', on(server, () => all.x.reduceMean()));
});`;

export const cohortWithoutDeadline = rule('cohort-without-deadline', {
  level: 'warning',
  needs: 'recorded',
  summary: 'a collect says nothing of how long it waits for its cohort',
  rationale:
    'Some member of a cohort is always slow or gone. Without within, the wait is what the compiler derives from the topology, at least ten seconds: how long a round may take is better decided than derived.',
  *run({ model }, { bound }) {
    for (const op of model.opsOf()) {
      if (!isCore(op, CORE.collect) || findAttribute(op, 'within_ns') !== undefined) continue;
      const derivedNs = bound && derivedWait(bound, op.id);
      yield {
        message: 'collects from a cohort without a deadline',
        hint: derivedNs
          ? `say how long to wait, from the flow's start: { within: '${durationText(derivedNs)}' } is what this topology gives`
          : "say how long to wait, from the flow's start: { within: '30s' }",
        ...atOp(model, op),
        derivedNs,
      };
    }
  },
  examples: {
    bad: { model: model('atLeast: 1') },
    good: { model: model("atLeast: 1, within: '30s'") },
  },
});

/** How long the edges of a collect wait; undefined if it was pruned. */
function derivedWait({ edges, graph }: Views['bound'], collect: OpId): number | undefined {
  const { model, places, opPlace } = graph;
  if (!model.mainGraph.ops.includes(collect)) return undefined;
  const at = places[opPlace[collect]!]!.class;
  const names = new Set(graph.needs[collect]!.map((id) => model.value(id).name));
  const waits = edges
    .filter(({ kind, value, to }) => kind === 'collect' && to.class === at && names.has(value))
    .map((edge) => edge.deadlineNs);
  return waits.length === 0 ? undefined : Math.max(...waits);
}
