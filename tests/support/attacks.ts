// A node under attack by one peer, while another one uses it: what it drops, what it holds, and whom it serves.

import { type DataValue, mapTensors } from '../../ir/data.ts';
import { keyOf, randomWords } from '../../ir/philox.ts';
import {
  adaptive,
  decodeProgram,
  edgeLimits,
  encodeFrame,
  type Input,
  isMissing,
  joinPieces,
  type LoadedBundle,
  Node,
  type NodeEvent,
  pieceBytes,
} from '../../runtime/index.ts';
import {
  call,
  DEPLOYMENT,
  edge,
  f32,
  makeBundle,
  numbers,
  type OpSpec,
  recv,
  send,
} from '../sim/programs.ts';

export const attacks = ['garbage', 'flood', 'largest', 'repeated', 'deaf'] as const;
export type Attack = (typeof attacks)[number];

export interface Outcome {
  /** Frames of the attacker, and bytes of them. */
  readonly frames: number;
  readonly bytes: number;
  /** What events tell of the attacker: one by one, counted in another, or frames while it was shut out. */
  readonly told: number;
  /** Flows of the node's own that wait for a peer from which nothing ever comes, and those of them whose end names it. */
  readonly asked: number;
  readonly named: number;
  /** Calls of the honest peer, and those that came out whole. */
  readonly calls: number;
  readonly answered: number;
  /** The most bytes that the node says it held. */
  readonly heldBytes: number;
  /** The most that the process's memory grew by, garbage not counted; 0 where nothing collects it. */
  readonly grownBytes: number;
}

const at = (seat: string, ...ops: readonly OpSpec[]): OpSpec[] => ops.map((op) => ({ ...op, seat }));

const members = { user: ['honest', 'mallory'], server: ['server'], oracle: ['deaf'] };
const edges = [
  edge(0, 'send', 'user', 'server', { from: { class: 'user', binder: 'me' } }),
  edge(1, 'send', 'server', 'user', { to: { class: 'user', binder: 'me' } }),
  edge(2, 'send', 'server', 'oracle'),
  edge(3, 'send', 'oracle', 'server'),
];
/** How long the server waits for the oracle. */
const ASK_NS = 5e8;
const user: LoadedBundle = makeBundle({
  class: 'user',
  members,
  edges,
  inputs: ['x'],
  outputs: ['y'],
  ops: [send(0, 'x'), recv(1, 'y')],
});
const server: LoadedBundle = makeBundle({
  class: 'server',
  members,
  edges,
  inputs: ['question'],
  outputs: ['answer'],
  entries: [
    { name: 'main', class: 'user' },
    { name: 'ask', class: 'server', seat: 'ask' },
  ],
  seats: [
    { name: 'main', entry: 'main', binder: 'single', inputs: [], outputs: [] },
    { name: 'ask', entry: 'ask', binder: 'single', inputs: ['question'], outputs: ['answer'] },
  ],
  ops: [
    ...at('main', recv(0, 'x'), call('echo', ['x'], ['y']), send(1, 'y')),
    ...at('ask', send(2, 'question'), recv(3, 'answer', ASK_NS)),
  ],
});

const STEP_NS = 1e6;
/** Frames between two questions: a few of them are open at a time. */
const ASK_EVERY = 50;
const ownCopy = (value: DataValue): DataValue =>
  mapTensors(value, (one) => ({ ...one, bytes: one.bytes.slice() }));

class Attacked {
  /** Whether work for mallory's flows ends. */
  servesMallory = false;
  readonly #server: Node;
  readonly #honest: Node;
  readonly #collect: (() => void) | undefined;
  readonly #base: number;
  #now = 1e9;
  #frames = 0;
  #bytes = 0;
  #told = 0;
  #asked = 0;
  #named = 0;
  #calls = 0;
  #answered = 0;
  #held = 0;
  #grown = 0;
  #flow = 0;
  #sequence = 0;

  constructor(withNetwork: boolean, collect: (() => void) | undefined) {
    const network = withNetwork ? adaptive({ frames: 32, frameBytes: 2 ** 20 }) : undefined;
    const made = (bundle: LoadedBundle, peer: string): Node =>
      new Node({ program: decodeProgram(bundle), peer, incarnation: 1, limits: edgeLimits, network });
    this.#server = made(server, 'server');
    this.#honest = made(user, 'honest');
    this.#collect = collect;
    this.#base = this.#memory();
  }

