// The adaptive network over connections that lose nothing while they last: what is under way is sent again when a peer
// is connected again, and the host says how long one may be away.

import type { Manifest } from '../../ir/deployment.ts';
import type { Components } from '../component.ts';
import { adaptive } from '../net/adaptive.ts';
import type { NetworkFactory } from '../net/network.ts';
import { adaptiveDefaults } from '../net/options.ts';
import { messagesOf } from './components.ts';

export interface ConnectedOptions {
  /** How long a peer may be away. Default: as long as the longest deadline of an edge. */
  readonly giveUpNs?: number | undefined;
  /** From these nothing is let in; these are let in whatever they do. */
  readonly block?: readonly string[] | undefined;
  readonly allow?: readonly string[] | undefined;
  /** Those whose messages travel with values. */
  readonly components?: Components | undefined;
}

/** A frame that a connection has taken is hardly ever lost with the connection still there. */
const PATIENCE_NS = 10e9;
const LEAST_KEEP_NS = 60e9;
/** As much as a connection lets wait. */
const FRAMES = 4096;
const FRAME_BYTES = 256 * 2 ** 20;

export function connectedNetwork(manifest: Manifest, options: ConnectedOptions = {}): NetworkFactory {
  const { liveness, policy } = adaptiveDefaults;
  const { block = policy.block, allow = policy.allow, components = {} } = options;
  const deadlines = [...manifest.edgesIn, ...manifest.edgesOut].map(({ deadlineNs }) => deadlineNs);
  const awayNs = options.giveUpNs ?? deadlines.reduce((longest, one) => Math.max(longest, one), 0);
  return adaptive({
    messages: messagesOf(components),
    frames: FRAMES,
    frameBytes: FRAME_BYTES,
    rto: { firstNs: PATIENCE_NS, leastNs: PATIENCE_NS, mostNs: 6 * PATIENCE_NS },
    keepNs: Math.max(LEAST_KEEP_NS, awayNs),
    liveness: { ...liveness, heartbeatNs: PATIENCE_NS / 2, pauseNs: awayNs },
    policy: { ...policy, block, allow },
  });
}
