// One event of every kind that nodes and hosts tell, or one of each severity it may have; docs/events.md shows them.

import type { PeerEvent } from '../../runtime/host/index.ts';
import type { InitiatedFlowId } from '../../runtime/index.ts';
import { f32 } from '../sim/programs.ts';

const flowOf = (counter: number): InitiatedFlowId => ({
  kind: 'initiated',
  initiator: 'server',
  incarnation: 1,
  counter,
});
const flow = flowOf(2);
const timeout = { reason: 'timeout', peer: 'phone/3', edge: 1 } as const;
const late = { value: 'gradient', missing: timeout, deadlineNs: 10e9 };

export const eventSamples: {
  readonly [Kind in PeerEvent['kind']]: readonly Extract<PeerEvent, { kind: Kind }>[];
} = {
  'flow-started': [
    { kind: 'flow-started', flow: flowOf(1), request: 1 },
    { kind: 'flow-started', flow, session: flowOf(1), step: 1 },
  ],
  'flow-refused': [{ kind: 'flow-refused', request: 2, why: 'the node shuts down' }],
  'input-wanted': [
    { kind: 'input-wanted', flow, inputs: [{ name: 'x', dtype: 'float32', shape: ['N', 4] }] },
  ],
  output: [
    { kind: 'output', flow, name: 'scores', value: f32(1, 2) },
    { kind: 'output', flow, name: 'scores', value: timeout },
  ],
  'flow-ended': [
    { kind: 'flow-ended', flow, status: 'complete', causes: [], ops: 12 },
    { kind: 'flow-ended', flow, status: 'partial', causes: [late], ops: 12 },
    { kind: 'flow-ended', flow, status: 'failed', causes: [late], ops: 0 },
  ],
  'session-paused': [{ kind: 'session-paused', flow, step: 2, arguments: { round: f32(2) } }],
  'component-event': [
    { kind: 'component-event', component: 'members', event: 'joined', values: { round: f32(2) } },
  ],
  'component-failed': [{ kind: 'component-failed', component: 'members', message: 'no such term' }],
  'quorum-missed': [
    {
      kind: 'quorum-missed',
      flow,
      peer: 'server',
      collect: 'answers',
      at: 'model.ts:12:9',
      arrived: 7,
      needed: 8,
      known: 10,
      causes: [timeout],
    },
  ],
  'late-answer': [
    { kind: 'late-answer', flow, session: flowOf(1), collect: 'answers', from: 'phone/3', kept: false },
  ],
  evicted: [
    { kind: 'evicted', table: 'state', count: 3 },
    { kind: 'evicted', table: 'late', count: 20 },
    { kind: 'evicted', table: 'gaps', count: 1 },
  ],
  suspect: [
    { kind: 'suspect', flow, peer: 'phone/3', value: 'mask', op: 'Log (log_1)', at: 'model.ts:8:12' },
  ],
  'not-finite': [
    { kind: 'not-finite', flow, peer: 'server', segment: 'segment_1', value: 'loss', input: 'hidden' },
  ],
  'work-failed': [{ kind: 'work-failed', flow, segment: 'segment_0', message: 'out of memory' }],
  dropped: [
    {
      kind: 'dropped',
      reason: 'late',
      from: 'phone/3',
      message: 'flow server:1:1 has ended here',
      unreported: 0,
    },
    { kind: 'dropped', reason: 'malformed', from: 'phone/3', message: 'no frame', unreported: 41 },
  ],
  'flow-account': [{ kind: 'flow-account', flow, computeMs: 12.34, messages: [] }],
  'peer-error': [{ kind: 'peer-error', from: 'phone/3', code: 1, message: 'version 7' }],
  'peer-suspected': [{ kind: 'peer-suspected', peer: 'phone/3', silentNs: 6.25e9 }],
  'peer-shut-out': [{ kind: 'peer-shut-out', peer: 'phone/3', why: 'malformed', untilNs: 20e9 }],
  mismatch: [{ kind: 'mismatch', peer: 'phone/3', what: 'version', message: 'it speaks 1.0, we speak 1.1' }],
  connected: [{ kind: 'connected', peer: 'phone/3' }],
  disconnected: [{ kind: 'disconnected', peer: 'phone/3', why: 'no sign of life' }],
  'peer-left': [
    { kind: 'peer-left', peer: 'phone/3', why: undefined },
    { kind: 'peer-left', peer: 'phone/3', why: 'flow server:1:2 did not come out complete' },
  ],
  'peer-lost': [{ kind: 'peer-lost', peer: 'phone/3', why: 'no sign of life', waitedNs: 10e9 }],
  refused: [
    { kind: 'refused', who: '127.0.0.1:50000', why: 'another token', fatal: false },
    { kind: 'refused', who: 'server', why: 'another deployment', fatal: true },
  ],
  'frame-dropped': [
    { kind: 'frame-dropped', peer: 'phone/3', bytes: 4096, why: 'too much waits for it already' },
  ],
};
