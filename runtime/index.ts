// The sans-IO runtime: what runs on every peer, in Node and in the browser.

export type { Backend, LoadedSegment, LoadOptions, RunOptions, SegmentModel } from './backend.ts';
export type { LoadedBundle } from './bundle.ts';
