import { WIRE } from '../../../ir/index.ts';
import { rule } from '../rule.ts';
import { atEdge, edgeText, valuesByName, wireEnds, withoutOps } from '../wire.ts';

const model = `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('pipeline', () => {
  const x = input('x', float32, [4], { at: phone });
  const h = on(phone, () => x.relu());
  output('y', on(server, () => h.exp()));
});`;
const topology = '{ "version": 1, "classes": { "phone": {}, "server": {} } }';

export const receiveWithoutSend = rule('receive-without-send', {
  level: 'error',
  needs: 'bound',
  summary: 'a program waits for a value that nobody sends',
  rationale:
    'Every flow would wait there until its deadline, and what depends on the value would be missing. The compiler derives both ends of an edge together, so this comes from a pass inserted into the pipeline, or from a program changed by hand.',
  *run({ programs, edges, graph }) {
    const { sends, receives } = wireEnds({ programs });
    const values = valuesByName(graph);
    for (const { edge: id, program } of receives) {
      const edge = edges[id];
      const sent = sends.some((one) => one.edge === id && one.program.class === edge?.from.class);
      if (edge !== undefined && sent) continue;
      const what = edge === undefined ? `edge ${id}` : edgeText(edge);
      const who = edge === undefined ? 'no class of the plan' : edge.from.class;
      yield {
        message: `${program.class} waits for ${what}, but ${who} does not send it`,
        hint: 'send it there, or take the receive out',
        ...(edge === undefined ? { at: { file: graph.model.header.file } } : atEdge(graph, edge, values)),
      };
    }
  },
  examples: {
    bad: {
      model,
      topology,
      tampered: {
        how: 'the phone no longer sends h',
        change: (plan) => ({
          ...plan,
          programs: plan.programs.map((one) => withoutOps(one, (op) => op.type === WIRE.send)),
        }),
      },
    },
    good: { model, topology },
  },
});
