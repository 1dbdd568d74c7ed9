import { attributeString, type OpId } from '../../../ir/index.ts';
import { isState } from '../../split/fragments.ts';
import { atOp } from '../about.ts';
import { rule } from '../rule.ts';

const model = (options: string): string => `
import { cohort, constant, emit, entry, module, next, on, peer, state } from 'bytesandbrains';
const client = peer('client');
const servers = cohort('server');
export default module('tokens', () => {
  const cache = state('cache', constant([0, 0]), { at: servers, perSession: true });
  entry('token', client, { initial: { token: [1, 0], left: 8n }, within: '2s' }, ({ token, left }) => {
    const out = on(servers.one(servers.view()${options}), () => cache.update((before) => before.add(token)));
    emit('token', out);
    next('token', { token: out, left: left.sub(1n) }).when(left.greater(1n).and(out.present()));
  });
});`;
const topology = '{ "version": 1, "classes": { "client": {}, "server": { "count": 2 } } }';

export const sessionLeak = rule('session-leak', {
  level: 'warning',
  needs: 'placed',
  summary: 'state of a session is kept by whom the next flow need not find again',
  rationale:
    'The set of a binder is taken anew in each flow, unless it is sticky. State of a session that lives where such a binder leads begins anew whenever another member is found, and what the one before holds is of no use to anyone: it stays there until there is no more room for sessions.',
  *run({ model, graph }) {
    const seen = new Map<string, OpId>();
    for (const op of model.opsOf()) {
      if (!isState(op) || attributeString(op, 'scope') !== 'session') continue;
      const place = graph.places[graph.opPlace[op.id]!]!;
      const { binder } = place;
      if (!('set' in binder) || binder.sticky) continue;
      const key = `${attributeString(op, 'key')} ${graph.opPlace[op.id]}`;
      if (seen.has(key)) continue;
      seen.set(key, op.id);
      yield {
        message: `${attributeString(op, 'key')} is kept for each session by ${place.class}.${binder.kind}, which may be another in the session’s next flow`,
        hint: `let the session stay there: .${binder.kind}(set, { sticky: true })`,
        ...atOp(model, op),
      };
    }
  },
  examples: {
    bad: { model: model(''), topology },
    good: { model: model(', { sticky: true }'), topology },
  },
});
