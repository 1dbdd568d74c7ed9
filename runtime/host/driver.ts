// Drives one node: does what it asks for, wakes it when it wants to, runs its segments. What leaves the node, and
// what it tells, is the host's.

import type { DataValue } from '../../ir/data.ts';
import { DOMAIN } from '../../ir/names.ts';
import { roleDomain } from '../../ir/roles.ts';
import type { Components } from '../component.ts';
import type { DurableInput, DurableNode, DurableOutput } from '../durable.ts';
import type { FlowId } from '../flow-id.ts';
import { isBootstrap, type Program } from '../instruction.ts';
import type { Input, NodeEvent, Output } from '../io.ts';
import { defaultLimits, type Limits, type Usage } from '../limits.ts';
import type { NetworkCounters, NetworkFactory } from '../net/network.ts';
import { Node, type NodeOptions } from '../node.ts';
import { packed } from '../packed.ts';
import type { Traces } from '../trace.ts';
import type { BufferPool } from './buffer-pool.ts';
import { Calls } from './calls.ts';
import type { Clock } from './clock.ts';
import { inside, outside } from './components.ts';
import { type Entropy, type SecretsAround, secretsFor, systemEntropy } from './entropy.ts';
import type { Origin } from './finite.ts';
import type { DataValues } from './hand-over.ts';
import { type Invocation, type Observer, Turns } from './observe/observer.ts';
import { reportsOf, type WaitReport } from './observe/waiting.ts';
import type { Segments } from './segments.ts';
import { type Request, Workbench } from './workbench.ts';

/** What makes a peer's node outlive its process. */
export interface Durability {
  /** Goes on where the peer's time was. */
  readonly clock: Clock;
  /** Of the peer's life so far. */
  readonly calls: Calls;
  /** The node as it was, or a new one. */
  revive(options: NodeOptions): DurableNode<Node>;
  /** Keeps a record; `kept` is called when it is. */
  keep(record: number, bytes: Uint8Array, kept: () => void): void;
}

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
  readonly network?: NetworkFactory | undefined;
  readonly clock: Clock;
  /** Where secrets come from. Default: the platform's generator. */
  readonly entropy?: Entropy | undefined;
  readonly durability?: Durability | undefined;
  /** Where a segment's first number that is not finite comes from, given its inputs. */
  readonly originOf: (segment: string, inputs: readonly DataValue[]) => Promise<Origin>;
  /** Where the frames and inputs given to the node come from, and go back to. */
  readonly pool: BufferPool;
  readonly observer?: Observer | undefined;
}

/** A node, or a durable one. */
interface Driven {
  handle(now: number, input: DurableInput): void;
  poll(now: number): DurableOutput;
}

export class Driver {
  readonly calls: Calls;
  readonly #node: Node;
  /** The node, and what may stand before it. */
  readonly #driven: Driven;
  readonly #durability: Durability | undefined;
  readonly #workbench: Workbench;
  readonly #clock: Clock;
  readonly #secrets: SecretsAround;
  readonly #pool: BufferPool;
  readonly #hooks: DriverHooks;
  readonly #components: ReturnType<typeof outside>;
  readonly #observer: Observer | undefined;
  readonly #turns: Turns | undefined;
  #stopTimer: (() => void) | undefined;
  #wakeAt: number | undefined;
  #draining = false;
  /** It says nothing any more; what is open goes on when it is revived. */
  #isOver = false;

