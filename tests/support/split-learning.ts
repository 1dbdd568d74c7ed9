// Split learning as in examples/07, with few and small layers: two peers in one queue of things to do, which can be looked
// at, copied and gone on with at any call of a node.

import { createHash } from 'node:crypto';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { constant, entry, gradient, module, next, on, output, peer } from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { linear, read, relu, sequential, states } from '../../dsl/nn/index.ts';
import { adam, train } from '../../dsl/optim/index.ts';
import type { DataValue, Tensor } from '../../ir/index.ts';
import { loadSegments, type Segments } from '../../runtime/host/segments.ts';
import {
  decodeProgram,
  joinPieces,
  Node,
  type NodeOptions,
  type Output,
  pieceBytes,
} from '../../runtime/index.ts';
import { decodeRecord, encodeRecord } from '../../runtime/journal/index.ts';
import { restoreNode, snapshotOf } from '../../runtime/snapshot/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { topologyOf } from './compile.ts';
import { compiled, recorded } from './deploy.ts';

const [client, server] = [peer('client'), peer('server')];
const first = sequential(['a', linear({ in: 6, out: 8 })], relu());
const rest = sequential(['b', linear({ in: 8, out: 8 })], relu(), ['out', linear({ in: 8, out: 3 })]);
const numbers = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.fround(Math.sin(1.7 * at)));

const learning = (steps: number) =>
  module('split-learning', () => {
    const images = constant(numbers(24), 'float32', [4, 6]);
    const labels = constant(BigInt64Array.from([0n, 1n, 2n, 1n]), 'int64', [4]);
    const held = {
      first: states(first.parameters, { at: client, seed: 7 }),
      rest: states(rest.parameters, { at: server, seed: 7 }),
    };
    entry('step', client, { initial: { step: 0n } }, ({ step }) => {
      const parameters = { first: read(held.first), rest: read(held.rest) };
      const features = first(parameters.first)(images.mul(step.add(1n).cast({ to: 'float32' }).cos()));
      const loss = on(server, () => crossEntropy(rest(parameters.rest)(features), labels));
      train(adam({ lr: 1e-2 }), held, gradient(loss, parameters));
      output('loss', loss);
      const done = step.add(1n);
      next('step', { step: done }).when(done.less(BigInt(steps)));
    });
  });

type Task =
  | { readonly kind: 'frame'; readonly from: string; readonly to: string; readonly bytes: Uint8Array }
  | { readonly kind: 'work'; readonly peer: string; readonly output: Extract<Output, { type: 'work' }> };

/** Where a run stands between two calls of its nodes. */
export interface Standing {
  readonly nodes: Readonly<Record<string, Node>>;
  readonly tasks: readonly Task[];
  /** Peers that are still to be polled. */
  readonly busy: readonly string[];
}

export class SplitLearning {
  readonly options: Readonly<Record<string, NodeOptions>>;
  readonly #segments: Readonly<Record<string, Segments>>;
  /** Results by what they were made from: runs that go on from many points do much the same. */
  readonly #results = new Map<string, Uint8Array>();

  private constructor(options: SplitLearning['options'], segments: Readonly<Record<string, Segments>>) {
    this.options = options;
    this.#segments = segments;
  }

  static async open(steps: number): Promise<SplitLearning> {
    const loaded = deploymentInMemory(compiled(recorded(learning(steps)), topologyOf('client', 'server')));
    const backend = cpuBackend();
    const peers = peersOf(loaded);
    const segments = peers.map(
      async ({ id, bundle }) => [id, await loadSegments(id, bundle, backend, { lane: 0 })] as const,
    );
    const options = peers.map(({ id, bundle }): [string, NodeOptions] => [
      id,
      { program: decodeProgram(bundle), peer: id, incarnation: 1, durable: true },
    ]);
    return new SplitLearning(Object.fromEntries(options), Object.fromEntries(await Promise.all(segments)));
  }

  begin(): Standing {
    const nodes = Object.fromEntries(Object.entries(this.options).map(([id, own]) => [id, new Node(own)]));
    nodes.client!.handle(0, { type: 'invoke', entry: 'step', values: {} });
    return { nodes, tasks: [], busy: ['client'] };
  }

  /** One call of a node; undefined: nothing is left to do. */
  async step({ nodes, tasks, busy }: Standing): Promise<Standing | undefined> {
    const [id] = busy;
    if (id !== undefined) {
      const output = nodes[id]!.poll(0);
      if (output.type === 'idle') return { nodes, tasks, busy: busy.slice(1) };
      const task = taskOf(id, output);
      return { nodes, tasks: task === undefined ? tasks : [...tasks, task], busy };
    }
    const [task, ...others] = tasks;
    if (task === undefined) return undefined;
    if (task.kind === 'frame') {
      nodes[task.to]!.handle(0, { type: 'frame', from: task.from, bytes: task.bytes });
      return { nodes, tasks: others, busy: [task.to] };
    }
    const { work, segment, inputs } = task.output;
    const outputs = await this.#run(task.peer, segment, inputs);
    nodes[task.peer]!.handle(0, { type: 'done', work, outputs });
    return { nodes, tasks: others, busy: [task.peer] };
  }

  async #run(id: string, segment: string, inputs: readonly DataValue[]): Promise<readonly DataValue[]> {
    const key = createHash('sha256')
      .update(encodeRecord([id, segment, inputs]))
      .digest('hex');
    const known = this.#results.get(key);
    if (known !== undefined) return decodeRecord(known) as readonly DataValue[];
    const outputs = await this.#segments[id]!.get(segment)!.run(inputs);
    this.#results.set(key, encodeRecord(outputs));
    return outputs;
  }

  /** The same standing, where a peer’s process is another one, made from a snapshot. */
  killed({ nodes, tasks, busy }: Standing, id: string): Standing {
    const copies = Object.entries(nodes).map(([one, node]): [string, Node] => [
      one,
      restoreNode(this.options[one]!, snapshotOf(node)),
    ]);
    const moved = Object.fromEntries(copies);
    moved[id]!.moved();
    // What it was asked to do is lost with it.
    const left = tasks.filter((task) => task.kind === 'frame' || task.peer !== id);
    return { nodes: moved, tasks: left, busy: [...new Set([...busy, id])] };
  }

  /** What is learnt when it has come to its end, as bytes. */
  async finish(from: Standing): Promise<string> {
    let standing = from;
    for (let next = await this.step(standing); next !== undefined; next = await this.step(standing))
      standing = next;
    return learnt(standing);
  }
}

function taskOf(from: string, output: Output): Task | undefined {
  if (output.type === 'work') return { kind: 'work', peer: from, output };
  if (output.type !== 'send') return undefined;
  const bytes = new Uint8Array(pieceBytes(output.pieces));
  joinPieces(output.pieces, bytes);
  return { kind: 'frame', from, to: output.to, bytes };
}

/** All parameters and the optimiser’s state, by peer and key. */
const learnt = ({ nodes }: Standing): string =>
  Object.entries(nodes)
    .flatMap(([id, { state }]) =>
      [...state].map(
        ([key, value]) => `${id} ${key} ${Buffer.from((value as Tensor).bytes).toString('hex')}`,
      ),
    )
    .sort()
    .join('\n');
