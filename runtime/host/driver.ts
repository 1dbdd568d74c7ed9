// Drives one node: does what it asks for, wakes it when it wants to, runs its segments. What leaves the node, and
// what it tells, is the host's.

import type { DataValue } from '../../ir/data.ts';
import type { Components } from '../component.ts';
import type { InitiatedFlowId } from '../flow-id.ts';
import type { Program } from '../instruction.ts';
import type { Input, NodeEvent, Output } from '../io.ts';
import type { Limits } from '../limits.ts';
import { Node } from '../node.ts';
import { packed } from '../packed.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Clock } from './clock.ts';
import { firstWrong, type Origin, suspectOutputs, type Watched, watchedOutputs } from './finite.ts';
import type { DataValues } from './hand-over.ts';
import type { Segments } from './segments.ts';

/** Free frame buffers that a host keeps for reuse. */
export const POOL_BYTES = 256 * 2 ** 20;

export interface DriverHooks {
  /** A frame leaves; its pieces are valid during the call only. On the control plane it is of no flow. */
  send(frame: Extract<Output, { type: 'send' }>): void;
  event(event: NodeEvent): void;
  /** A segment of the flow took so long. */
  worked(flow: InitiatedFlowId, ms: number): void;
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

/** What the node wants done, to be answered. */
type Request = Extract<Output, { type: 'work' | 'call' }>;

export class Driver {
  readonly #node: Node;
  readonly #segments: Segments;
  readonly #components: Components;
  readonly #clock: Clock;
  readonly #pool: BufferPool;
  readonly #hooks: DriverHooks;
  readonly #originOf: DriverOptions['originOf'];
  readonly #watched: ReadonlyMap<string, readonly Watched[]>;
  readonly #suspects: Map<string, readonly Watched[]>;
  #stopTimer: (() => void) | undefined;
  #wakeAt: number | undefined;
  #draining = false;

  constructor(
    { segments, components, clock, pool, originOf, ...options }: DriverOptions,
    hooks: DriverHooks,
  ) {
    this.#node = new Node(options);
    this.#originOf = originOf;
    this.#watched = watchedOutputs(options.program);
    this.#suspects = new Map(suspectOutputs(options.program));
    this.#segments = segments;
    this.#components = components;
    this.#clock = clock;
    this.#pool = pool;
    this.#hooks = hooks;
  }

  get openFlows(): number {
    return this.#node.openFlows;
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
    const answer = await this.#run(output);
    const now = this.#clock.now();
    this.#node.handle(now, answer);
    this.#hooks.worked(output.flow, (now - began) / 1e6);
    this.#drain();
  }

  async #run(output: Request): Promise<Input> {
    const { work } = output;
    const reclaim = (buffer: ArrayBuffer): void => this.#pool.give(buffer);
    try {
      if (output.type === 'call') {
        const outputs = await this.#components[output.component]!.call(output);
        output.transfer.forEach(reclaim);
        return { type: 'done', work, outputs };
      }
      const { segment, inputs, transfer } = output;
      const watched = this.#watched.get(segment);
      const loaded = this.#segments.get(segment)!;
      const suspects = this.#suspects.get(segment);
      if (watched === undefined && suspects === undefined)
        return { type: 'done', work, outputs: await loaded.run(inputs, { transfer, reclaim }) };
      // Its inputs are needed once more if it goes wrong.
      const outputs = await loaded.run(inputs);
      const wrong = firstWrong(watched ?? [], outputs);
      const suspect = wrong ?? firstWrong(suspects ?? [], outputs);
      const origin = suspect === undefined ? {} : await this.#originOf(segment, inputs);
      transfer.forEach(reclaim);
      if (suspect === undefined) return { type: 'done', work, outputs };
      if (wrong === undefined) {
        // Once is enough to know where it comes from, and where it is meant it comes in every round.
        this.#suspects.delete(segment);
        return { type: 'done', work, outputs, suspect: { value: suspect, ...origin } };
      }
      const { op, at, input } = origin;
      const from = op ?? (input === undefined ? 'no op that could be found' : `its input ${input}`);
      const message = `${wrong} is not finite; first was ${from}${at === undefined ? '' : `, ${at}`}`;
      return { type: 'failed', work, message, notFinite: { value: wrong, ...origin } };
    } catch (error) {
      return { type: 'failed', work, message: error instanceof Error ? error.message : String(error) };
    }
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
