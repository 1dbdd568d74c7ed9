// Strategies: how members learn together, as modules over any task.

export { type Compressed, chocoSgd } from './choco.ts';
export { type Clustered, clustered } from './clustered.ts';
export { type Cut, type CutTask, cutTaskOf, type UTask, uTaskOf } from './cut.ts';
export { diLoCo, type LowCommunication } from './diloco.ts';
export { type AllReduced, diLoCoAllReduce } from './diloco-all-reduce.ts';
export { type Decentralised, dPsgd } from './dpsgd.ts';
export { fedAvg, fedProx } from './fedavg.ts';
export { type Buffered, fedBuff } from './fedbuff.ts';
export type { Answer, Federation, Report, Turnout } from './federation.ts';
export { type AdaptiveOptions, fedAdagrad, fedAdam, fedOpt, fedYogi, type Served } from './fedopt.ts';
export { type Gossip, gossip } from './gossip.ts';
export { hierarchical, type Tiered } from './hierarchical.ts';
export { type Descended, type Descent, descend, type Local } from './local.ts';
export type { Masking } from './masked.ts';
export type { Matrix, Peers } from './mixing.ts';
export { type Overlapped, overlapped } from './overlapped.ts';
export { type Personal, personalised } from './personalised.ts';
export { type Pipeline, pipeline } from './pipeline.ts';
export { type PushSum, pushSum } from './push-sum.ts';
export { type Controlled, scaffold } from './scaffold.ts';
export { type Split, split } from './split.ts';
export { type SplitFed, splitFed } from './splitfed.ts';
export { type Count, type Records, type Scalar, type Task, taskOf, type Weights } from './task.ts';
export { type USplit, uSplit } from './u-split.ts';
