import { attributeInt, type OpId } from '../../../ir/index.ts';
import { isCrossing } from '../../split/places.ts';
import { atOp } from '../about.ts';
import { rule } from '../rule.ts';
import { timeText } from '../text.ts';

const model = (second: string): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('two-rounds', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const first = collect({ x }, { at: server, within: '10s', atLeast: 1 });
  const mean = on(server, () => first.x.reduceMean({ axes: [0], keepdims: false }));
  const delta = on(phones.each, () => x.sub(mean));
  const second = collect({ delta }, { at: server, within: '${second}', atLeast: 1 });
  output('y', on(server, () => second.delta.reduceMean()));
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

export const waitOutlastsDeadline = rule('wait-outlasts-deadline', {
  level: 'warning',
  needs: 'placed',
  summary: 'a wait ends no later than a wait before it, on which it depends',
  rationale:
    'Every deadline counts from when a peer first learns of the flow, not from when the wait begins. If the earlier wait uses all its time, the later one has none left: its result is missing although nobody was slow twice.',
  *run({ model, graph }) {
    // By op: the longest written wait that may pass before it runs, and where that is written.
    const longest = new Map<OpId, { readonly ns: number; readonly op: OpId }>();
    for (const op of model.opsOf()) {
      if (graph.constant[op.id] === 1) continue;
      let before: { readonly ns: number; readonly op: OpId } | undefined;
      for (const id of graph.needs[op.id]!) {
        const { def } = model.value(id);
        const one = def.kind === 'op' ? longest.get(def.op) : undefined;
        if (one !== undefined && one.ns > (before?.ns ?? 0)) before = one;
      }
      const waits = isCrossing(op);
      const ns = waits ? attributeInt(op, 'within_ns') : undefined;
      if (ns !== undefined && before !== undefined && ns <= before.ns) {
        yield {
          message: `within ${timeText(ns)} of the flow's start, but a wait before it may last ${timeText(before.ns)} of them`,
          hint: `allow more than ${timeText(before.ns)} here, or less there`,
          ...atOp(model, op),
          related: [{ message: `waits up to ${timeText(before.ns)}`, at: model.op(before.op).at }],
        };
      }
      if (ns !== undefined && ns > (before?.ns ?? 0)) longest.set(op.id, { ns, op: op.id });
      else if (before !== undefined) longest.set(op.id, before);
    }
  },
  examples: {
    bad: { model: model('10s'), topology },
    good: { model: model('20s'), topology },
  },
});
