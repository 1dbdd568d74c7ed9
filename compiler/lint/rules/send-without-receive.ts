import { rule } from '../rule.ts';
import { counted } from '../text.ts';
import { atEdge, edgeText, valuesByName, wireEnds } from '../wire.ts';

/** Up to this size an unread value is no waste: it only says that its sender is there. */
const SIGNAL_BYTES = 8;

export const sendWithoutReceive = rule('send-without-receive', {
  level: 'warning',
  needs: 'bound',
  summary: 'a value crosses a link and nobody there reads it',
  rationale:
    'Its bytes and its deadline cost every flow something, for nothing. Typical is a field of a collected record that is no longer used. A scalar that is collected only to learn who answered is fine.',
  *run({ programs, edges, graph }) {
    const { sends, receives } = wireEnds({ programs });
    const values = valuesByName(graph);
    const receiveOf = new Map(receives.map((one) => [one.edge, one]));
    for (const { edge: id, program } of sends) {
      const edge = edges[id];
      if (edge === undefined || edge.kind === 'trigger') continue;
      const end = receiveOf.get(id);
      const read = end?.value !== undefined && end.program.model.uses(end.value).length > 0;
      if (read || (end !== undefined && edge.bytes !== null && edge.bytes <= SIGNAL_BYTES)) continue;
      const reader = end === undefined ? 'has no receive for it' : 'reads it nowhere';
      const size = edge.bytes === null ? '' : ` (${counted(edge.bytes, 'byte')})`;
      yield {
        message: `${program.class} sends ${edge.value}${size} over ${edgeText(edge)}, but ${edge.to.class} ${reader}`,
        hint: 'use the value there, or leave it out of what crosses',
        ...atEdge(graph, edge, values),
      };
    }
  },
  examples: {
    bad: {
      model: `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('unread-field', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const sums = on(phones.each, () => x.reduceSum({ axes: [0] }));
  const scaled = on(phones.each, () => x.mul(2));
  const all = collect({ sums, scaled }, { at: server, within: '5s', atLeast: 1 });
  output('total', on(server, () => all.sums.reduceSum({ axes: [0] })));
});`,
      topology: '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }',
    },
    good: {
      model: `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('read-fields', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const sums = on(phones.each, () => x.reduceSum({ axes: [0] }));
  const all = collect({ sums }, { at: server, within: '5s', atLeast: 1 });
  output('total', on(server, () => all.sums.reduceSum({ axes: [0] })));
});`,
      topology: '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }',
    },
  },
});
