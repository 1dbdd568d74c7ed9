// An If whose branches have places of their own, cut inside: for both values of its condition the bits of the whole
// model, and nobody waits for the branch that is not taken.

import { afterAll, describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import {
  bool,
  entry,
  float32,
  ifElse,
  input,
  loop,
  module,
  next,
  on,
  output,
  peer,
  randomUniform,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { World } from '../sim/world.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, deploy, floats, plain, recorded, truth } from '../support/deploy.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const [phone, edge, server] = [peer('phone'), peer('edge'), peer('server')];
const peers = topologyOf('phone', 'edge', 'server');

/** x doubled on the edge and negated on the server, or only negated there. */
const chosen = module('chosen', () => {
  const x = input('x', float32, [2], { at: phone });
  const c = input('c', bool, [], { at: phone });
  const y = ifElse(
    c,
    () => {
      const doubled = on(edge, () => x.mul(2));
      return on(server, () => doubled.neg());
    },
    () => on(server, () => x.sub(1)),
  );
  output(
    'y',
    on(phone, () => y.add(0.5)),
  );
});

const map = (x: Tensor | undefined, f: (x: number) => number): readonly Tensor[] => [
  floats(...(plain(x) as readonly number[]).map(f)),
];
/** What the programs' segments compute. */
const segments = {
  segment_0: ([x]: readonly Tensor[], peer: string) =>
    peer === 'server'
      ? [truth(x!.bytes[0] === 0)]
      : map(x, peer === 'edge' ? (one) => one * 2 : (one) => one + 0.5),
  segment_1: ([x]: readonly Tensor[]) => map(x, (one) => one - 1),
  segment_2: ([x]: readonly Tensor[]) => map(x, (one) => -one),
};

describe('an If with places in its branches', () => {
  test.each([
    [true, [-1.5, -5.5]],
    [false, [0.5, 2.5]],
  ])('computes what it says where the condition is %s', async (condition, expected) => {
    const time = new VirtualTime();
    const running = await deploy(chosen, peers, time.over(backend), time);
    const { outputs, causes } = await time.until(running.invoke({ x: floats(1, 3), c: truth(condition) }));
    expect(plain(outputs.y)).toEqual(expected);
    expect(causes).toEqual([]);
    await running.close();
  });

  test('is done at once though nothing comes from a peer of the branch that is not taken', () => {
    const world = new World(
      Object.fromEntries(
        peersOf(deploymentInMemory(compiled(recorded(chosen), peers))).map(({ id, bundle }) => [id, bundle]),
      ),
      segments,
    );
    world.silent.add('edge');
    world.invoke('phone', { x: floats(1, 3), c: truth(false) });
    world.settle();
    expect(plain(world.output('phone', 'y'))).toEqual([0.5, 2.5]);
    expect(world.now).toBe(0);
  });

  test('is missing with the reason if the branch that is taken is', async () => {
    const time = new VirtualTime();
    const running = await deploy(chosen, peers, time.over(backend, { silent: [1] }), time);
    const { outputs } = await time.until(running.invoke({ x: floats(1, 3), c: truth(true) }));
    expect(plain(outputs.y)).toBe('timeout');
    await running.close();
  });

  test('sends its condition to every place that a branch touches', () => {
    const { deployment } = compiled(recorded(chosen), peers);
    const to = deployment!.edges.filter(({ value }) => value === 'c').map((one) => one.to.class);
    expect(to.sort()).toEqual(['edge', 'server']);
  });
});

test('what a branch makes from nothing is not taken for the result of the other', async () => {
  const drawn = module('drawn', () => {
    const x = input('x', float32, [2], { at: phone });
    const c = input('c', bool, [], { at: phone });
    const y = ifElse(
      c,
      () => on(server, () => randomUniform({ shape: [2], low: 5, high: 6 })),
      () => on(server, () => x.neg()),
    );
    output(
      'y',
      on(phone, () => y.mul(1)),
    );
  });
  const time = new VirtualTime();
  const running = await deploy(drawn, peers, time.over(backend), time);
  const { outputs } = await time.until(running.invoke({ x: floats(1, 3), c: truth(false) }));
  expect(plain(outputs.y)).toEqual([-1, -3]);
  await running.close();
});

test('in the rounds of an entry, each takes the branch of its condition', async () => {
  const source = module('rounds', () => {
    entry('round', server, { initial: { n: 0n } }, ({ n }) => {
      const even = n.mod(2n).equal(0n);
      const y = ifElse(
        even,
        () => on(edge, () => n.add(10n)),
        () => n.neg(),
      );
      output('y', y);
      next('round', { n: n.add(1n) }).when(n.less(3n));
    });
  });
  const deployment = await deploy(source, peers, backend);
  const found: unknown[] = [];
  await deployment.invoke(
    {},
    { entry: 'round', onFlow: ({ outputs, status }) => found.push(status, plain(outputs.y)) },
  );
  await deployment.close();
  expect(found).toEqual(['complete', [10], 'complete', [-1], 'complete', [12], 'complete', [-3]]);
});

test('an If without places inside stays whole', () => {
  const whole = module('whole', () => {
    const x = input('x', float32, [2], { at: phone });
    const c = input('c', bool, [], { at: phone });
    output(
      'y',
      on(server, () =>
        ifElse(
          c,
          () => x.mul(2),
          () => x.sub(1),
        ),
      ),
    );
  });
  const { model } = compiled(recorded(whole), peers);
  expect([...model.opsOf()].map(({ type }) => type)).toEqual(['If']);
});

test('places in the body of a loop are refused', () => {
  const looped = module('looped', () => {
    const x = input('x', float32, [2], { at: phone });
    output('y', loop({ sum: x }, { count: 3 }, ({ sum }) => ({ sum: on(server, () => sum.add(1)) })).sum);
  });
  expect(() => compiled(recorded(looped), peers)).toThrow(/BB508|runs on one peer/);
});

/** An If in a branch of another, each with places; the inner one reads values from outside both. */
const nested = module('nested', () => {
  const x = input('x', float32, [2], { at: phone });
  const [a, b] = [input('a', bool, [], { at: phone }), input('b', bool, [], { at: phone })];
  const y = ifElse(
    a,
    () => {
      const doubled = on(edge, () => x.mul(2));
      return ifElse(
        on(server, () => b.not()),
        () => on(server, () => doubled.add(x)),
        () => on(edge, () => doubled.sub(x).neg()),
      );
    },
    () => on(server, () => x.identity()),
  );
  output(
    'y',
    on(phone, () => y.mul(10)),
  );
});

test.each([
  [true, true, [-10, -30]],
  [true, false, [30, 90]],
  [false, true, [10, 30]],
  [false, false, [10, 30]],
])('an If in a branch is cut as well: a %s, b %s', async (a, b, expected) => {
  const time = new VirtualTime();
  const running = await deploy(nested, peers, time.over(backend), time);
  const inputs = { x: floats(1, 3), a: truth(a), b: truth(b) };
  const { outputs, causes } = await time.until(running.invoke(inputs));
  expect(plain(outputs.y)).toEqual(expected);
  expect(causes).toEqual([]);
  await running.close();
});
