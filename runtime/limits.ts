// Bounds of a node: nothing that arrives from outside grows its memory beyond them.

export interface Limits {
  /** Flows open at once; more are refused. */
  readonly flows: number;
  /** Bytes of values held at once; a frame beyond them is dropped and its flow refused. */
  readonly bytes: number;
  /** Of them, those that came from one peer and its flows that it made open here: others keep their part. */
  readonly peerBytes: number;
  readonly peerFlows: number;
  /** Largest frame. */
  readonly frameBytes: number;
  /** Of the values in one call, and in one call of `supply`. */
  readonly invokeBytes: number;
  /** Of the results of one piece of work. */
  readonly completionBytes: number;
  /** Largest envelope within a frame. */
  readonly envelopeBytes: number;
  /** Fills in one envelope. */
  readonly fills: number;
  /** Messages within one envelope, fills and all that is in them: each is an object in memory. */
  readonly messages: number;
  /** Dimensions of one tensor. */
  readonly rank: number;
  /** Tensors and containers in one value. */
  readonly parts: number;
  /** Containers within one another. */
  readonly nesting: number;
  /** Ended flows remembered per initiator beyond the gapless ones. */
  readonly endedFlows: number;
  /** How long the host may take over one segment before it counts as failed. */
  readonly workNs: number;
  /** Asks of one component of the node without an answer; more are refused. */
  readonly pendingAsks: number;
  /** Messages that one peer may send to components at once, and per second. */
  readonly controlMessages: number;
  /** Of one such message. */
  readonly controlBytes: number;
  /** Of the values of one event that a component raises. */
  readonly eventBytes: number;
  /** Messages that one call of a component may send, and events that it may raise, in all. */
  readonly controlSends: number;
  /** Drop events waiting for `poll`; more are only counted. */
  readonly dropEvents: number;
}

/** What a node holds, to be compared with its limits. */
export interface Usage {
  readonly flows: number;
  /** Of values, in buffers of any size. */
  readonly bytes: number;
  /** Waiting for `poll`. */
  readonly outputs: number;
  /** Remembered one by one. */
  readonly endedFlows: number;
  readonly deadlines: number;
  /** Segments under way. */
  readonly work: number;
}

export const defaultLimits: Limits = {
  flows: 1024,
  bytes: 4 * 2 ** 30,
  peerBytes: 2 ** 31,
  peerFlows: 768,
  frameBytes: 2 ** 31,
  invokeBytes: 2 ** 31,
  completionBytes: 2 ** 31,
  envelopeBytes: 2 ** 20,
  fills: 4096,
  messages: 32_768,
  rank: 64,
  parts: 8192,
  nesting: 16,
  endedFlows: 4096,
  // Far above what any segment should take: only a backend that never answers is meant.
  workNs: 3600e9,
  pendingAsks: 1024,
  controlMessages: 1024,
  controlBytes: 65_536,
  eventBytes: 2 ** 31,
  controlSends: 1024,
  dropEvents: 256,
};
