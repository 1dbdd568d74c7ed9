// Secrets: random bits that the host of a peer draws.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { replayCommand } from '../../cli/commands/replay.ts';
import { sim } from '../../cli/commands/sim.ts';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  concat,
  emit,
  entry,
  input,
  int64,
  module,
  next,
  on,
  output,
  peer,
  secret,
  uint8,
  uint32,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { secretsFor } from '../../runtime/host/entropy.ts';
import { isSecret, startDeployment } from '../../runtime/host/index.ts';
import { decodeEvent, readSimulation } from '../../runtime/host/sim/record.ts';
import {
  decodeProgram,
  type Input,
  joinPieces,
  type LoadedBundle,
  Node,
  type Output,
  pieceBytes,
  type Value,
} from '../../runtime/index.ts';
import { DurableNode, decodeEntry, recovered, restoreNode, snapshotOf } from '../../runtime/recovery.ts';
import { bbcOf } from '../support/bbc.ts';
import { compiled, deploy, recorded } from '../support/deploy.ts';
import { cpu, simulatedWorld, topologyIn } from '../support/simulated.ts';
import { call, edge, makeBundle, recv, send } from './programs.ts';

const [server, heads, phones] = [peer('server'), cohort('head'), cohort('phone')];
const words = (value: Value | undefined): number[] => [
  ...new Uint32Array((value as Tensor).bytes.slice().buffer),
];
const phonesOf = (count: number) => topologyIn({ classes: { server: {}, phone: { count } } });

