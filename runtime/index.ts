// The sans-IO runtime: what runs on every peer, in Node and in the browser.

export type { Backend, LoadedSegment, LoadOptions, RunOptions, SegmentModel } from './backend.ts';
export type { LoadedBundle } from './bundle.ts';
export type { Component, ComponentCall, Components } from './component.ts';
// Components within the node.
export type {
  ComponentContext,
  Later,
  MessageSchemas,
  NodeCall,
  NodeComponent,
  NodeComponents,
  Received,
} from './components/contract.ts';
export { type DeskMaker, nodeComponents } from './components/desk.ts';
export { edgeLimits } from './edge-limits.ts';
export { type FlowId, flowKey, type InitiatedFlowId, type JointFlowId } from './flow-id.ts';
export type { Program } from './instruction.ts';
export type { Cause, DropReason, Input, NodeEvent, Output, Values } from './io.ts';
export { defaultLimits, type Limits, type Usage } from './limits.ts';
export { checkManifest } from './manifest.ts';
export { adaptive } from './net/adaptive.ts';
export type { NetworkCounters, NetworkFactory } from './net/network.ts';
export { type AdaptiveOptions, adaptiveDefaults } from './net/options.ts';
export { Node, type NodeOptions } from './node.ts';
export { decodeProgram } from './program.ts';
/** How components declare their messages and what they save: `schema.table({ name: schema.string(1) })`. */
export * as schema from './proto/codec.ts';
export { segmentModels } from './segment-model.ts';
export { type FlowBegun, TRACE_BYTES, type Traces } from './trace.ts';
export { isMissing, type Missing, type MissingReason, missingReasons, type Value } from './value.ts';
export type { Waiting } from './waiting.ts';
export { decodeFrame, encodeFrame, joinPieces, pieceBytes, type WireError } from './wire/frame.ts';
