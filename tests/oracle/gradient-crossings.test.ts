// Gradients over crossings: what was broadcast is collected and summed, what was collected is scattered.

import { afterAll, describe, expect, test } from 'vitest';
import { cohort, constant, float32, gradient, input, module, on, output, peer } from '../../dsl/index.ts';
import { CORE, DOMAIN } from '../../ir/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, deploy, floats, plain, recorded } from '../support/deploy.ts';

const backend = cpuBackend();
afterAll(() => backend.close());

const server = peer('server');
const phones = cohort('phone');
const topology = topologyOf('server', 'phone*3');
const w = floats(2, 3);
const x = { 'phone/0': floats(1, 2), 'phone/1': floats(3, 4), 'phone/2': floats(5, 6) };

const run = async (source: Parameters<typeof deploy>[0]) => {
  const running = await deploy(source, topology, backend);
  const { outputs, cohortOutputs } = await running.invoke({ w, x });
  await running.close();
  const of = ([name, byPeer]: [string, Readonly<Record<string, Parameters<typeof plain>[0]>>]) =>
    [name, Object.values(byPeer).map(plain)] as const;
  return {
    ...Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, plain(value)])),
    ...Object.fromEntries(Object.entries(cohortOutputs).map(of)),
  };
};

describe('a value of the server that members use', () => {
  test('gets the sum of what their losses give, in one message from each', async () => {
    const source = module('sum', () => {
      const own = input('w', float32, [2], { at: server });
      const data = input('x', float32, [2], { at: phones.each });
      // The loss of a phone is Σ w²x + w: 2wx + 1.
      const loss = on(phones.each, () => own.mul(own).mul(data).add(own).reduceSum({ keepdims: 0 }));
      output('dw', gradient(loss, own));
    });
    expect(await run(source)).toEqual({ dw: [2 * 2 * 9 + 3, 2 * 3 * 12 + 3] });
    const { edges } = compiled(recorded(source), topology).deployment!;
    expect(edges.map(({ kind }) => kind)).toEqual(['broadcast', 'collect']);
  });

  test('that reaches the loss over its own peer too gets both', async () => {
    const source = module('both', () => {
      const own = input('w', float32, [2], { at: server });
      const data = input('x', float32, [2], { at: phones.each });
      const parts = on(phones.each, () => own.mul(data)).collect({ at: server });
      const loss = on(server, () =>
        parts.values.reduceSum({ keepdims: 0 }).add(own.mul(own).reduceSum({ keepdims: 0 })),
      );
      output('dw', gradient(loss, own));
    });
    expect(await run(source)).toEqual({ dw: [9 + 4, 12 + 6] });
  });

  test('is collected with the policy written at the broadcast', async () => {
    const source = module('policy', () => {
      const own = input('w', float32, [2], { at: server });
      const data = input('x', float32, [2], { at: phones.each });
      const here = own.broadcast(phones.each, { gradient: { atLeast: 1, within: '20s' } });
      const loss = on(phones.each, () => {
        const some = data.when(data.reduceSum({ keepdims: 0 }).equal(7).not());
        return here.mul(some).reduceSum({ keepdims: 0 });
      });
      output('dw', gradient(loss, own));
    });
    expect(await run(source)).toEqual({ dw: [6, 8] });
    const { programs } = compiled(recorded(source), topology).deployment!;
    const collect = [...programs[0]!.model.opsOf()].find(({ type }) => type === 'Collect')!;
    expect(collect.attributes).toContainEqual({ name: 'at_least', kind: 'int', value: 1n });
    expect(collect.attributes).toContainEqual({ name: 'deadline_ns', kind: 'int', value: 20_000_000_000n });
  });
});

describe('what members sent to a collect', () => {
  test('gets back its row', async () => {
    const source = module('rows', () => {
      const own = input('w', float32, [2], { at: server });
      const data = input('x', float32, [2], { at: phones.each });
      const { values } = data.mul(data).collect({ at: server });
      const loss = on(server, () =>
        values
          .mul(own)
          .mul(constant([[1], [10], [100]]))
          .reduceSum({ keepdims: 0 }),
      );
      output('dx', gradient(loss, data));
    });
    // 2x · w · the row's weight.
    expect(await run(source)).toEqual({
      dx: [
        [4, 12],
        [120, 240],
        [2000, 3600],
      ],
    });
  });

  test('is missing at members that were missing there', async () => {
    const source = module('missing', () => {
      const own = input('w', float32, [2], { at: server });
      const data = input('x', float32, [2], { at: phones.each });
      const sent = on(phones.each, () => {
        const square = data.mul(data);
        return square.when(data.reduceSum({ keepdims: 0 }).equal(7).not());
      });
      const { values } = sent.collect({ at: server, atLeast: 1 });
      output(
        'dx',
        gradient(
          on(server, () => values.mul(own).reduceSum({ keepdims: 0 })),
          data,
        ),
      );
    });
    expect(await run(source)).toEqual({ dx: [[4, 12], 'declined', [20, 36]] });
  });
});

describe('rows for some members', () => {
  test.each([
    ['each gives back', 0, [104, 240]],
    ['that of who gives nothing back is zero', 11, [4, 24]],
  ])('%s', async (_, declining, dw) => {
    const source = module('some', () => {
      const own = input('w', float32, [2], { at: server });
      const data = input('x', float32, [2], { at: phones.each });
      const total = data.reduceSum({ keepdims: 0 });
      const some = on(phones.each, () => data.when(total.equal(7).not()));
      const { values, senders } = some.collect({ at: server, atLeast: 1 });
      const back = on(server, () => values.mul(own)).scatter(phones.each, { members: senders });
      // The loss of a phone is Σ (wx)²: 2wx² of those with a row.
      const loss = on(phones.each, () => {
        const mine = back.when(total.equal(declining).not());
        return mine.mul(mine).reduceSum({ keepdims: 0 });
      });
      output('dw', gradient(loss, own));
    });
    expect(await run(source)).toEqual({ dw });
  });
});

test('a gradient over a crossing has only ops that other programs have too', () => {
  const source = module('plain', () => {
    const own = input('w', float32, [2], { at: server });
    const data = input('x', float32, [2], { at: phones.each });
    output(
      'dw',
      gradient(
        on(phones.each, () => own.mul(data).reduceSum({ keepdims: 0 })),
        own,
      ),
    );
  });
  const { model } = compiled(recorded(source), topology);
  const core = [...model.opsOf()].filter(({ domain }) => domain === DOMAIN.core).map(({ type }) => type);
  expect(core).toEqual([CORE.collect]);
});