describe('a secret', () => {
  const ROUNDS = 3;
  /** What three phones and the server drew, flow after flow, as text. */
  const drawn = async (seed: bigint): Promise<readonly string[]> => {
    const program = module('m', () => {
      entry('round', server, { initial: { n: 0n } }, ({ n }) => {
        emit('own', secret(uint32, [4]).bitwiseNot());
        emit(
          'theirs',
          on(phones.each, () => secret(uint32, [4]).bitwiseNot()),
        );
        next('round', { n: n.add(1n) }).when(n.less(BigInt(ROUNDS - 1)));
      });
    });
    const { deployment } = await simulatedWorld(program, phonesOf(3), { seed });
    const found: string[] = [];
    await deployment.invoke(
      {},
      {
        entry: 'round',
        onFlow: ({ outputs, cohortOutputs, status }) => {
          expect(status).toBe('complete');
          found.push(
            ...[outputs.own, ...Object.values(cohortOutputs.theirs!)].map((one) => words(one).join()),
          );
        },
      },
    );
    return found;
  };

  test('is another in each flow, and at each member', async () => {
    const found = await drawn(1n);
    expect(found.length).toBe(ROUNDS * 4);
    expect(new Set(found).size).toBe(found.length);
  });

  test('is of a simulation’s seed', async () => {
    expect(await drawn(7n)).toEqual(await drawn(7n));
    expect(await drawn(8n)).not.toEqual(await drawn(7n));
  });

  test('is another for each head that a phone works for', async () => {
    const program = module('m', () => {
      const all = on(heads.each, () => phones.some(phones.view()));
      output('mask', on(all, () => secret(uint32, [4]).bitwiseNot()) as never);
      output('own', secret(uint32, [1], { at: server }).bitwiseNot());
    });
    const topology = topologyIn({ classes: { head: { count: 2 }, phone: { count: 2 }, server: {} } });
    const { deployment } = await simulatedWorld(program, topology);
    const { cohortOutputs, status } = await deployment.invoke({});
    expect(status).toBe('complete');
    expect(Object.keys(cohortOutputs.mask!).sort()).toEqual(
      [0, 1].flatMap((head) => [0, 1].map((phone) => `head/${head} phone/${phone}`)),
    );
    expect(new Set(Object.values(cohortOutputs.mask!).map((one) => words(one).join())).size).toBe(4);
  });

  test('is in no program: its manifest says that the host draws it', () => {
    const program = module('m', () => {
      const mask = secret(uint32, [4], { at: phones.each });
      output(
        'sent',
        on(phones.each, () => mask.bitwiseNot()),
      );
      output('own', secret(uint32, [1], { at: server }).bitwiseNot());
    });
    const { plan, bundles } = deploymentInMemory(compiled(recorded(program), phonesOf(2)));
    const { manifest, weights } = [...bundles.values()].find(({ manifest }) => manifest.class === 'phone')!;
    expect(manifest.inputs).toEqual([{ name: 'secret', dtype: 'uint32', shape: [4], entropy: true }]);
    expect(weights).toBe(undefined);
    expect(plan.inputs.map(isSecret)).toEqual([true, true]);
  });

  test('comes from the platform’s generator, however long it is', async () => {
    const LENGTH = 150_000;
    const program = module('m', () => output('bits', secret(uint8, [LENGTH], { at: server }).bitwiseNot()));
    const deployment = await deploy(program, topologyIn({ classes: { server: {} } }), cpu);
    const flows = await Promise.all([0, 1].map(() => deployment.invoke({})));
    await deployment.close();
    const counts = flows.map(({ outputs }) => {
      const count = new Uint32Array(256);
      for (const byte of (outputs.bits as Tensor).bytes) count[byte]!++;
      return count;
    });
    // Each value 586 times or so; six standard deviations.
    for (const count of counts)
      for (const one of count) expect(Math.abs(one - LENGTH / 256)).toBeLessThan(146);
    expect(counts[0]).not.toEqual(counts[1]);
  });

  test('may come from a generator of the host’s own', async () => {
    const program = module('m', () => output('bits', secret(int64, [2], { at: server }).bitwiseNot()));
    const loaded = deploymentInMemory(compiled(recorded(program), topologyIn({ classes: { server: {} } })));
    const entropy = (bytes: Uint8Array): void => void bytes.fill(0xf0);
    const deployment = await startDeployment({ peers: peersOf(loaded), backend: cpu, entropy });
    const { outputs } = await deployment.invoke({});
    await deployment.close();
    expect([...(outputs.bits as Tensor).bytes]).toEqual(Array(16).fill(0x0f));
  });

  test('is given by nobody', async () => {
    const program = module('m', () => {
      const x = input('x', uint32, [2], { at: server });
      output('y', x.add(secret(uint32, [2], { at: server })));
    });
    const { deployment } = await simulatedWorld(program, topologyIn({ classes: { server: {} } }));
    const value: Tensor = { dtype: 'uint32', dims: [2], bytes: new Uint8Array(8) };
    await expect(deployment.invoke({ x: value, secret: value })).rejects.toThrow('BB705');
    expect((await deployment.invoke({ x: value })).status).toBe('complete');
  });

  test('of a type whose bits are not all values, or longer than a call may be, is missing and says so', () => {
    const around = { peer: 'a', invokeBytes: 100, draw: (bytes: Uint8Array) => void bytes.fill(1) };
    const flow = { kind: 'joint', class: 'a', view: 0, n: 1 } as const;
    const drawn = secretsFor(
      flow,
      [
        { name: 'good', dtype: 'int16', shape: [3], entropy: true },
        { name: 'float', dtype: 'float32', shape: [3], entropy: true },
        { name: 'truth', dtype: 'bool', shape: [3], entropy: true },
        { name: 'open', dtype: 'uint8', shape: ['N'], entropy: true },
        { name: 'long', dtype: 'uint8', shape: [101], entropy: true },
        { name: 'given', dtype: 'uint8', shape: [1] },
      ],
      around,
    );
    const { good, ...others } = drawn!.values;
    expect(good).toEqual({ dtype: 'int16', dims: [3], bytes: new Uint8Array(6).fill(1) });
    expect(
      Object.entries(others).map(([name, value]) => [name, (value as { detail: string }).detail]),
    ).toEqual([
      ['float', 'no host draws a secret that is float32[3]'],
      ['truth', 'no host draws a secret that is bool[3]'],
      ['open', 'no host draws a secret that is uint8[N]'],
      ['long', 'no host draws a secret that is uint8[101]'],
    ]);
    expect(secretsFor(flow, [{ name: 'given', dtype: 'uint8', shape: [1] }], around)).toBe(undefined);
  });
});