  #memory(): number {
    if (this.#collect === undefined) return 0;
    this.#collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }

  measure(): void {
    this.#grown = Math.max(this.#grown, this.#memory() - this.#base);
  }

  #give(node: Node, input: Input): void {
    node.handle(this.#now, input);
    this.#drain(node);
  }

  #drain(node: Node): void {
    for (;;) {
      const output = node.poll(this.#now);
      this.#held = Math.max(this.#held, this.#server.usage.bytes);
      if (output.type === 'idle') return;
      if (output.type === 'event') this.#note(node, output.event);
      // What mallory gets she does not acknowledge, nor does the oracle; the work for her flows never ends.
      if (output.type === 'send' && output.to !== 'mallory' && output.to !== 'deaf') {
        const bytes = new Uint8Array(pieceBytes(output.pieces));
        joinPieces(output.pieces, bytes);
        const to = output.to === 'server' ? this.#server : this.#honest;
        this.#give(to, { type: 'frame', from: node.peer, bytes, owned: true });
      }
      if (output.type !== 'work') continue;
      const honest = output.flow.kind === 'initiated' && output.flow.initiator === 'honest';
      if (honest || this.servesMallory)
        this.#give(node, { type: 'done', work: output.work, outputs: output.inputs.map(ownCopy) });
    }
  }

  #note(node: Node, event: NodeEvent): void {
    if (event.kind === 'dropped' && event.from === 'mallory' && node === this.#server)
      this.#told += 1 + event.unreported;
    if (event.kind === 'flow-ended' && event.causes.some(({ missing }) => missing.peer === 'deaf'))
      this.#named++;
    if (event.kind === 'output' && !isMissing(event.value) && numbers(event.value)[0] === 7) this.#answered++;
  }

  strike(bytes: Uint8Array): void {
    this.#now += STEP_NS;
    this.#frames++;
    this.#bytes += bytes.length;
    this.#give(this.#server, { type: 'frame', from: 'mallory', bytes });
  }

  /** A frame as it should be, of a new flow unless it is said which. */
  frameOf(payload: Uint8Array, counter = ++this.#flow): Uint8Array {
    const flow = { initiated: { initiator: 'mallory', incarnation: 1, counter } };
    const fills = [{ edge: 0, dtype: 2, dims: [payload.length] }];
    const head = { deployment: DEPLOYMENT, sender: 'mallory', incarnation: 1, flow, fills };
    const link = { oldest: 1, windowBytes: 2 ** 30, probe: 0, echo: 0 };
    const pieces = encodeFrame({ ...head, sequence: ++this.#sequence, link }, [payload]);
    const bytes = new Uint8Array(pieceBytes(pieces));
    joinPieces(pieces, bytes);
    return bytes;
  }

  /** The honest peer calls, and must have its answer by and by. */
  use(): void {
    this.#calls++;
    this.#give(this.#honest, { type: 'invoke', entry: 'main', values: { x: f32(7, ...Array(255).fill(1)) } });
  }

  /** The server asks the oracle, which never says a word. */
  ask(): void {
    this.#asked++;
    this.#give(this.#server, {
      type: 'invoke',
      entry: 'ask',
      values: { question: f32(...Array(256).fill(1)) },
    });
  }

  /** Time passes for everyone, until nobody waits. */
  end(): Outcome {
    for (let round = 0; round < 400; round++) {
      this.#now += 0.25e9;
      this.#drain(this.#server);
      this.#drain(this.#honest);
    }
    const told = this.#told + (this.#server.network?.shut ?? 0);
    return {
      frames: this.#frames,
      bytes: this.#bytes,
      told,
      asked: this.#asked,
      named: this.#named,
      calls: this.#calls,
      answered: this.#answered,
      heldBytes: this.#held,
      grownBytes: this.#grown,
    };
  }
}

/** How much of each attack there is, in bytes; calls of the honest peer go on between. */
export interface Amount {
  readonly bytes: number;
  readonly calls: number;
}

export interface AttackOptions extends Amount {
  readonly attack: Attack;
  readonly network: boolean;
  /** Collects garbage, so that memory can be measured. */
  readonly collect?: (() => void) | undefined;
}

/** Frames of one attack, without end. */
function* framesOf(attack: Attack, on: Attacked): Generator<Uint8Array> {
  // Room for what is around the payload.
  const largest = new Uint8Array(edgeLimits.frameBytes - 1024).fill(9);
  const words = new Uint8Array(randomWords(keyOf(5n), 16_384).buffer);
  for (let at = 0; ; at++) {
    if (attack === 'garbage') yield words.subarray(0, 1 + ((at * 7919) % words.length));
    if (attack === 'flood') yield on.frameOf(largest.subarray(0, 1000));
    if (attack === 'deaf') yield on.frameOf(largest.subarray(0, 1000));
    if (attack === 'largest') yield on.frameOf(largest);
    if (attack === 'repeated') yield on.frameOf(largest, 1);
  }
}

export function underAttack({ attack, network, bytes, calls, collect }: AttackOptions): Outcome {
  const on = new Attacked(network, collect);
  on.servesMallory = attack === 'deaf';
  let done = 0;
  let [count, asked] = [0, 0];
  for (const frame of framesOf(attack, on)) {
    if (done >= bytes) break;
    on.strike(frame);
    done += frame.length;
    for (; asked < Math.floor((calls * done) / bytes) && asked < calls; asked++) on.use();
    if (attack === 'deaf' && count % ASK_EVERY === 0) on.ask();
    if (count++ % 64 === 0) on.measure();
  }
  on.measure();
  return on.end();
}
