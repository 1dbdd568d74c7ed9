// What a node does first, and who waits for it.

import { expect, test } from 'vitest';
import {
  bootstrap,
  constant,
  entry,
  index,
  input,
  type Module,
  module,
  on,
  output,
  peer,
  protocol,
  state,
} from '../../dsl/index.ts';
import { isTensor, type Tensor } from '../../ir/index.ts';
import type { WorldOptions } from '../../runtime/host/sim/index.ts';
import type { ComponentContext, Components, Later, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { flatIndex } from '../../stdlib/indexes/index.ts';
import { plain } from '../support/deploy.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, client] = [peer('server'), peer('client')];
const scalar = (value: number): Tensor => ({
  dtype: 'int64',
  dims: [],
  bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
});

const number = (name: string) => ({ name, dtype: 'int64', shape: [] }) as const;
const registry = {
  methods: {
    /** Answers after a second, or not at all. */
    Join: { kind: 'ask', inputs: [number('of')], options: {}, outputs: [number('seat')] },
    Seat: { kind: 'query', inputs: [], options: {}, outputs: [number('seat')] },
  },
  events: {},
} as const;

class Registry implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = registry;
  readonly #answers: boolean;
  readonly joined: number[] = [];
  #asked: number | undefined;
  constructor(answers: boolean) {
    this.#answers = answers;
  }
  call({ method, inputs }: NodeCall, cx: ComponentContext): readonly Tensor[] | Later {
    if (method === 'Seat') return [scalar(this.joined.length)];
    const [of] = inputs;
    if (of === undefined || !isTensor(of)) throw new Error('no number');
    const later = cx.later();
    this.#asked = later.id;
    if (this.#answers) cx.wakeAt(cx.now + 1e9);
    return later;
  }
  wake(cx: ComponentContext): void {
    this.joined.push(cx.now);
    cx.answer(this.#asked!, [scalar(7)]);
  }
  save(): Uint8Array {
    return new Uint8Array([this.joined.length]);
  }
  restore([count = 0]: Uint8Array): void {
    this.joined.length = count;
  }
}

const joining = module('joining', () => {
  const club = protocol('club', registry, { at: server });
  const seat = state('seat', constant(0n), { at: server });
  bootstrap('join', server, () => {
    seat.assign(club.join(constant(1n), { within: '5s' }));
  });
  entry('ask', client, {}, () => {
    const x = input('x', 'int64', [], { at: client });
    const there = on(server, () => club.seat().add(x));
    const mine = on(server, () => seat.read().add(x));
    output('there', there.orElse(constant(-1n)));
    output('mine', mine);
    output('why', there.reason());
    output('twice', x.add(x));
  });
});

const worldOf = (
  source: Module,
  components: () => Components,
  options: Partial<WorldOptions> = {},
): Promise<SimulatedWorld> =>
  simulatedWorld(source, topologyIn({ classes: { server: {}, client: {} } }), options, (id) =>
    id === 'server' ? components() : {},
  );

test('runs once when the node begins, and who touches what it touches waits', async () => {
  const made: Registry[] = [];
  const { deployment, world } = await worldOf(joining, () => ({
    club: () => {
      made.push(new Registry(true));
      return made.at(-1)!;
    },
  }));
  for (const step of [1, 2]) {
    const { outputs, status } = await deployment.invoke({ x: scalar(step) }, { entry: 'ask' });
    expect(status).toBe('complete');
    expect(['there', 'mine'].map((name) => plain(outputs[name]))).toEqual([[1 + step], [7 + step]]);
    expect(world.now).toBeGreaterThanOrEqual(1e9);
    expect(world.now).toBeLessThan(2e9);
  }
  expect(made.flatMap(({ joined }) => joined)).toHaveLength(1);
});

test('that fails is an event, and who asks what it touched hears so; the rest goes on', async () => {
  const { deployment, world } = await worldOf(joining, () => ({ club: () => new Registry(false) }));
  const failures: string[] = [];
  world.observers.push({
    output: (_, output) => {
      if (output.type === 'event' && output.event.kind === 'component-failed')
        failures.push(`${output.event.component}: ${output.event.message}`);
    },
  });
  const { outputs, causes, status } = await deployment.invoke({ x: scalar(1) }, { entry: 'ask' });
  expect(['there', 'mine', 'twice'].map((name) => plain(outputs[name]))).toEqual([[-1], [1], [2]]);
  expect(outputs.why).toMatchObject({ bytes: expect.anything() });
  expect(status).toBe('partial');
  expect(
    causes.some(
      ({ missing: { reason, detail } }) => reason === 'failed' && detail === 'bootstrap join has failed',
    ),
  ).toBe(true);
  expect(failures).toEqual([expect.stringMatching(/^club: its bootstrap join has failed: /)]);
  expect(world.now).toBeLessThan(6e9);
});

test('waits for, too, what another program of the node asks of the component', async () => {
  const shared = module('shared', () => {
    const club = protocol('club', registry, { at: server });
    const theirs = protocol('theirs', registry, { at: client, component: 'club' });
    bootstrap('join', server, () => {
      club.join(constant(1n), { within: '5s' });
    });
    entry('look', client, {}, () => {
      output('seat', theirs.seat());
    });
  });
  const topology = topologyIn({
    classes: { server: {}, client: {} },
    peers: { ann: { class: ['server', 'client'] } },
  });
  const { deployment } = await simulatedWorld(shared, topology, {}, () => ({
    club: () => new Registry(true),
  }));
  const { outputs } = await deployment.invoke({}, { entry: 'look' });
  expect(plain(outputs.seat)).toEqual([1]);
});

test('that a crash cuts short goes on where it was', async () => {
  const { deployment, world } = await worldOf(joining, () => ({ club: () => new Registry(true) }), {
    durable: true,
  });
  const own = world.peers.get('server')!;
  const result = deployment.invoke({ x: scalar(1) }, { entry: 'ask' });
  for (let event = 1; event < 12; event++) {
    await world.step();
    if (event % 3 !== 0) continue;
    world.stop(own);
    world.recover(own);
  }
  const { outputs } = await result;
  expect(['twice'].map((name) => plain(outputs[name]))).toEqual([[2]]);
  const later = await deployment.invoke({ x: scalar(1) }, { entry: 'ask' });
  expect(['there', 'mine'].map((name) => plain(later.outputs[name]))).toEqual([[2], [8]]);
});

test('is not run again by a node that comes back with what it had', async () => {
  const filling = module('filling', () => {
    const near = index('near', { at: server });
    bootstrap('fill', server, () => {
      near.add(
        constant([1n, 2n]),
        constant([
          [1, 2],
          [3, 4],
        ]),
      );
    });
    entry('count', server, {}, () => {
      output('size', near.size());
    });
  });
  const { deployment, world } = await worldOf(filling, () => ({ near: () => flatIndex({}) }), {
    durable: true,
  });
  const sizeOf = async (): Promise<unknown> =>
    plain((await deployment.invoke({}, { entry: 'count' })).outputs.size);
  expect(await sizeOf()).toEqual([2]);
  const own = world.peers.get('server')!;
  world.stop(own);
  world.recover(own);
  expect(await sizeOf()).toEqual([2]);
  // Without what it had, it does.
  world.stop(own);
  world.start(own);
  expect(await sizeOf()).toEqual([2]);
});