// --- a crash ---------------------------------------------------------------------------------------------

/** a sends its secret to b, which sends it back; z is what came back, less the secret. */
const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b'), edge(1, 'send', 'b', 'a')];
const plain = makeBundle({
  class: 'a',
  members,
  edges,
  inputs: ['k', 'x'],
  outputs: ['z'],
  ops: [send(0, 'k'), recv(1, 'y'), call('minus', ['y', 'k', 'x'], ['z'])],
});
const { manifest } = plain;
const ofA: LoadedBundle = {
  ...plain,
  manifest: {
    ...manifest,
    inputs: [{ name: 'k', dtype: 'uint32', shape: [1], entropy: true }, manifest.inputs[1]!],
  },
};
const ofB = makeBundle({ class: 'b', members, edges, ops: [recv(0, 'v'), send(1, 'v')] });

const uint = (value: number): Tensor => ({
  dtype: 'uint32',
  dims: [1],
  bytes: new Uint8Array(Uint32Array.of(value).buffer),
});

/** a and its disk, and b, which nothing happens to. Each step is one thing; a crash comes between two of them. */
class Course {
  readonly #program = { a: decodeProgram(ofA), b: decodeProgram(ofB) };
  readonly #b = new Node({ program: this.#program.b, peer: 'b', incarnation: 1 });
  readonly #snapshots: boolean;
  #a = new DurableNode(this.#fresh);
  #disk: Uint8Array[] = [];
  #snapshot: { readonly node: Uint8Array; readonly from: DurableNode<Node>['progress'] } | undefined;
  #steps: (() => void)[] = [];
  /** What b has sent: after a crash it sends all of it again. */
  readonly #sent: Uint8Array[] = [];
  /** No two are alike: whoever draws again is found out. */
  drawn = 0;
  /** Values of z. */
  readonly results: number[] = [];

  constructor(snapshots: boolean) {
    this.#snapshots = snapshots;
  }

  get #fresh(): Node {
    return new Node({ program: this.#program.a, peer: 'a', incarnation: 1, durable: true });
  }

  /** Goes on to the end; before step `crashAt` a's process is lost. Gives the number of steps. */
  run(crashAt = Number.POSITIVE_INFINITY): number {
    this.#give({ type: 'invoke', entry: 'main', values: {} });
    let steps = 0;
    for (; ; steps++) {
      if (steps === crashAt) this.#crash();
      const step = this.#steps.shift();
      if (step === undefined) return steps;
      step();
    }
  }

  #give(input: Input): void {
    this.#a.handle(0, input);
    this.#steps.unshift(() => this.#poll());
  }

