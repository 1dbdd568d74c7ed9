// What an adaptive network can be told; each has a value that suits most.

import { ADAPTIVE, type MessageTypes, PLAIN, type Versions } from './greeting.ts';
import type { LivenessOptions } from './liveness.ts';
import type { PolicyOptions } from './peer-policy.ts';
import type { RtoBounds } from './rtt.ts';

export interface AdaptiveOptions {
  /** Of the jitter between tries; folded with the peer's id. */
  readonly seed: bigint;
  /** Wire versions it speaks, 256 × major + minor. */
  readonly versions: Versions;
  /** Hashes of the messages of components, by `component.method`. */
  readonly messages: MessageTypes;
  readonly rto: RtoBounds;
  /** How long an acknowledgement waits for a frame to travel with. */
  readonly ackDelayNs: number;
  /** Frames, and bytes of frames, that wait for one peer or for its acknowledgement. */
  readonly frames: number;
  readonly frameBytes: number;
  /** How long a frame is sent again before it is given up. */
  readonly keepNs: number;
  /** How far beyond the first gap a peer's frames are told apart. */
  readonly window: number;
  readonly liveness: LivenessOptions;
  readonly policy: PolicyOptions;
}

export const adaptiveDefaults: AdaptiveOptions = {
  seed: 0n,
  versions: [PLAIN, ADAPTIVE],
  messages: {},
  rto: { firstNs: 1e9, leastNs: 0.2e9, mostNs: 10e9 },
  ackDelayNs: 10e6,
  frames: 256,
  frameBytes: 64 * 2 ** 20,
  keepNs: 60e9,
  window: 1024,
  liveness: { heartbeatNs: 1e9, pauseNs: 3e9, threshold: 8, window: 32 },
  policy: { block: [], allow: [], score: 100, pointNs: 0.1e9, cooldownNs: 10e9, longestNs: 600e9 },
};
