// What `bbc run --processes` and the processes of its peers say to each other.

import type { DataValue } from '../../ir/index.ts';
import type { Continuation, Overhead, PeerEvent, WaitReport } from '../../runtime/host/index.ts';
import type { FlowId } from '../../runtime/index.ts';

type Values = Readonly<Record<string, DataValue>>;

export type ToPeer =
  /** Addresses by peer. */
  | { readonly kind: 'dial'; readonly peers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'invoke';
      readonly entry: string;
      readonly values: Values;
      readonly request: number;
      readonly continuation: Continuation;
    }
  | { readonly kind: 'supply'; readonly flow: FlowId; readonly values: Values }
  /** To be answered by `state`. */
  | { readonly kind: 'tell-state' }
  /** To be answered by `overhead`. */
  | { readonly kind: 'tell-overhead' }
  /** To be answered by `waiting`. */
  | { readonly kind: 'tell-waiting' }
  | { readonly kind: 'begin' }
  | { readonly kind: 'restore'; readonly state: Values }
  | { readonly kind: 'lose'; readonly peer: string }
  | { readonly kind: 'close' };

export type FromPeer =
  | { readonly kind: 'listening'; readonly address: string }
  /** Everybody that can take part in a flow is. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'state'; readonly state: Values }
  | { readonly kind: 'overhead'; readonly overhead: Overhead }
  | { readonly kind: 'waiting'; readonly waiting: readonly WaitReport[] }
  | { readonly kind: 'event'; readonly event: PeerEvent };
