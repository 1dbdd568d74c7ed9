// What a host tells of the time that its node takes. Without an observer nothing is measured, and nothing is paid.

import { type FlowId, flowKey } from '../../flow-id.ts';
import type { Input, NodeEvent, Output } from '../../io.ts';
import type { FlowBegun } from '../../trace.ts';

export type FlowEnded = Extract<NodeEvent, { kind: 'flow-ended' }>;

/** One call of a segment or a component, from when the node asked for it until its answer was there. */
export interface Invocation {
  readonly flow: FlowId;
  /** The segment, or the method. */
  readonly op: string;
  readonly kind: 'segment' | 'component';
  /** Of the op. */
  readonly domain: string;
  readonly component?: string;
  readonly beganNs: number;
  readonly endedNs: number;
  readonly failed?: string;
}

/** One turn of the node: it takes an input, or wakes up, and says what it wants until it wants nothing more. */
export interface Turn {
  /** Inputs that hooks gave meanwhile belong to the same turn. */
  readonly input: Input['type'] | 'wake';
  /** The flow that it was about; undefined: none, or several. */
  readonly flow: FlowId | undefined;
  readonly beganNs: number;
  /** When the input was taken, and what it made ready had fired. */
  readonly handledNs: number;
  readonly endedNs: number;
  readonly sends: number;
  readonly works: number;
  readonly events: number;
}

/** Its methods are called while the node runs: they must be quick, must not throw, and must not call the host. */
export interface Observer {
  /**
   * A flow begins at this peer. `came`: the trace context that its first message brought, 25 bytes: trace id, span id and
   * flags as in W3C's `traceparent`; undefined where it starts here. Gives what its messages shall carry.
   */
  began(flow: FlowBegun, came: Uint8Array | undefined, atNs: number): Uint8Array | undefined;
  ended(event: FlowEnded, atNs: number): void;
  invoked(one: Invocation): void;
  polled(turn: Turn): void;
}

type Acted = Exclude<Output, { type: 'idle' }>;

/** Puts together what happens between two idle moments. */
export class Turns {
  readonly #observer: Observer;
  readonly #now: () => number;
  #open: { readonly input: Turn['input']; readonly beganNs: number } | undefined;
  #handledNs: number | undefined;
  #flow: FlowId | undefined;
  #several = false;
  #sends = 0;
  #works = 0;
  #events = 0;

  constructor(observer: Observer, now: () => number) {
    this.#observer = observer;
    this.#now = now;
  }

  begin(input: Turn['input']): void {
    this.#open ??= { input, beganNs: this.#now() };
  }

  handled(): void {
    this.#handledNs ??= this.#now();
  }

  acted(output: Acted): void {
    if (output.type === 'send') this.#sends++;
    if (output.type === 'work' || output.type === 'call') this.#works++;
    if (output.type === 'event') this.#events++;
    const about = output.type === 'event' ? output.event : output;
    if (!('flow' in about) || about.flow === undefined) return;
    this.#several ||= this.#flow !== undefined && flowKey(this.#flow) !== flowKey(about.flow);
    this.#flow = about.flow;
  }

  end(): void {
    const open = this.#open;
    if (open === undefined) return;
    const handledNs = this.#handledNs ?? open.beganNs;
    this.#handledNs = undefined;
    const flow = this.#several ? undefined : this.#flow;
    const [sends, works, events] = [this.#sends, this.#works, this.#events];
    this.#open = undefined;
    this.#flow = undefined;
    this.#several = false;
    this.#sends = this.#works = this.#events = 0;
    this.#observer.polled({ ...open, handledNs, flow, endedNs: this.#now(), sends, works, events });
  }
}
