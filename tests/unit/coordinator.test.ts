// A deployment whose peers run elsewhere: when flows are over, by what their hosts tell.

import { expect, test } from 'vitest';
import { Coordinator, type FlowResult, type PeerEvent, type RemotePeer } from '../../runtime/host/index.ts';
import type { FlowId } from '../../runtime/index.ts';
import { edge, makeBundle } from '../sim/programs.ts';

const members = { server: ['server'], phone: ['phone/0', 'phone/1'] };
const edges = [edge(1, 'send', 'phone', 'server'), edge(2, 'send', 'server', 'phone')];
const entries = [{ name: 'work', class: 'phone', trigger: 'after' }] as const;
const [server, phone] = ['server', 'phone'].map((name) =>
  makeBundle({ class: name, members, edges, entries, ops: [] }),
);

const peerOf = (id: string): RemotePeer => ({
  id,
  manifest: (id === 'server' ? server! : phone!).manifest,
  ...{ invoke: () => {}, begin: () => {}, supply: () => {}, lose: () => {} },
  ...{ state: async () => ({}), waiting: async () => [], restore: async () => {}, close: async () => {} },
  overhead: () => Promise.reject(new Error('nobody asks')),
});

/** No time passes: what is over is so by what was told. */
const clock = { now: () => 0, wake: () => () => {} };
const flowOf = (initiator: string, counter: number): FlowId => ({
  ...{ kind: 'initiated', incarnation: 1 },
  ...{ initiator, counter },
});
const started = (flow: FlowId): PeerEvent => ({ kind: 'flow-started', flow });
const ended = (flow: FlowId, followers = 0): PeerEvent => ({
  ...{ kind: 'flow-ended', status: 'complete', causes: [], ops: 1 },
  ...{ flow, followers },
});
const wrote = (flow: FlowId, from: string, to: string): PeerEvent => ({
  ...{ kind: 'flow-account', flow, computeMs: 0 },
  messages: [{ from, to, envelope: 1, payloadBytes: 4, headerBytes: 60 }],
});

function serving() {
  const coordinator = new Coordinator(['server', 'phone/0', 'phone/1'].map(peerOf), clock);
  const over: FlowResult[] = [];
  let served = false;
  coordinator.arm({}, (result) => over.push(result));
  void coordinator
    .serve(() => false)
    .then(() => {
      served = true;
    });
  const tell = (peer: string, ...events: readonly PeerEvent[]): void => {
    for (const event of events) coordinator.note(peer, event);
  };
  return { over, tell, served: () => new Promise((resolve) => setImmediate(() => resolve(served))) };
}

test('a flow is over when all have ended it that somebody wrote to, whoever else could', () => {
  const { over, tell } = serving();
  const flow = flowOf('phone/0', 1);
  tell('phone/0', started(flow), wrote(flow, 'phone/0', 'server'), ended(flow));
  // It has yet to hear of it.
  expect(over).toEqual([]);
  tell('server', started(flow), wrote(flow, 'server', 'phone/0'), ended(flow));
  expect(over).toMatchObject([{ status: 'complete' }]);
  expect(over[0]!.messages).toHaveLength(2);
});

test('what a peer wrote counts, although it is heard before the one that started the flow', () => {
  const { over, tell } = serving();
  const flow = flowOf('phone/0', 1);
  tell('server', wrote(flow, 'server', 'phone/1'), started(flow), ended(flow));
  tell('phone/0', wrote(flow, 'phone/0', 'server'), ended(flow));
  expect(over).toEqual([]);
  tell('phone/1', started(flow), ended(flow));
  expect(over.map(({ messages }) => messages.length)).toEqual([2]);
});

test('without triggers that are to come, and with no flow open, nothing is served any more', async () => {
  const { over, tell, served } = serving();
  const run = (initiator: string, counter: number, followers: number): void => {
    const flow = flowOf(initiator, counter);
    tell(initiator, started(flow), ended(flow, followers));
  };
  run('phone/0', 1, 1);
  run('phone/1', 1, 0);
  expect(await served()).toBe(false);
  run('phone/0', 2, 0);
  expect(over).toHaveLength(3);
  expect(await served()).toBe(true);
});
