import { attributeString, CORE } from '../../../ir/index.ts';
import { isCore } from '../../split/places.ts';
import { atOp, whereMade } from '../about.ts';
import { differences } from '../own.ts';
import { rule } from '../rule.ts';

const model = (condition: string): string => `
import { cohort, entry, float32, input, int64, module, next, output, state } from 'bytesandbrains';
const phones = cohort('phone');
export default module('rounds', () => {
  const x = input('x', float32, [], { at: phones.each });
  const rounds = state('rounds', 0, { at: phones.each });
  entry('round', phones.each, () => {
    const n = rounds.update((before) => before.add(1));
    const all = x.exchange({ within: '5s' });
    const mean = all.values.reduceMean({ keepdims: false });
    output('mean', mean.orElse(0));
    next('round').when(${condition});
  });
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 } } }';

export const jointNextDiffers = rule('joint-next-differs', {
  level: 'warning',
  needs: 'placed',
  summary: 'members of a joint entry decide by what only they know whether the next flow follows',
  rationale:
    'Every member enters flow n + 1 of a joint entry itself. If one of them goes on and another does not, the first waits for the second until the deadline, in every exchange. Decide by what all have alike: a count of rounds, or the result of an exchange of whole values that all must answer. A value differs if it comes from an own input, a component, a draw or a row of one’s own, from an exchange or collect that is content with some answers, or from state that such a value is assigned to.',
  *run({ model, graph, topology }) {
    let known: ReturnType<typeof differences> | undefined;
    for (const op of model.opsOf()) {
      if (!isCore(op, CORE.next) || graph.places[graph.opPlace[op.id]!]!.binder.kind !== 'each') continue;
      known ??= differences(graph, topology);
      const condition = op.inputs[0]!;
      if (known.differs[condition] !== 1) continue;
      const { class: name } = graph.places[graph.opPlace[op.id]!]!;
      yield {
        message: `next('${attributeString(op, 'entry')}') follows at some ${name}s and not at others: its condition is not the same at all of them`,
        hint: 'decide by a count of rounds, or exchange what it depends on, answered by all',
        ...atOp(model, op),
        related: [{ message: 'the condition', at: whereMade(model, condition) }],
      };
    }
  },
  examples: {
    bad: { model: model('n.less(5).and(x.greater(0))'), topology },
    good: { model: model('n.less(5).and(mean.greater(0).orElse(false))'), topology },
  },
});
