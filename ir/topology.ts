// The checked form of topology.json: every default filled in, every unit a number.

import type { DataBinding } from './binding.ts';
import type { Position } from './diagnostic.ts';

export interface PeerClass {
  readonly name: string;
  /** Peer ids in file order: named peers, then `phone/0` … up to `count`. */
  readonly members: readonly string[];
  /** Exactly one member unless a cohort: `count` was written, or several peers are named. */
  readonly cohort: boolean;
  /** Whether any of its members is of another class, too. */
  readonly shared: boolean;
  readonly memoryBytes: number | undefined;
  /** Operations per second. */
  readonly flops: number | undefined;
  readonly backend: string;
  /** What fills the slots of each member, as far as the file says. */
  readonly components: readonly DataBinding[];
}

export interface Peer {
  readonly id: string;
  /** It runs a program for each, in file order. */
  readonly classes: readonly string[];
  readonly addresses: readonly string[];
}

/** Classes or peers at the ends; `up` runs from the first to the second. */
export interface Link {
  readonly between: readonly [string, string];
  readonly latencyNs: number;
  /** Bytes per second; undefined: not limited. */
  readonly upBytesPerSecond: number | undefined;
  readonly downBytesPerSecond: number | undefined;
  /** Share of frames lost, 0 to 1. */
  readonly loss: number;
  /** Names of the codecs that values cross it in, where the module says nothing. Absent: as they are. */
  readonly upCodec?: string;
  readonly downCodec?: string;
}

/** A placement rule; `where` is parsed by the compiler, `at` points at the text in the file. */
export interface PlaceRule {
  readonly where: string;
  readonly on: string;
  readonly at: Position;
  /** Position of `on`. */
  readonly onAt: Position;
}

export interface Topology {
  readonly file: string;
  readonly text: string;
  /** In file order. */
  readonly classes: readonly PeerClass[];
  readonly peers: readonly Peer[];
  /** undefined: the file has none, and every pair is linked without cost. */
  readonly links: readonly Link[] | undefined;
  readonly rules: readonly PlaceRule[];
  readonly objective: 'latency' | 'throughput' | 'bytes' | 'energy';
}