  #poll(): void {
    const output = this.#a.poll(0);
    if (output.type === 'idle') return;
    this.#steps.unshift(() => this.#poll());
    if (output.type === 'persist') this.#steps.push(() => this.#keep(output));
    else this.#act(output);
  }

  #keep({ record, bytes }: { readonly record: number; readonly bytes: Uint8Array }): void {
    this.#disk.push(bytes);
    if (this.#snapshots && this.#a.progress.record === record) {
      this.#snapshot = { node: snapshotOf(this.#a.node), from: this.#a.progress };
      this.#disk = [];
      this.#a.snapshotTaken();
    }
    this.#a.handle(0, { type: 'persisted', record });
    this.#steps.unshift(() => this.#poll());
  }

  #act(output: Output): void {
    if (output.type === 'work') {
      const [y, k] = output.inputs.map((one) => words(one)[0]!);
      const { work } = output;
      this.#steps.push(() => this.#give({ type: 'done', work, outputs: [uint(y! - k!)] }));
    }
    if (output.type === 'send') this.#toB(output.pieces);
    if (output.type !== 'event') return;
    const { event } = output;
    if (event.kind === 'output') this.results.push(words(event.value)[0]!);
    if (event.kind !== 'input-wanted') return;
    const draw = (bytes: Uint8Array): void => void bytes.set(uint(++this.drawn).bytes);
    const secrets = secretsFor(event.flow, event.inputs, { peer: 'a', invokeBytes: 100, draw });
    // A host that has other things to do, too.
    if (secrets !== undefined) this.#steps.push(() => this.#give(secrets));
    if (!event.inputs.every(isSecret))
      this.#steps.push(() => this.#give({ type: 'supply', flow: event.flow, values: { x: uint(0) } }));
  }

  #toB(pieces: readonly Uint8Array[]): void {
    const bytes = new Uint8Array(pieceBytes(pieces));
    joinPieces(pieces, bytes);
    this.#b.handle(0, { type: 'frame', from: 'a', bytes });
    for (let output = this.#b.poll(0); output.type !== 'idle'; output = this.#b.poll(0)) {
      if (output.type !== 'send') continue;
      const answer = new Uint8Array(pieceBytes(output.pieces));
      joinPieces(output.pieces, answer);
      this.#sent.push(answer);
      this.#steps.push(() => this.#give({ type: 'frame', from: 'b', bytes: answer }));
    }
  }

  #crash(): void {
    const options = { program: this.#program.a, peer: 'a', incarnation: 1, durable: true };
    const node = this.#snapshot === undefined ? this.#fresh : restoreNode(options, this.#snapshot.node);
    const entries = this.#disk.map((bytes) => decodeEntry(bytes));
    this.#a = recovered(node, entries, this.#snapshot?.from);
    this.#steps = [() => this.#poll()];
    if (this.#snapshot === undefined && entries.length === 0)
      this.#give({ type: 'invoke', entry: 'main', values: {} });
    for (const bytes of this.#sent) this.#give({ type: 'frame', from: 'b', bytes });
  }
}

describe('after a crash', () => {
  test.each([
    ['its records', false],
    ['its last snapshot and the records since', true],
  ])('a flow goes on with the secret that it had, whenever it came: from %s', (_, snapshots) => {
    const whole = new Course(snapshots);
    const steps = whole.run();
    expect([steps > 15, whole.results, whole.drawn]).toEqual([true, [0], 1]);
    let again = 0;
    for (let at = 0; at < steps; at++) {
      const course = new Course(snapshots);
      course.run(at);
      expect([at, new Set(course.results)]).toEqual([at, new Set([0])]);
      again += course.drawn - 1;
    }
    // Of a secret that nothing had been done with there may be another.
    expect(again).toBeGreaterThan(0);
  });
});

// --- a record --------------------------------------------------------------------------------------------

const folder = mkdtempSync(path.join(tmpdir(), 'secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => path.join(folder, name);

test('a recorded simulation holds what secrets were, and a replay finds them again', async () => {
  writeFileSync(
    at('model.ts'),
    `import { cohort, collect, module, on, output, peer, secret, uint32 } from 'bytesandbrains';
const [server, phones] = [peer('server'), cohort('phone')];
export default module('masks', () => {
  const mask = secret(uint32, [2], { at: phones.each });
  const told = on(phones.each, () => mask.bitwiseNot().declassify('a test'));
  output('all', told.collect({ at: server, within: '5s' }).values);
});`,
  );
  const cpu = { backend: 'cpu' };
  writeFileSync(
    at('topology.json'),
    JSON.stringify({ version: 1, classes: { server: cpu, phone: { ...cpu, count: 3 } } }),
  );
  const bbc = bbcOf(sim, replayCommand);
  const args = ['-p', at('topology.json'), '--no-check', '--seed', '5', '--record', at('a.bbsim')];
  const simulated = await bbc('sim', at('model.ts'), ...args);
  expect([simulated.status, simulated.err]).toEqual([0, '']);
  const supplied = [...readSimulation(readFileSync(at('a.bbsim'))).events].flatMap((payload) => {
    const { input, peer } = decodeEvent(payload as Uint8Array);
    const { type, values } = Object(input);
    return type === 'supply' ? [[peer, words(values.mask).length] as const] : [];
  });
  expect(supplied.sort()).toEqual([0, 1, 2].map((phone) => [`phone/${phone}`, 2]));
  const { status, out } = await bbc('replay', at('a.bbsim'), '--no-check');
  expect([status, out]).toEqual([0, expect.stringMatching(/^\d+ events as recorded, /)]);
});

// --- what it is for --------------------------------------------------------------------------------------

describe('additive shares among phones', () => {
  const [PHONES, LENGTH] = [5, 8];
  /** Each phone deals its numbers to all as shares, of which every one but the last is random; each adds up what it got. */
  const program = module('sum-of-shares', () => {
    const x = input('x', uint32, [LENGTH], { at: phones.each, private: true });
    const random = secret(uint32, [PHONES - 1, LENGTH], { at: phones.each });
    const shares = on(phones.each, () => {
      const last = x.sub(random.reduceSum({ axes: [0], keepdims: false }));
      return concat([random, last.unsqueeze([0])], { axis: 0 }).declassify('fewer than all rows are uniform');
    });
    const dealt = shares.exchange({ rows: true, within: '5s' });
    const part = on(phones.each, () =>
      dealt.values.reduceSum({ axes: [0], keepdims: false }).declassify('a share of the sum, uniform'),
    );
    const parts = part.collect({ at: server, within: '5s' }).values;
    output('parts', parts);
    output(
      'sum',
      on(server, () => parts.reduceSum({ axes: [0], keepdims: false })),
    );
  });
  const given = Array.from({ length: PHONES }, (_, phone) =>
    Array.from({ length: LENGTH }, (_, at) => ((phone + 1) * 0x3355_7799 + at * 0x1234_5677) >>> 0),
  );
  const inputs = Object.fromEntries(
    given.map((row, phone): [string, Tensor] => [
      `phone/${phone}`,
      { dtype: 'uint32', dims: [LENGTH], bytes: new Uint8Array(Uint32Array.from(row).buffer) },
    ]),
  );
  const sum = Array.from({ length: LENGTH }, (_, at) =>
    given.reduce((total, row) => (total + row[at]!) >>> 0, 0),
  );

  test('give the server the sum, exactly, and nothing else that is the same in two flows', async () => {
    const { deployment } = await simulatedWorld(program, phonesOf(PHONES));
    const flows = [await deployment.invoke({ x: inputs }), await deployment.invoke({ x: inputs })];
    const parts = flows.map(({ outputs }) => words(outputs.parts));
    for (const { outputs, status } of flows) {
      expect(status).toBe('complete');
      expect(words(outputs.sum)).toEqual(sum);
    }
    const all = [...parts.flat(), ...given.flat()];
    expect(new Set(all).size).toBe(all.length);
    // Uniform bits: of 32 · 80 about half are ones; five standard deviations.
    const ones = parts
      .flat()
      .reduce((count, word) => count + [...word.toString(2)].filter((bit) => bit === '1').length, 0);
    expect(Math.abs(ones - 16 * 80)).toBeLessThan(127);
  });

  test('are no sum without all phones', async () => {
    const { deployment, world } = await simulatedWorld(program, phonesOf(PHONES));
    world.stop(world.peers.get('phone/2')!);
    const { outputs } = await deployment.invoke({ x: inputs });
    expect(outputs.sum).toMatchObject({ reason: expect.any(String) });
  });
});