  constructor(
    { segments, components, clock, pool, originOf, observer, durability, entropy, ...options }: DriverOptions,
    hooks: DriverHooks,
  ) {
    const { invokeBytes } = { ...defaultLimits, ...options.limits };
    this.#secrets = { peer: options.peer, invokeBytes, draw: entropy ?? systemEntropy };
    const trace: Traces | undefined = observer && ((flow, came) => observer.began(flow, came, clock.now()));
    const node = { ...options, trace, components: inside(components) };
    const durable = durability?.revive(node);
    this.#node = durable?.node ?? new Node(node);
    // Only a durable node says `persist`, which alone is answered with `persisted`.
    this.#driven = durable ?? (this.#node as Driven);
    this.#durability = durability;
    this.calls = durability?.calls ?? new Calls();
    const reclaim = (buffer: ArrayBuffer): void => pool.give(buffer);
    this.#workbench = new Workbench({
      program: options.program,
      segments,
      components: outside(components),
      originOf,
      reclaim,
    });
    this.#clock = clock;
    this.#pool = pool;
    this.#hooks = hooks;
    this.#components = outside(components);
    this.#observer = observer;
    this.#turns = observer && new Turns(observer, () => clock.now());
    // A bootstrap waits for nobody.
    if (options.program.seats.some(isBootstrap)) queueMicrotask(() => this.#drain());
  }

  get openFlows(): number {
    return this.#node.openFlows;
  }

  /** What the node holds. */
  get usage(): Usage {
    return this.#node.usage;
  }

  /** What its network has done, if it is an adaptive one. */
  get network(): NetworkCounters | undefined {
    return this.#node.network;
  }

  /** What its flows wait for, as of now. */
  get waiting(): readonly WaitReport[] {
    return reportsOf(this.#node.peer, this.#node.waiting, this.#clock.now());
  }

  /** Copies of what is committed, by key of the state variable. */
  get state(): DataValues {
    return Object.fromEntries([...this.#node.state].map(([key, value]) => [key, packed(value)]));
  }

  /** May be called from within a hook: the node then gets to it as soon as it has told what it is telling. */
  handle(input: DurableInput): void {
    if (this.#isOver) return;
    if (input.type === 'invoke') this.calls.call();
    this.#take(this.#clock.now(), input);
    this.#drain();
  }

  /** Lets a node that was revived go on. */
  start(): void {
    if (this.#durability !== undefined) this.#drain();
  }

  /** Cancels what is open, unless it goes on later; the node takes nothing new. */
  close(): void {
    if (this.#durability === undefined) this.handle({ type: 'shutdown' });
    else this.#isOver = true;
    this.#stopTimer?.();
  }

  #take(now: number, input: DurableInput): void {
    // That a record is kept makes a turn of what waited for it, and none of its own.
    this.#turns?.begin(input.type === 'persisted' ? 'wake' : input.type);
    this.#driven.handle(now, input);
    this.#turns?.handled();
  }

  #drain(): void {
    if (this.#draining || this.#isOver) return;
    this.#draining = true;
    this.#turns?.begin('wake');
    try {
      for (;;) {
        const output = this.#driven.poll(this.#clock.now());
        if (output.type === 'idle') {
          this.#sleep(output.until);
          break;
        }
        if (output.type !== 'persist') this.#turns?.acted(output);
        this.#act(output);
      }
    } finally {
      this.#draining = false;
      this.#turns?.end();
    }
    this.#hooks.settled();
  }

  #act(output: Exclude<DurableOutput, { type: 'idle' }>): void {
    switch (output.type) {
      case 'persist': {
        const { record } = output;
        return this.#durability!.keep(record, output.bytes, () => this.handle({ type: 'persisted', record }));
      }
      case 'send':
        return this.#hooks.send(output);
      case 'work':
      case 'call':
        return void this.#work(output);
      case 'abort':
        // A backend cannot stop halfway; the node does not listen for the answer.
        return;
      case 'release':
        return this.#pool.give(output.buffer);
      case 'event':
        this.calls.note(output.event);
        if (output.event.kind === 'input-wanted') this.#giveSecrets(output.event);
        if (output.event.kind === 'flow-ended') this.#observer?.ended(output.event, this.#clock.now());
        return this.#hooks.event(output.event);
    }
  }

  #giveSecrets({ flow, inputs }: Extract<NodeEvent, { kind: 'input-wanted' }>): void {
    const secrets = secretsFor(flow, inputs, this.#secrets);
    if (secrets !== undefined) this.#take(this.#clock.now(), secrets);
  }

  #invocation(output: Request, answer: Input, beganNs: number, endedNs: number): Invocation {
    const failed = answer.type === 'failed' ? { failed: answer.message } : {};
    const common = { flow: output.flow, beganNs, endedNs, ...failed };
    if (output.type === 'work')
      return { ...common, op: output.segment, kind: 'segment', domain: DOMAIN.segment };
    const { component, method: op } = output;
    const { role } = this.#components[component]!;
    return { ...common, op, kind: 'component', domain: roleDomain(role), component };
  }

  async #work(output: Request): Promise<void> {
    const began = this.#clock.now();
    const answer = await this.#workbench.run(output);
    if (this.#isOver) return;
    const now = this.#clock.now();
    this.#observer?.invoked(this.#invocation(output, answer, began, now));
    this.#take(now, answer);
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
