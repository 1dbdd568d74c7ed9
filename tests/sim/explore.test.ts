// Exploring: all orders in which a few frames may come, and all points at which a peer may crash.

import { expect, test } from 'vitest';
import {
  bootstrap,
  cohort,
  collect,
  constant,
  entry,
  float32,
  index,
  input,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  protocol,
  state,
} from '../../dsl/index.ts';
import type { ProtocolDeclaration, Tensor } from '../../ir/index.ts';
import type { ComponentContext, Later, NodeCall, NodeComponent } from '../../runtime/components/contract.ts';
import type { Components } from '../../runtime/index.ts';
import { flatIndex } from '../../stdlib/indexes/index.ts';
import { floats, truth } from '../support/deploy.ts';
import { explored } from '../support/exploring.ts';
import { topologyIn } from '../support/simulated.ts';

const two = topologyIn({ classes: { server: {}, worker: {} } });
const [server, worker] = [peer('server'), peer('worker')];

/** The server's total is read, grows at the worker, and is assigned when it is back: another flow may come between. */
const counting = (limit: number): Module =>
  module('counting', () => {
    const total = state('total', constant(0), { at: server });
    entry('main', server, { limit }, () => {
      const now = total.read();
      const more = on(worker, () => now.add(1));
      const back = on(server, () => more.mul(1));
      total.assign(back);
      output('seen', back);
    });
  });

test('a lost update is found: one flow reads before another has assigned', async () => {
  const { findings, whole, outcomes } = await explored(counting(2), two);
  expect(whole).toBe(true);
  expect(findings.map(({ kind }) => kind)).toEqual(['not-serializable']);
  expect(findings[0]!.what).toContain('total of server is 1');
  expect(findings[0]!.what).toContain('one after another they give total of server is 2');
  expect(findings[0]!.trace.length).toBeGreaterThan(3);
  expect(outcomes.serial).toBe(1);
});

test('no flow comes before a bootstrap, whenever its node crashes', async () => {
  const filled = module('filled', () => {
    const near = index('near', { at: server });
    bootstrap('fill', server, () => {
      near.add(constant([1n]), constant([[1, 2]]));
      near.add(constant([2n]), constant([[3, 4]]));
    });
    entry('main', worker, {}, () => {
      output(
        'size',
        on(server, () => near.size().when(constant(true))),
      );
    });
  });
  const components = (id: string): Components => (id === 'server' ? { near: () => flatIndex({}) } : {});
  for (const restart of ['fresh', 'restored'] as const) {
    const { findings, outcomes } = await explored(filled, two, { components, calls: 1, crashes: 1, restart });
    expect(findings).toEqual([]);
    expect(outcomes.serial).toBe(1);
  }
});

test('with one flow at a time nothing is lost', async () => {
  const { findings, whole } = await explored(counting(1), two);
  expect([findings, whole]).toEqual([[], true]);
});

test('an update in one fragment loses nothing, however flows overlap', async () => {
  const source = module('adding', () => {
    const total = state('total', constant(0), { at: server });
    entry('main', server, { limit: 3 }, () => {
      const one = on(worker, () => constant(1).add(0));
      total.update((before) => before.add(on(server, () => one.mul(1))));
    });
  });
  const { findings, whole, runs } = await explored(source, two, { calls: 3 });
  expect([findings, whole]).toEqual([[], true]);
  expect(runs).toBeGreaterThan(3);
});

const phones = cohort('phone');
const three = topologyIn({ classes: { server: {}, phone: { count: 2 } } });
/** So many rounds. */
const averaging = (rounds: bigint) =>
  module('averaging', () => {
    const total = state('total', constant(0), { at: server });
    const own = state('own', constant(1), { at: phones.each });
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const now = total.read();
      const answers = on(phones.each, () => ({ x: own.update((before) => before.add(1)).add(now) }));
      const { x } = collect(answers, { atLeast: 1, within: '1s' });
      const sum = total.update((before) => x.reduceSum({ keepdims: false }).orElse(before));
      output('sum', sum);
      next('round', { round: round.add(1n) }).when(round.less(rounds - 1n));
    });
  });

