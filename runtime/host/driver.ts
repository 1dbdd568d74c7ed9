// Drives one node: does what it asks for, wakes it when it wants to, runs its segments. What leaves the node, and
// what it tells, is the host's.

import type { DataValue } from '../../ir/data.ts';
import type { Components } from '../component.ts';
import type { FlowId } from '../flow-id.ts';
import type { Program } from '../instruction.ts';
import type { Input, NodeEvent, Output } from '../io.ts';
import type { Limits, Usage } from '../limits.ts';
import { Node } from '../node.ts';
import { packed } from '../packed.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Clock } from './clock.ts';
import type { Origin } from './finite.ts';
import type { DataValues } from './hand-over.ts';
import type { Segments } from './segments.ts';
import { type Request, Workbench } from './workbench.ts';

/** Free frame buffers that a host keeps for reuse. */
export const POOL_BYTES = 256 * 2 ** 20;

export interface DriverHooks {
  /** A frame leaves; its pieces are valid during the call only. On the control plane it is of no flow. */
  send(frame: Extract<Output, { type: 'send' }>): void;
  event(event: NodeEvent): void;
  /** A segment of the flow, or a component for it, took so long. */
  worked(flow: FlowId, ms: number, failed: boolean): void;
  /** The node has nothing to do at once. */
  settled(): void;
}

export interface DriverOptions {
  readonly peer: string;
  readonly program: Program;
  readonly segments: Segments;
  /** By name: one that fits for every slot of the program. */
  readonly components: Components;
  readonly incarnation: number;
  readonly limits?: Partial<Limits>;
  readonly clock: Clock;
  /** Where a segment's first number that is not finite comes from, given its inputs. */
  readonly originOf: (segment: string, inputs: readonly DataValue[]) => Promise<Origin>;
  /** Where the frames and inputs given to the node come from, and go back to. */
  readonly pool: BufferPool;
}

export class Driver {
  readonly #node: Node;
  readonly #workbench: Workbench;
  readonly #clock: Clock;
  readonly #pool: BufferPool;
  readonly #hooks: DriverHooks;
  #stopTimer: (() => void) | undefined;
  #wakeAt: number | undefined;
  #draining = false;

  constructor(
    { segments, components, clock, pool, originOf, ...options }: DriverOptions,
    hooks: DriverHooks,
  ) {
    this.#node = new Node(options);
    const reclaim = (buffer: ArrayBuffer): void => pool.give(buffer);
    this.#workbench = new Workbench({
      program: options.program,
      segments,
      components,
      originOf,
      reclaim,
    });
    this.#clock = clock;
    this.#pool = pool;
    this.#hooks = hooks;
  }

  get openFlows(): number {
    return this.#node.openFlows;
  }

  /** What the node holds. */
  get usage(): Usage {
    return this.#node.usage;
  }

  /** Copies of what is committed, by key of the state variable. */
  get state(): DataValues {
    return Object.fromEntries([...this.#node.state].map(([key, value]) => [key, packed(value)]));
  }

  /** May be called from within a hook: the node then gets to it as soon as it has told what it is telling. */
  handle(input: Input): void {
    this.#node.handle(this.#clock.now(), input);
    this.#drain();
  }

  /** Cancels what is open; the node takes nothing new. */
  close(): void {
    this.handle({ type: 'shutdown' });
    this.#stopTimer?.();
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (;;) {
        const output = this.#node.poll(this.#clock.now());
        if (output.type === 'idle') {
          this.#sleep(output.until);
          break;
        }
        this.#act(output);
      }
    } finally {
      this.#draining = false;
    }
    this.#hooks.settled();
  }

  #act(output: Exclude<Output, { type: 'idle' }>): void {
    switch (output.type) {
      case 'send':
        return this.#hooks.send(output);
      case 'work':
      case 'call':
        return void this.#work(output);
      case 'release':
        return this.#pool.give(output.buffer);
      case 'event':
        return this.#hooks.event(output.event);
    }
  }

  async #work(output: Request): Promise<void> {
    const began = this.#clock.now();
    const answer = await this.#workbench.run(output);
    const now = this.#clock.now();
    this.#node.handle(now, answer);
    this.#hooks.worked(output.flow, (now - began) / 1e6, answer.type === 'failed');
    this.#drain();
  }

  #sleep(until: number | undefined): void {
    if (until === this.#wakeAt) return;
    this.#stopTimer?.();
    this.#wakeAt = until;
    this.#stopTimer =
      until === undefined
        ? undefined
        : this.#clock.wake(until, () => {
            this.#wakeAt = undefined;
            this.#drain();
          });
  }
}
