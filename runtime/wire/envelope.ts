// envelope.proto as tables; see there what each field means.

import {
  bool,
  bytes,
  fixed64,
  list,
  type Message,
  type MessageInit,
  message,
  optional,
  recursiveTable,
  string,
  type Table,
  table,
  uint,
} from '../proto/codec.ts';

const initiatedFlow = table({ initiator: string(1), incarnation: uint(2), counter: uint(3) });
const jointFlow = table({ class: string(1), view: uint(2), n: uint(3) });
/** One of the two. */
const flowId = table({
  initiated: message(1, initiatedFlow),
  joint: message(2, jointFlow),
  under: list(string(3)),
});

const acknowledgement = table({ incarnation: uint(1), cumulative: uint(2), selective: list(uint(3)) });
const rttReport = table({ peer: string(1), smoothedNs: uint(2), variationNs: uint(3) });
const cancel = table({ why: string(1), edges: list(uint(2)) });
const error = table({
  code: uint(1),
  message: string(2),
  supported: list(uint(3)),
  edge: optional(uint(4)),
});
const hello = table({
  leastVersion: uint(1),
  mostVersion: uint(2),
  heard: uint(3),
  edges: list(uint(4)),
  edgeTypes: list(fixed64(5)),
  messages: list(string(6)),
  messageTypes: list(fixed64(7)),
});
const link = table({
  oldest: uint(1),
  windowBytes: uint(2),
  probe: uint(3),
  echo: uint(4),
  hello: message(5, hello),
});

const missing = table({ reason: uint(1), peer: string(2), edge: optional(uint(3)), detail: string(4) });
const componentAddress = table({ component: string(1), method: string(2) });
/** Of a value that is no tensor; see envelope.proto. */
export interface Part {
  kind: number;
  dtype: number;
  dims: number[];
  length: number;
  parts: Part[];
}
const part: Table<Part> = recursiveTable((self) => ({
  kind: uint(1),
  dtype: uint(2),
  dims: list(uint(3)),
  length: uint(4),
  parts: list(message(5, self)),
}));
const fill = table({
  /** This or `component`. */
  edge: optional(uint(1)),
  component: message(2, componentAddress),
  seat: list(uint(3)),
  senderSeat: list(uint(4)),
  typeHash: fixed64(5),
  dtype: uint(6),
  dims: list(uint(7)),
  codec: uint(8),
  trigger: bool(9),
  missing: message(10, missing),
  payloadOffset: uint(11),
  payloadLength: uint(12),
  kind: uint(13),
  parts: list(message(14, part)),
});

export const envelope = table({
  deployment: string(1),
  sender: string(2),
  incarnation: uint(3),
  sequence: uint(4),
  acknowledgements: list(message(5, acknowledgement)),
  flow: message(6, flowId),
  session: message(7, flowId),
  step: uint(8),
  correlation: uint(9),
  remainingDeadlineNs: optional(uint(10)),
  rttReports: list(message(11, rttReport)),
  cancel: message(12, cancel),
  error: message(13, error),
  fills: list(message(14, fill)),
  link: message(15, link),
  trace: bytes(16),
});

export type Fill = Message<typeof fill>;
export type FlowIdMessage = Message<typeof flowId>;
export type Hello = Message<typeof hello>;
export type Link = Message<typeof link>;
export type Envelope = Message<typeof envelope>;
export type FillInit = MessageInit<Fill>;
export type PartInit = MessageInit<Part>;
export type EnvelopeInit = MessageInit<Envelope>;

/** Kind */
export const KIND = { tensor: 0, sequence: 1, optional: 2, sparse: 3 } as const;

/** Error.Code */
export const ERROR = { versionUnknown: 1, typeUnknown: 2, deploymentUnknown: 3 } as const;
export type ErrorCode = (typeof ERROR)[keyof typeof ERROR];