test('rounds of averaging come out the same in every order', async () => {
  const { findings, whole, runs } = await explored(averaging(1n), three, { calls: 1 });
  expect([findings, whole]).toEqual([[], true]);
  expect(runs).toBeGreaterThan(2);
});

test('a peer that crashes anywhere and begins anew leaves nothing open and breaks no rule', async () => {
  const { findings, whole, runs } = await explored(averaging(1n), three, { calls: 1, crashes: 1 });
  expect([findings, whole]).toEqual([[], true]);
  expect(runs).toBeGreaterThan(20);
});

test('a peer that crashes and comes back where it was loses nothing', async () => {
  const options = { calls: 1, crashes: 1, restart: 'restored', maxRuns: 150 } as const;
  const { findings, runs } = await explored(averaging(1n), three, options);
  expect(findings).toEqual([]);
  expect(runs).toBeGreaterThan(100);
});

const lock = {
  methods: {
    acquire: {
      kind: 'ask',
      inputs: [{ name: 'wanted', dtype: 'bool', shape: [] }],
      options: {},
      outputs: [{ name: 'held', dtype: 'bool', shape: [] }],
    },
    release: {
      kind: 'update',
      inputs: [{ name: 'done', dtype: 'bool', shape: [] }],
      options: {},
      outputs: [],
    },
  },
} as const satisfies ProtocolDeclaration;

/** Held by one who asked at a time; the others wait until it is given back. */
class Lock implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = lock;
  #held = false;
  readonly #waiting: number[] = [];

  call({ method }: NodeCall, cx: ComponentContext): readonly Tensor[] | Later {
    if (method === 'release') {
      const next = this.#waiting.shift();
      if (next === undefined) this.#held = false;
      else cx.answer(next, [truth(true)]);
      return [];
    }
    if (!this.#held) {
      this.#held = true;
      return [truth(true)];
    }
    const later = cx.later();
    this.#waiting.push(later.id);
    return later;
  }
}

/** Two entries that each take two locks: in one order, or each in an order of its own. */
const locking = (sameOrder: boolean): Module =>
  module('locking', () => {
    const a = protocol('a', lock, { at: server });
    const b = protocol('b', lock, { at: worker });
    const within = '5s';
    const first = (name: string): void => {
      const one = a.acquire(constant(true), { within });
      const two = on(worker, () => b.acquire(one, { within }));
      on(server, () => a.release(two));
      on(worker, () => b.release(two));
      output(name, two);
    };
    entry('forth', server, () => first('forth'));
    if (sameOrder) return entry('back', server, () => first('back'));
    entry('back', worker, () => {
      const one = b.acquire(constant(true), { within });
      const two = on(server, () => a.acquire(one, { within }));
      on(server, () => a.release(two));
      on(worker, () => b.release(two));
      output('back', two);
    });
  });

const components = (id: string): Components =>
  id === 'server' ? { a: () => new Lock() } : { b: () => new Lock() };

test('a deadlock is found: two flows that each hold what the other one waits for', async () => {
  const { findings } = await explored(locking(false), two, { calls: 1, components });
  const stuck = findings.filter(({ kind }) => kind === 'stuck');
  expect(stuck).not.toEqual([]);
  expect(stuck[0]!.what).toContain('until a deadline ends them');
  expect(stuck[0]!.what).toMatch(/flow server:1:1/);
  expect(stuck[0]!.what).toMatch(/flow worker:1:1/);
});

test('locks that all take in one order are no deadlock', async () => {
  const { findings, whole } = await explored(locking(true), two, { calls: 1, components });
  expect([findings, whole]).toEqual([[], true]);
});

test('values that go over two peers come out the same in every order', async () => {
  const source = module('chain', () => {
    const x = input('x', float32, [3], { at: worker });
    const h = on(worker, () => x.exp());
    output(
      'y',
      on(server, () => h.log()),
    );
  });
  const { findings, whole } = await explored(source, two, { calls: 3, values: { x: floats(1, 2, 3) } });
  expect([findings, whole]).toEqual([[], true]);
});
