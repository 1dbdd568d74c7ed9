// Every way in which a flow can end: complete, partial or failed at each peer, with what went missing, where, over which
// edge, and which deadline passed. No flow stays open, and none ends without a reason.

import { expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { describeEvent } from '../../runtime/host/index.ts';
import { waitsOf } from '../../runtime/host/observe/waits.ts';
import { decodeProgram, type Limits, type MissingReason, Node } from '../../runtime/index.ts';
import {
  bool,
  call,
  core,
  edge,
  f32,
  makeBundle,
  numbers,
  type ProgramSpec,
  recv,
  SECOND_NS,
  send,
} from './programs.ts';
import { World } from './world.ts';

const members = { server: ['server'], phone: ['phone/0', 'phone/1'] };
const edges = [
  edge(0, 'broadcast', 'server', 'phone', { value: 'asked', dtype: 'float32', shape: [1] }),
  edge(1, 'collect', 'phone', 'server', { value: 'answer', dtype: 'float32', shape: [1] }),
];
const collect = (atLeast: number, deadlineNs = 10 * SECOND_NS) => ({
  op: 'wire.Collect',
  out: ['all'],
  attributes: { edges: [1], at_least: atLeast, deadline_ns: deadlineNs },
});
const own = core('When', ['x', 'c'], ['own']);

/** The server asks two phones, which compute, and shows what it was given and what they answered. */
function survey(server: Partial<ProgramSpec> = {}) {
  const phone = makeBundle({
    class: 'phone',
    members,
    edges,
    ops: [recv(0, 'asked', 5 * SECOND_NS), call('answer', ['asked'], ['y']), send(1, 'y')],
  });
  const asks = makeBundle({
    class: 'server',
    members,
    edges,
    inputs: ['x', 'c'],
    outputs: ['all', 'own'],
    ops: [own, send(0, 'x'), collect(2)],
    ...server,
  });
  return { server: asks, 'phone/0': phone, 'phone/1': phone };
}
const x = f32(1);
const c = bool(true);
const double = ([value]: readonly Tensor[]) => [f32(...numbers(value!).map((one) => 2 * one))];

interface Way {
  readonly way: string;
  readonly program?: Partial<ProgramSpec>;
  readonly limits?: Partial<Limits>;
  /** What the phones, and the server's own segments, compute. */
  readonly compute?: (peer: string) => readonly Tensor[];
  run(world: World): void;
  /** At the server. */
  readonly status: 'complete' | 'partial' | 'failed';
  /** Each with its peer, its edge and its deadline in s, if it has one; none: the flow is complete. */
  readonly causes: readonly (readonly [
    MissingReason,
    string,
    (number | undefined)?,
    (number | undefined)?,
  ])[];
  /** What its cause says, besides. */
  readonly says?: RegExp;
}

const asked = (world: World): void => world.invoke('server', { x, c });

const ways: readonly Way[] = [
  { way: 'all that was asked for came', run: asked, status: 'complete', causes: [] },
  {
    way: 'its author declined a value',
    run: (world) => world.invoke('server', { x, c: bool(false) }),
    status: 'complete',
    causes: [],
  },
  {
    way: 'an input was never supplied',
    run: (world) => world.invoke('server', { x }),
    status: 'partial',
    causes: [['timeout', 'server', undefined, 10]],
    says: /^c did not come from server within its deadline of 10 s$/,
  },
  {
    way: 'its host gave no value on purpose',
    run: (world) => world.invoke('server', { x, c: { reason: 'lost', peer: 'camera' } }),
    status: 'partial',
    causes: [['lost', 'camera']],
    says: /^c did not come from camera: camera is lost$/,
  },
  {
    way: 'an input does not fit',
    run: (world) => world.invoke('server', { x: { kind: 'no value' } as never, c }),
    status: 'failed',
    causes: [
      ['failed', 'server'],
      ['failed', 'server', undefined, 10],
      ['failed', 'server', undefined, 10],
    ],
    says: /input x: a value of no known kind/,
  },
  {
    way: 'peers are silent until the deadline',
    run(world) {
      world.silent.add('phone/0').add('phone/1');
      asked(world);
    },
    status: 'partial',
    causes: [
      ['timeout', 'phone/0', 1, 10],
      ['timeout', 'phone/1', 1, 10],
    ],
    says: /did not come from phone\/0 over edge 1 within its deadline of 10 s/,
  },
  {
    way: 'a peer is lost',
    run(world) {
      world.silent.add('phone/1');
      asked(world);
      world.settle();
      world.give('server', { type: 'lost', peer: 'phone/1' });
    },
    status: 'partial',
    causes: [['lost', 'phone/1', 1, 10]],
    says: /phone\/1 is lost/,
  },
  {
    way: 'a quorum is met without a lost peer',
    program: { ops: [own, send(0, 'x'), collect(1)] },
    run(world) {
      world.silent.add('phone/1');
      asked(world);
    },
    status: 'complete',
    causes: [],
  },
  {
    way: 'work failed at another peer',
    compute(peer) {
      if (peer === 'phone/0') throw new Error('out of memory');
      return [f32(1)];
    },
    run: asked,
    status: 'partial',
    causes: [['failed', 'phone/0', undefined, 10]],
    says: /failed at phone\/0.*: Error: out of memory/,
  },
  {
    way: 'what another peer computed does not fit the edge',
    compute: () => [f32(1, 2, 3)],
    run: asked,
    status: 'partial',
    causes: [
      ['failed', 'phone/0', 1, 10],
      ['failed', 'phone/1', 1, 10],
    ],
    says: /float32\[3\] where .* belongs/,
  },
  {
    way: 'its own work failed, in a fragment that assigns state',
    program: {
      outputs: ['own'],
      constants: { zero: f32(0) },
      edges: [],
      ops: [
        own,
        core('StateRead', ['zero'], ['w'], 1, { key: 'w' }),
        call('answer', ['w'], ['w1'], 1),
        core('StateAssign', ['w1'], [], 1, { key: 'w' }),
      ],
    },
    compute() {
      throw new Error('no space');
    },
    run: asked,
    status: 'partial',
    causes: [['failed', 'server']],
    says: /no space/,
  },
  {
    way: 'its own work never ends',
    program: { edges: [], outputs: ['y', 'own'], ops: [own, call('answer', ['x'], ['y'])] },
    limits: { workNs: 3 * SECOND_NS },
    run(world) {
      world.holdWork = true;
      asked(world);
    },
    status: 'partial',
    causes: [['timeout', 'server']],
    says: /no answer within 3 s/,
  },
  {
    way: 'a component failed',
    program: {
      edges: [],
      outputs: ['n', 'own'],
      slots: [{ name: 'rows', role: 'data_source', component: 'rows', options: {} }],
      ops: [
        own,
        { op: 'ai.bytesandbrains.role.data_source.Size', in: [], out: ['n'], attributes: { slot: 'rows' } },
      ],
    },
    run(world) {
      asked(world);
      world.give('server', { type: 'failed', work: 1, message: 'rows.npz is gone' });
    },
    status: 'partial',
    causes: [['failed', 'server']],
    says: /rows\.npz is gone/,
  },
  {
    way: 'a component never answers',
    program: {
      edges: [],
      outputs: ['n', 'own'],
      slots: [{ name: 'rows', role: 'data_source', component: 'rows', options: {} }],
      ops: [
        own,
        { op: 'ai.bytesandbrains.role.data_source.Size', in: [], out: ['n'], attributes: { slot: 'rows' } },
      ],
    },
    limits: { workNs: 2 * SECOND_NS },
    run: asked,
    status: 'partial',
    causes: [['timeout', 'server']],
  },
  {
    way: 'a loss is NaN',
    program: { edges: [], outputs: ['loss'], ops: [call('answer', ['x'], ['loss'])] },
    run(world) {
      world.holdWork = true;
      asked(world);
      const { work } = world.held[0]!;
      world.give('server', {
        type: 'failed',
        work,
        message: 'loss is not finite',
        notFinite: { value: 'loss', op: 'Log (log_1)' },
      });
    },
    status: 'failed',
    causes: [
      ['failed', 'server'],
      ['failed', 'server'],
    ],
    says: /loss is not finite/,
  },
  {
    way: 'its host cancelled it',
    run(world) {
      world.silent.add('phone/0').add('phone/1');
      asked(world);
      const flow = world.events('flow-started', 'server')[0]!.flow;
      world.give('server', { type: 'cancel', flow, why: 'nobody wants it' });
    },
    status: 'partial',
    causes: [
      ['cancelled', 'server'],
      ['cancelled', 'server', undefined, 10],
    ],
    says: /the flow is missing: cancelled at server: nobody wants it/,
  },
  {
    way: 'another flow of its entry took its place',
    program: {
      edges: [],
      outputs: ['own', 'y'],
      ops: [
        core('Invoke', [], ['started'], undefined, { entry: 'main', limit: 1, policy: 'replace' }),
        own,
        call('answer', ['x'], ['y']),
      ],
      entries: [{ name: 'main', class: 'server' }],
    },
    run(world) {
      world.holdWork = true;
      asked(world);
      asked(world);
      world.holdWork = false;
      world.work('server', world.held.at(-1)!);
    },
    status: 'partial',
    causes: [
      ['cancelled', 'server'],
      ['cancelled', 'server'],
    ],
    says: /another flow of main takes its place/,
  },
  {
    way: 'its node shuts down',
    run(world) {
      asked(world);
      world.give('server', { type: 'shutdown' });
    },
    status: 'partial',
    causes: [
      ['cancelled', 'server'],
      ['cancelled', 'server', undefined, 10],
    ],
    says: /the node shuts down/,
  },
  {
    way: 'another peer shuts down',
    run(world) {
      world.give('phone/0', { type: 'shutdown' });
      asked(world);
    },
    status: 'partial',
    causes: [['refused', 'phone/0', undefined, 10]],
    says: /refused at phone\/0.*the node shuts down/,
  },
  {
    way: 'another peer has no room for one more flow',
    run(world) {
      const program = decodeProgram(survey()['phone/0']);
      const full = new Node({ program, peer: 'phone/0', incarnation: 1, limits: { bytes: -1 } });
      world.nodes.set('phone/0', full);
      asked(world);
    },
    status: 'partial',
    causes: [['refused', 'phone/0', undefined, 10]],
    says: /bytes are held/,
  },
];

test.each(ways)('$way: $status', ({ program = {}, limits = {}, compute, run, status, causes, says }) => {
  const answer = compute === undefined ? double : (_: readonly Tensor[], peer: string) => compute(peer);
  const world = new World(survey(program), { answer }, limits);
  run(world);
  world.run();
  for (const [peer, node] of world.nodes) {
    expect([peer, node.openFlows, waitsOf(node.waiting)]).toEqual([peer, 0, []]);
    const [started, ended] = [world.events('flow-started', peer), world.events('flow-ended', peer)];
    expect(ended).toHaveLength(started.length);
    // Nowhere a flow that is not complete without a reason.
    for (const one of ended)
      expect([one.status === 'complete', one.causes.length > 0]).not.toEqual([false, false]);
  }
  const end = world
    .events('flow-ended', 'server')
    .find(({ flow }) => flow.kind === 'initiated' && flow.counter === 1);
  const told = end!.causes.map(({ missing: { reason, peer, edge: over }, deadlineNs }) => [
    reason,
    peer,
    over,
    deadlineNs === undefined ? undefined : deadlineNs / 1e9,
  ]);
  const padded = causes.map(([reason, peer, over, within]) => [reason, peer, over, within]);
  expect([end!.status, told]).toEqual([status, padded]);
  if (says !== undefined) expect(describeEvent(end!).replace(/^flow \S+ \w+: /, '')).toMatch(says);
});
