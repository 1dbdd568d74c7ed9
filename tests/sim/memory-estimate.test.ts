// What manifests say a program needs at most, against the most that its nodes held at once by their own account.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { faultPlan } from '../../cli/sim/faults.ts';
import {
  broadcast,
  cohort,
  collect,
  constant,
  emit,
  entry,
  exchange,
  float32,
  fold,
  input,
  int64,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import type { Slot, Tensor, Topology } from '../../ir/index.ts';
import { keyOf } from '../../ir/philox.ts';
import { flowKey } from '../../runtime/flow-id.ts';
import { Chance } from '../../runtime/host/sim/chance.ts';
import { type FaultPlan, scheduleFaults, type WorldOptions } from '../../runtime/host/sim/index.ts';
import { adaptive, Node } from '../../runtime/index.ts';
import { Leases } from '../../runtime/lease.ts';
import { makersOf } from '../../stdlib/components.ts';
import { compiled, floats, recorded } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const codecs = ['int8', 'float16'] as const;
const components = makersOf(
  codecs.map((kind): Slot => {
    const name = `codec ${kind}`;
    return { name, role: 'codec', component: name, options: { kind } };
  }),
);

/** The most bytes that each node held, looked at whenever it takes memory. */
const most = new WeakMap<Node, number>();
let running: Node | undefined;
function look(): void {
  if (running !== undefined) most.set(running, Math.max(most.get(running) ?? 0, running.usage.bytes));
}
beforeAll(() => {
  for (const name of ['handle', 'poll'] as const) {
    const original = Node.prototype[name] as (...given: unknown[]) => unknown;
    vi.spyOn(Node.prototype, name).mockImplementation(function (this: Node, ...given: unknown[]) {
      running = this;
      return original.apply(this, given) as never;
    });
  }
  for (const name of ['take', 'charge'] as const) {
    const original = Leases.prototype[name] as (...given: unknown[]) => unknown;
    vi.spyOn(Leases.prototype, name).mockImplementation(function (this: Leases, ...given: unknown[]) {
      const result = original.apply(this, given);
      look();
      return result as never;
    });
  }
});
afterAll(() => {
  vi.restoreAllMocks();
});

interface Found {
  readonly id: string;
  /** Bytes that the node held at most. */
  readonly most: number;
  /** Flows that it had open at once, at most. */
  readonly flows: number;
  readonly stateBytes: number;
  readonly activationBytes: number | null;
  readonly openBecause: string | undefined;
}

async function held(
  source: Module,
  topology: Topology,
  values: Readonly<Record<string, Tensor>>,
  {
    entryName,
    options,
    faults,
  }: {
    readonly entryName: string | undefined;
    readonly options: Partial<WorldOptions>;
    readonly faults?: FaultPlan | undefined;
  },
): Promise<readonly Found[]> {
  const { world, deployment } = await simulatedWorld(source, topology, options, () => components);
  if (faults !== undefined) scheduleFaults(world, faults, { lost: () => {} });
  const open = new Map<string, Set<string>>();
  const flows = new Map<string, number>();
  world.observers.push({
    output: ({ id }, one) => {
      if (one.type !== 'event') return;
      const mine = open.get(id) ?? new Set();
      open.set(id, mine);
      if (one.event.kind === 'flow-started') mine.add(flowKey(one.event.flow));
      if (one.event.kind === 'flow-ended') mine.delete(flowKey(one.event.flow));
      flows.set(id, Math.max(flows.get(id) ?? 0, mine.size));
    },
  });
  // A second time, since a state that was never assigned is a weight.
  for (let n = 0; n < 2; n++) {
    const { status } = await deployment.invoke(values, entryName === undefined ? {} : { entry: entryName });
    if (faults === undefined) expect(status).toBe('complete');
    await deployment.run(() => false);
  }
  const found = [...world.peers.values()].map(({ id, node, bundle }): Found => {
    const { stateBytes, activationBytes, openBecause } = bundle.manifest.memory;
    return {
      id,
      most: most.get(node!) ?? 0,
      flows: flows.get(id) ?? 0,
      stateBytes,
      activationBytes,
      openBecause,
    };
  });
  await deployment.close();
  return found;
}

const [server, helper] = [peer('server'), peer('helper')];
const phones = cohort('phone').each;

/** Values whose types do not matter to what is drawn. */
interface Loose {
  mul(x: number): Loose;
  add(x: number | bigint | Loose): Loose;
  less(x: bigint): Loose;
  reduceMean(options: object): Loose;
}
const loose = {
  on: on as unknown as (at: unknown, body: () => Loose) => Loose,
  broadcast: broadcast as unknown as (x: Loose, to: unknown, options: object) => Loose,
  collect: collect as unknown as (x: Loose, options: object) => { readonly values: Loose },
  fold: fold as unknown as (
    x: Loose,
    initial: { readonly sum: object },
    step: (before: { readonly sum: Loose }, answer: Loose) => { readonly sum: Loose },
    options: object,
  ) => { readonly sum: Loose },
  output: output as unknown as (name: string, x: Loose) => void,
  next: next as unknown as (name: string, given: object) => { when(condition: Loose): void },
};

const stageKinds = ['chain', 'helper', 'round', 'quorum', 'state', 'fold'] as const;

/** A module drawn from a seed: a value goes from stage to stage, once or in a session of a few flows. */
function drawn(seed: number) {
  const chance = new Chance(keyOf(BigInt(seed)));
  const pick = <T>(list: readonly T[]): T => list[chance.below(list.length)]!;
  const size = 1000 + chance.below(4000);
  const members = 2 + chance.below(7);
  const stages = Array.from({ length: 1 + chance.below(3) }, () => pick(stageKinds));
  const entryName = pick(['round', undefined]);

  const codec = (): object => (chance.happens(0.5) ? { codec: pick(codecs) } : {});
  const local = (x: Loose): Loose => {
    let y = x;
    for (let n = chance.below(2); n >= 0; n--) y = chance.happens(0.5) ? y.mul(0.5) : y.add(1);
    return y;
  };
  const through = (x: Loose, kind: (typeof stageKinds)[number], kept: Kept | undefined): Loose => {
    if (kind === 'chain') return loose.on(server, () => local(x));
    if (kind === 'state') return loose.on(server, () => kept!.update((before) => before.add(x)));
    if (kind === 'helper') {
      const there = loose.on(helper, () => local(x));
      return loose.on(server, () => (chance.happens(0.5) ? local(there) : there.add(x)));
    }
    const sent = loose.broadcast(x, phones, codec());
    const policy = kind === 'quorum' ? { enough: members - 1, atLeast: 1 } : {};
    const answer = loose.on(phones, () => local(sent));
    if (kind === 'fold') {
      const initial = { sum: constant(new Float32Array(size)) };
      const step = (before: { readonly sum: Loose }, one: Loose) => ({ sum: before.sum.add(one) });
      return loose.fold(answer, initial, step, { at: server, ...codec() }).sum;
    }
    const { values } = loose.collect(answer, { at: server, ...codec(), ...policy });
    return loose.on(server, () => values.reduceMean({ axes: [0], keepdims: 0 }));
  };
  const source = module('drawn', () => {
    const kept = stages.includes('state')
      ? (state('w', constant(new Float32Array(size)), { at: server }) as unknown as Kept)
      : undefined;
    const all = (x: Loose): Loose => stages.reduce((y, kind) => through(y, kind, kept), x);
    if (entryName === undefined) {
      const x = input('x', float32, [size], { at: server }) as unknown as Loose;
      loose.output(
        'y',
        loose.on(server, () => local(all(x))),
      );
    } else
      entry(
        entryName,
        server,
        { limit: 1, initial: { x: constant(new Float32Array(size)), n: 0n } },
        (given) => {
          const { x, n } = given as unknown as Record<'x' | 'n', Loose>;
          loose.next(entryName, { x: all(x), n: n.add(1n) }).when(n.less(3n));
        },
      );
  });
  const topology = topologyIn({ classes: { server: {}, helper: {}, phone: { count: members } } });
  const values: Record<string, Tensor> =
    entryName === undefined ? { x: floats(...new Array<number>(size).fill(1)) } : {};
  return { source, topology, values, entryName, told: `${stages.join(' ')}, ${entryName ?? 'once'}` };
}
interface Kept {
  update(change: (before: Loose) => Loose): Loose;
}

/** What manifests say, by class. */
function estimates(source: Module, topology: Topology) {
  const { bundles } = compiled(recorded(source), topology);
  return Object.fromEntries(bundles!.map(({ program, manifest }) => [program, manifest.memory]));
}

const SIZE = 4096;
const BYTES = 4 * SIZE;
const three = topologyIn({ classes: { server: {}, phone: { count: 3 } } });
const drop = faultPlan(
  JSON.stringify({
    version: 1,
    faults: [{ kind: 'link', loss: 0.2, duplicate: 0.3, reorder: { share: 0.3, by: '20ms' } }],
  }),
  'faults.json',
  ['server', 'helper', 'phone'],
);

describe('the memory estimate of a manifest', () => {
  test.each<readonly [string, Partial<WorldOptions>, boolean]>([
    ['a plain network', {}, false],
    ['an adaptive network', { network: adaptive() }, false],
    ['an adaptive network that loses, repeats and reorders frames', { network: adaptive() }, true],
  ])('is no less than what nodes hold, and of use: over %s', async (_, options, faulty) => {
    const shares: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const { source, topology, values, entryName, told } = drawn(seed);
      const found = await held(source, topology, values, {
        entryName,
        options: { ...options, seed: BigInt(seed) },
        faults: faulty ? drop : undefined,
      });
      for (const { id, most, flows, stateBytes, activationBytes, openBecause } of found) {
        const what = `seed ${seed}, ${told}: ${id} with ${flows} flows`;
        expect(openBecause, what).toBe(undefined);
        const one = stateBytes + activationBytes!;
        expect(most, what).toBeLessThanOrEqual(one + Math.max(0, flows - 1) * activationBytes!);
        expect(most, what).toBeGreaterThan(one / 4.5);
        shares.push(one / most);
      }
    }
    expect(shares.reduce((sum, one) => sum + one, 0) / shares.length).toBeLessThan(2.3);
  });

  const round = (options: object) =>
    module('round', () => {
      const x = input('x', float32, [SIZE], { at: server });
      const y = loose.on(phones, () => loose.broadcast(x as unknown as Loose, phones, {}).mul(2));
      const { values } = loose.collect(y, { at: server, ...options });
      loose.output(
        'y',
        loose.on(server, () => values.reduceMean({ axes: [0], keepdims: 0 })),
      );
    });

  test('counts the answers of a collect and what is stacked of them, as many as there can be', () => {
    const of = (options: object): number => estimates(round(options), three).server!.activationBytes!;
    // Three rows, the stack, and one frame that comes twice; frames are in buffers a little larger.
    expect(of({})).toBeGreaterThan((3 + 3 + 1) * BYTES);
    expect(of({})).toBeLessThan((3 + 3 + 1) * 1.5 * BYTES);
    expect(of({ enough: 2, atLeast: 1 })).toBeLessThan(of({}) - BYTES);
    // What a codec makes of a frame is held beside it.
    expect(of({ codec: 'float16' })).toBeGreaterThan(of({}) + BYTES);
  });

  test('of members that exchange values round after round holds, those that are ahead included', async () => {
    const source = module('gossip', () => {
      const x = state('x', constant(new Float32Array(SIZE)), { at: phones }) as unknown as Kept & {
        read(): Loose;
      };
      entry('round', phones, { initial: { n: 0n } }, ({ n }) => {
        const { values } = (exchange as unknown as typeof loose.collect)(x.read(), {});
        x.update((before) => before.add(values.reduceMean({ axes: [0], keepdims: 0 })));
        loose.next('round', { n: (n as unknown as Loose).add(1n) }).when((n as unknown as Loose).less(5n));
      });
    });
    const found = await held(source, three, {}, { entryName: 'round', options: { network: adaptive() } });
    for (const { most, flows, stateBytes, activationBytes } of found)
      expect(most).toBeLessThanOrEqual(stateBytes + flows * activationBytes!);
  });

  test('is the sum over entries, since each may have a flow', () => {
    const twice = module('twice', () => {
      for (const name of ['one', 'two'])
        entry(name, server, { initial: { x: constant(new Float32Array(SIZE)) } }, ({ x }) => {
          emit(name, on(server, () => (x as unknown as Loose).mul(2)) as never);
        });
    });
    const once = module('once', () => {
      entry('one', server, { initial: { x: constant(new Float32Array(SIZE)) } }, ({ x }) => {
        emit('one', on(server, () => (x as unknown as Loose).mul(2)) as never);
      });
    });
    const of = (source: Module) => estimates(source, three).server!.activationBytes!;
    expect(of(twice)).toBe(2 * of(once));
  });

  test('counts a state that peers have each of their own for each that starts flows', () => {
    const source = module('each', () => {
      entry('add', cohort('phone').me, { initial: { n: 0n } }, ({ n }) => {
        const sum = state('sum', constant(0n, int64), { at: server, perPeer: true }) as unknown as Kept;
        emit(
          'sum',
          loose.on(server, () => sum.update((before) => before.add(n as unknown as Loose))) as never,
        );
      });
    });
    expect(estimates(source, three).server!.stateBytes).toBe(3 * 8);
  });

  test('says why where nothing bounds what is held', () => {
    const open = module('open', () => {
      const x = input('x', float32, ['N', 3], { at: server });
      output(
        'y',
        on(server, () => x.exp()),
      );
    });
    expect(estimates(open, three).server).toMatchObject({
      activationBytes: null,
      openBecause: 'the size of x, float32[N, 3], is open',
    });
    const kept = module('kept', () => {
      entry('round', server, { initial: { x: constant(new Float32Array(SIZE)) } }, (given) => {
        const x = given.x as unknown as Loose;
        const y = loose.on(phones, () => loose.broadcast(x, phones, {}).mul(2));
        const { values } = loose.collect(y, { at: server, atLeast: 1, late: 'next' });
        const mean = loose.on(server, () => values.reduceMean({ axes: [0], keepdims: 0 }));
        loose.next('round', { x: mean }).when(constant(true) as unknown as Loose);
      });
    });
    const late = estimates(kept, three).server!;
    expect(late.activationBytes).toBe(null);
    expect(late.openBecause).toMatch(/keeps late answers for flows to come/);
  });
});
