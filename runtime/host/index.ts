// Hosts: what drives nodes and moves their frames.

export { Calls } from './calls.ts';
export { type Clock, systemClock } from './clock.ts';
export { type ConnectedOptions, connectedNetwork } from './connected.ts';
export { Coordinator, type RemotePeer } from './coordinator.ts';
export type { Durability } from './driver.ts';
export { Movable } from './durable/movable.ts';
export { type Entropy, isSecret, systemEntropy } from './entropy.ts';
export type { InvokeOptions } from './flow-book.ts';
export type { FlowResult, LateCounts, Pause, PeerStats, PeerValues, QuorumMissed } from './flow-result.ts';
export { type Deployment, type DeploymentOptions, startDeployment } from './inproc.ts';
export { causeText } from './observe/cause-text.ts';
export { Counters } from './observe/counters.ts';
export { describeEvent, type EventLevel, levelOf, type Severity, severityOf } from './observe/events.ts';
export { type LogRecord, logRecord } from './observe/log.ts';
export { metricsOf, type PeerNumbers } from './observe/metrics.ts';
export type { Invocation, Observer, Turn } from './observe/observer.ts';
export { type Metric, PROMETHEUS_TYPE, prometheusText } from './observe/prometheus.ts';
export { rootsFirst, type WaitReport, waitLines, waitText } from './observe/waiting.ts';
export { type Wait, type WaitKind, waitsOf } from './observe/waits.ts';
export { type Overhead, sumOfOverheads } from './overhead.ts';
export {
  type Continuation,
  type PeerEvent,
  type PeerHost,
  type PeerHostOptions,
  startPeer,
} from './peer-host.ts';
export { neighboursOf } from './readiness.ts';
export type { SentMessage } from './sent-message.ts';
export type { PeerStates } from './states.ts';
export type { SendOutcome, Transport, TransportEvent, TransportUser } from './transport.ts';
