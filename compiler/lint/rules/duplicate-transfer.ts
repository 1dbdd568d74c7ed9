import type { Edge, Model, ValueId } from '../../../ir/index.ts';
import { whereMade } from '../about.ts';
import { rule } from '../rule.ts';
import { bytesText } from '../text.ts';
import { atEdge, edgeText, valuesByName } from '../wire.ts';

const model = (second: string): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('twice', () => {
  const x = input('x', float32, [256, 256], { at: phones.each });
  const h = on(phones.each, () => x.relu());
  const first = collect({ h }, { at: server, within: '30s', atLeast: 1 });
  ${second}
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

/** Less is not worth a thought. */
const BIG_BYTES = 64 * 1024;

export const duplicateTransfer = rule('duplicate-transfer', {
  level: 'warning',
  needs: 'bound',
  summary: 'the same big value crosses a link twice in one flow',
  rationale:
    'A value that several ops of a place use crosses once. What the author writes himself, a collect or a broadcast, crosses each time it is written; so does a copy of the value under another name. From 64 KiB on.',
  *run({ edges, graph }) {
    const values = valuesByName(graph);
    const first = new Map<string, Edge>();
    for (const edge of edges) {
      const id = values.get(edge.value);
      if (id === undefined || (edge.bytes ?? 0) < BIG_BYTES) continue;
      const key = `${original(graph.model, id)} ${edge.from.class} ${edge.to.class}`;
      const other = first.get(key);
      first.set(key, other ?? edge);
      if (other === undefined) continue;
      const same = values.get(other.value)!;
      yield {
        message: `the ${bytesText(edge.bytes!)} of ${edge.value} cross from ${edge.from.class} to ${edge.to.class} again, on ${edgeText(edge)}`,
        hint: 'collect or broadcast it once, and use that result for both',
        ...atEdge(graph, edge, values),
        related: [{ message: `sent on ${edgeText(other)} already`, at: whereMade(graph.model, same) }],
      };
    }
  },
  examples: {
    bad: {
      model: model(
        `const again = collect({ h }, { at: server, within: '30s', atLeast: 1 });
  output('y', on(server, () => first.h.reduceMean().add(again.h.reduceMax())));`,
      ),
      topology,
    },
    good: {
      model: model(`output('y', on(server, () => first.h.reduceMean().add(first.h.reduceMax())));`),
      topology,
    },
  },
});

/** What a value is a copy of. */
function original(model: Model, id: ValueId): ValueId {
  let at = id;
  for (;;) {
    const { def } = model.value(at);
    if (def.kind !== 'op') return at;
    const op = model.op(def.op);
    if (op.domain !== '' || op.type !== 'Identity') return at;
    at = op.inputs[0]!;
  }
}
