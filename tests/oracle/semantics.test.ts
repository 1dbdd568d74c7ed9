// What a program means, from the author's module to values that come out: places, collect, state, missing.

import { afterAll, describe, expect, test } from 'vitest';
import {
  bool,
  broadcast,
  cohort,
  collect,
  float32,
  input,
  module,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain, truth } from '../support/deploy.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const server = peer('server');
const phones = cohort('phone');

describe('a cohort', () => {
  test('answers one place, row by row in member order', async () => {
    const mean = module('mean', () => {
      const w = input('w', float32, [2], { at: server });
      const x = input('x', float32, [2], { at: phones.each });
      const own = on(phones.each, () => broadcast(w, phones.each).add(x));
      const all = collect(own, { at: server });
      output('mean', all.values.reduceMean({ axes: [0], keepdims: 0 }));
      output('rows', all.values);
      output('senders', all.senders);
    });
    const running = await deploy(mean, topologyOf('server', 'phone*5'), backend);
    const x = Object.fromEntries([0, 1, 2, 3, 4].map((row) => [`phone/${row}`, floats(row, 10 * row)]));
    const { outputs, status } = await running.invoke({ w: floats(100, 200), x });
    expect(status).toBe('complete');
    expect(plain(outputs.mean)).toEqual([102, 220]);
    expect(plain(outputs.rows)).toEqual([100, 200, 101, 210, 102, 220, 103, 230, 104, 240]);
    await running.close();
  });
});

describe('state', () => {
  test('goes on from flow to flow, and an update sees what the flow before committed', async () => {
    const counter = module('counter', () => {
      const x = input('x', float32, [1], { at: server });
      const total = state('total', [0], { at: server });
      output(
        'total',
        total.update((before) => before.add(x)),
      );
    });
    const running = await deploy(counter, topologyOf('server'), backend);
    const totals = [];
    for (const step of [1, 2, 3])
      totals.push(plain((await running.invoke({ x: floats(step) })).outputs.total));
    expect(totals).toEqual([[1], [3], [6]]);
    // Flows that overlap take their turns.
    const together = await Promise.all([10, 20, 30].map((step) => running.invoke({ x: floats(step) })));
    expect(together.map(({ outputs }) => plain(outputs.total))).toEqual([[16], [36], [66]]);
    await running.close();
  });

  test('read after an assignment of the same flow is what was assigned; a declined one changes nothing', async () => {
    const gate = module('gate', () => {
      const x = input('x', float32, [1], { at: server });
      const keep = input('keep', bool, [], { at: server });
      const last = state('last', [7], { at: server });
      output('before', last.read().identity());
      last.assign(x.when(keep));
      output('after', last.read().identity());
    });
    const running = await deploy(gate, topologyOf('server'), backend);
    const run = async (x: number, keep: boolean) => {
      const { outputs } = await running.invoke({ x: floats(x), keep: truth(keep) });
      return [plain(outputs.before), plain(outputs.after)];
    };
    expect(await run(1, false)).toEqual([[7], [7]]);
    expect(await run(2, true)).toEqual([[7], [2]]);
    expect(await run(3, false)).toEqual([[2], [2]]);
    await running.close();
  });
});

describe('a missing value', () => {
  test('crosses with its reason, and can be asked about and replaced', async () => {
    const choice = module('choice', () => {
      const x = input('x', float32, [2], { at: phones.each });
      const loud = on(phones.each, () => x.reduceSum({ axes: [0], keepdims: 0 }).greater(0));
      const own = on(phones.each, () => x.when(loud).orElse(x.neg()));
      const all = collect(own, { at: server });
      const go = input('go', bool, [], { at: server });
      const first = on(server, () => all.values.reduceSum({ axes: [0], keepdims: 0 }).when(go));
      output('sum', first);
      output(
        'there',
        on(server, () => first.present()),
      );
      output(
        'else',
        on(server, () => first.orElse([5, 5])),
      );
    });
    const running = await deploy(choice, topologyOf('server', 'phone*2'), backend);
    const x = { 'phone/0': floats(1, 2), 'phone/1': floats(-3, -4) };
    const open = (await running.invoke({ x, go: truth(true) })).outputs;
    expect([plain(open.sum), plain(open.there), plain(open.else)]).toEqual([[4, 6], [1], [4, 6]]);
    const shut = (await running.invoke({ x, go: truth(false) })).outputs;
    expect([plain(shut.sum), plain(shut.there), plain(shut.else)]).toEqual(['declined', [0], [5, 5]]);
    await running.close();
  });
});
