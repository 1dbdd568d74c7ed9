// A peer's numbers by the names under which they are asked for.

import type { Usage } from '../../limits.ts';
import type { NetworkCounters } from '../../net/network.ts';
import type { Overhead } from '../overhead.ts';
import type { Counters } from './counters.ts';
import type { Metric, Sample } from './prometheus.ts';

export interface PeerNumbers {
  readonly peer: string;
  /** Its class. */
  readonly class: string;
  readonly deployment: string;
  readonly counters: Readonly<Counters>;
  readonly overhead: Readonly<Overhead>;
  /** What the node holds now. */
  readonly usage: Usage;
  /** Of an adaptive network. */
  readonly network: NetworkCounters | undefined;
  readonly connectedPeers: number;
  /** Frames and bytes that wait for peers; undefined: the transport does not say. */
  readonly queued: { readonly frames: number; readonly bytes: number } | undefined;
}

const PREFIX = 'bytesandbrains_';

type Values = number | readonly Sample[];
const samplesOf = (values: Values): readonly Sample[] =>
  typeof values === 'number' ? [{ value: values }] : values;
const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));

const counter = (name: string, help: string, values: Values): Metric => ({
  name: `${PREFIX}${name}_total`,
  type: 'counter',
  help,
  samples: samplesOf(values),
});
const gauge = (name: string, help: string, values: Values): Metric => ({
  name: `${PREFIX}${name}`,
  type: 'gauge',
  help,
  samples: samplesOf(values),
});

const networkMetrics = (of: NetworkCounters): readonly Metric[] => [
  counter('network_frames_resent', 'Frames sent again, since nobody acknowledged them.', of.resent),
  counter('network_control_frames', 'Acknowledgements, probes and greetings.', of.control),
  counter('network_duplicates', 'Frames that came twice.', of.duplicates),
  counter(
    'network_frames_given_up',
    'Frames that were never acknowledged, or had no room to wait.',
    of.givenUp,
  ),
  counter('network_frames_unkept', 'Frames sent once only, for want of memory.', of.unkept),
  counter('network_frames_shut', 'Frames of peers that are blocked or in cooldown.', of.shut),
];

export function metricsOf(of: PeerNumbers): readonly Metric[] {
  const { counters: c, overhead, usage, queued } = of;
  const labels = { peer: of.peer, class: of.class, deployment: of.deployment };
  const { workNs } = c;
  return [
    gauge('peer_info', 'Which peer this is; always 1.', [{ labels, value: 1 }]),
    counter('frames_received', 'Frames that came from peers.', c.framesIn),
    counter('received_bytes', 'Bytes of frames that came from peers.', c.bytesIn),
    counter('frames_sent', 'Frames that the transport took over.', c.framesOut),
    counter('sent_bytes', 'Bytes of frames that the transport took over.', c.bytesOut),
    counter('frames_resent', 'Frames that were sent once more.', overhead.resentMessages),
    counter('resent_bytes', 'Bytes of frames that were sent once more.', overhead.resentBytes),
    counter('control_messages_sent', 'Messages that carry no values.', overhead.controlMessages),
    counter('heartbeats_sent', 'Signs of life that were asked for.', overhead.heartbeats),
    counter('dropped', 'What came, or was to leave, and was dropped, by reason.', by('reason', c.drops)),
    counter('flows_started', 'Flows that began here or were first heard of.', c.flowsStarted),
    counter('flows_refused', 'Flows that were asked for and did not begin.', c.flowsRefused),
    counter('flows_ended', 'Flows that are over here, by status.', by('status', c.flows)),
    counter('values_missing', 'Values that went missing in flows, and not by design.', c.missing),
    counter('work', 'Segments and components that were run or asked.', c.work),
    counter('work_failed', 'Those that failed.', c.workFailed),
    counter('work_seconds', 'How long they took, all together.', workNs / 1e9),
    counter('ops', 'Plain ONNX ops that ran.', c.ops),
    counter('late_answers', 'Answers that came after their collect had closed.', [
      { labels: { outcome: 'dropped' }, value: c.lateDropped },
      { labels: { outcome: 'kept' }, value: c.lateKept },
    ]),
    counter('quorums_missed', 'Collects that closed with too few answers.', c.quorumsMissed),
    counter('evicted', 'Oldest entries of full tables that had to go, by table.', by('table', c.evicted)),
    counter('disconnections', 'Connections that broke.', c.disconnections),
    counter('peers_lost', 'Peers that were given up.', c.peersLost),
    gauge('connected_peers', 'Peers that are connected.', of.connectedPeers),
    gauge('open_flows', 'Flows that have not ended.', usage.flows),
    gauge('work_under_way', 'Segments and components that have not answered.', usage.work),
    gauge('held_bytes', 'Bytes of values that the node holds.', usage.bytes),
    gauge('outputs_waiting', 'What the node has to say and nobody has asked for.', usage.outputs),
    gauge('ended_flows_remembered', 'Flows that are remembered as ended one by one.', usage.endedFlows),
    gauge('deadlines', 'Deadlines that the node keeps.', usage.deadlines),
    ...(of.network === undefined ? [] : networkMetrics(of.network)),
    ...(queued === undefined
      ? []
      : [
          gauge('queued_frames', 'Frames that wait for peers.', queued.frames),
          gauge('queued_bytes', 'Bytes of frames that wait for peers.', queued.bytes),
        ]),
  ];
}
