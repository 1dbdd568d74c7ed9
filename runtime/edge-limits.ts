// Limits of small devices.

import { defaultLimits, type Limits } from './limits.ts';

/** For devices with 8 MiB of memory, of which the node's values take half. */
export const edgeLimits: Limits = {
  ...defaultLimits,
  flows: 32,
  bytes: 4 * 2 ** 20,
  peerBytes: 2 * 2 ** 20,
  peerFlows: 16,
  frameBytes: 2 ** 20,
  invokeBytes: 2 ** 20,
  completionBytes: 2 ** 20,
  envelopeBytes: 32_768,
  fills: 128,
  messages: 1024,
  rank: 8,
  parts: 256,
  nesting: 8,
  endedFlows: 128,
  pendingAsks: 32,
  controlMessages: 32,
  controlBytes: 4096,
  eventBytes: 2 ** 20,
  controlSends: 32,
  dropEvents: 16,
};
