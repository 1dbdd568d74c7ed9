// Hosts: what drives nodes and moves their frames.

export { type Clock, systemClock } from './clock.ts';
export type { InvokeOptions } from './flow-book.ts';
export type { FlowResult, PeerStats, PeerValues } from './flow-result.ts';
export { type Deployment, type DeploymentOptions, startDeployment } from './inproc.ts';
