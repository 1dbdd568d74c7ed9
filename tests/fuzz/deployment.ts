// A deployment of three for the fuzzing of frames and nodes: b waits for a and c, keeps state, collects from a
// cohort and answers a.

import type { Manifest } from '../../ir/index.ts';
import { decodeProgram, type LoadedBundle, type Program } from '../../runtime/index.ts';
import { call, core, edge, f32, makeBundle, recv, SECOND_NS, send } from '../sim/programs.ts';
import { World } from '../sim/world.ts';

export const members: Manifest['members'] = { a: ['a'], b: ['b'], c: ['c/0', 'c/1', 'c/2'] };
const typed = { dtype: 'float32', shape: [2] } as const;
const edges = [
  edge(0, 'send', 'a', 'b', typed),
  edge(1, 'collect', 'c', 'b', typed),
  edge(2, 'send', 'b', 'a'),
  edge(3, 'trigger', 'a', 'b'),
  edge(4, 'broadcast', 'a', 'c'),
];

const key = { key: 'w' };
export const bundles: Readonly<Record<'a' | 'b' | 'c', LoadedBundle>> = {
  a: makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    outputs: ['z'],
    ops: [send(0, 'x'), send(3, ''), send(4, 'x'), recv(2, 'z')],
  }),
  b: makeBundle({
    class: 'b',
    members,
    edges,
    inputs: ['bias'],
    outputs: ['sum'],
    constants: { zero: f32(0, 0) },
    entries: [
      { name: 'main', class: 'a' },
      { name: 'own', class: 'b' },
    ],
    ops: [
      recv(0, 'x'),
      recv(3, 't'),
      {
        op: 'wire.Collect',
        out: ['rows', 'senders', 'absent'],
        attributes: { edges: [1], at_least: 1, deadline_ns: 20 * SECOND_NS },
      },
      call('first', ['x', 'rows', 'bias'], ['sum']),
      core('StateRead', ['zero'], ['w'], 1, key),
      call('add', ['w', 'sum'], ['w2'], 1),
      core('StateAssign', ['w2'], [], 1, key),
      core('OrElse', ['sum', 'w'], ['answer']),
      send(2, 'answer'),
    ],
  }),
  c: makeBundle({ class: 'c', members, edges, ops: [recv(4, 'x'), send(1, 'x')] }),
};

export const programB: Program = decodeProgram(bundles.b);

/** Every frame of a run in which all goes well. */
export function recordedFrames(): readonly { readonly from: string; readonly bytes: Uint8Array }[] {
  const world = new World(
    { a: bundles.a, b: bundles.b, 'c/0': bundles.c, 'c/1': bundles.c, 'c/2': bundles.c },
    { first: ([x]) => [x!], add: ([, x]) => [x!] },
  );
  for (let flow = 0; flow < 3; flow++) {
    world.invoke('a', { x: f32(flow, 1) });
    world.settle();
    for (const { event } of world.told.splice(0)) {
      if (event.kind !== 'input-wanted') continue;
      world.give('b', { type: 'supply', flow: event.flow, values: { bias: f32(1, 1) } });
    }
    world.run();
  }
  if (world.output('a', 'z') === undefined) throw new Error('the deployment of the fuzzer does not run');
  return world.sent;
}
