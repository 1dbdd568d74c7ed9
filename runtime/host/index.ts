// Hosts: what drives nodes and moves their frames.

export { type Clock, systemClock } from './clock.ts';
export type { FlowResult, PeerStats, PeerValues } from './flow-result.ts';
export { type Deployment, type DeploymentOptions, type InvokeOptions, startDeployment } from './inproc.ts';
