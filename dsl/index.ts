// What authors import.

// These only add methods to values.
import './assume.ts';
import './private.ts';

// What members answered, as one value.
export { type Combined, weightedMean } from './aggregate.ts';
export { type BootstrapOptions, bootstrap } from './bootstrap.ts';
// A computation, what enters and leaves it.
export { type BindOptions, type Cohort, cohort, type PeerSet } from './cohort.ts';
// What a peer has beside its graph.
export {
  aggregator,
  type ComponentOptions,
  component,
  type FieldOptions,
  index,
  model,
  peerSelector,
  protocol,
} from './component.ts';
export type { Component, Protocol, SlotFields } from './component-types.ts';
export { constant } from './constant.ts';
export { type ContainerType, optionalOf, sequenceOf } from './containers.ts';
// Every operator of ONNX; control flow from callbacks.
export { ifElse, type LoopOptions, loop, scan, sequenceMap } from './control.ts';
// Where it runs, what crosses, what stays.
export {
  type BroadcastOptions,
  broadcast,
  type Collected,
  type CollectOptions,
  collect,
  type ScatterOptions,
  scatter,
} from './crossing.ts';
// Data that a peer has.
export {
  type BatchOptions,
  type DataSource,
  type DataSourceOptions,
  dataSource,
  type Fields,
  type Sized,
} from './data-source.ts';
export { digest } from './digest.ts';
// Values and their types.
export * from './dtypes.ts';
export type { Duration } from './duration.ts';
// Rounds: a named way to start, and what starts the next flow of a session.
export { type Argument, type EntryOptions, entry, type LimitPolicy } from './entry.ts';
// For hosts that record.
export type { Environment, Site } from './environment.ts';
export { type Exchanged, type ExchangeOptions, exchange } from './exchange.ts';
export { type Folded, type FoldOptions, fold } from './fold.ts';
// Training.
export { type Gradients, gradient } from './gradient.ts';
// Missing values: x.when(c), x.present(), x.reason(), x.orElse(y), and many at once.
export { type Declinable, type Either, orElse, when } from './missing.ts';
export { isModule, type Module, type ModuleOptions, module, type Recorded, record } from './module.ts';
export { type Next, next, start } from './next.ts';
// Existing models.
export { type CallOptions, type OnnxFunction, type OnnxOptions, onnx, type Stage } from './onnx.ts';
export * from './ops/generated/ops.ts';
export { optionalEmpty } from './optional.ts';
export { on, type Place, peer } from './place.ts';
export { emit, type InputOptions, input, output } from './ports.ts';
export { recompute } from './recompute.ts';
export type { Use } from './role-call.ts';
export { type SecretOptions, secret } from './secret.ts';
export { type Picker, self } from './sets.ts';
export { type State, type StateOptions, state } from './state.ts';
export { after, type EventFields, event, interval, type Trigger } from './trigger.ts';
export type { AnyShape, Dim, DTypeError, Element, PlaceError, ShapeError, Tensor, Value } from './types.ts';
export { type Weights, weights } from './weights.ts';
