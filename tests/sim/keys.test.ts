// Random keys while a program runs: what differs from flow to flow and from member to member, and what does not.

import { describe, expect, test } from 'vitest';
import {
  cohort,
  collect,
  emit,
  entry,
  float32,
  gradient,
  input,
  loop,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  recompute,
  state,
} from '../../dsl/index.ts';
import { bits, dropout, fixedKey, key, normal } from '../../dsl/random/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { keyOf, randomWords } from '../../ir/philox.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { Value } from '../../runtime/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { deploy, floats, recorded } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, heads, phones] = [peer('server'), cohort('head'), cohort('phone')];
const alone = topologyIn({ classes: { server: {} } });
const withPhones = topologyIn({ classes: { server: {}, phone: { count: 3 } } });

/** Pairs of words, each as text. */
const pairs = (value: Value | undefined): string[] => {
  const words = new Uint32Array((value as Tensor).bytes.slice().buffer);
  return Array.from({ length: words.length / 2 }, (_, at) => words.subarray(2 * at, 2 * at + 2).join());
};
const flowsOf = async (program: Module, topology: typeof alone): Promise<readonly FlowResult[]> => {
  const { deployment } = await simulatedWorld(program, topology);
  const flows: FlowResult[] = [];
  await deployment.invoke({}, { entry: 'round', onFlow: (flow) => flows.push(flow) });
  for (const { status } of flows) expect(status).toBe('complete');
  return flows;
};

// Called at no place, and outside of any recording.
const early = key(7);
const draws = module('draws', () => {
  entry('round', server, { initial: { n: 0n } }, ({ n }) => {
    const passed = key(7).fold('passed');
    const drawn = on(phones.each, () => ({
      own: bits(key(7), [2]),
      early: bits(early.fold('early'), [2]),
      folded: bits(early.fold(n).fold('folded'), [2]),
      passed: bits(passed, [2]),
      also: bits(passed.fold('also'), [2]),
      fixed: bits(fixedKey(7), [2]),
    }));
    for (const [name, value] of Object.entries(collect(drawn))) if (name in drawn) emit(name, value);
    emit('here', bits(early.fold('early'), [2]));
    next('round', { n: n.add(1n) }).when(n.less(1n));
  });
});

describe('a key of a seed', () => {
  test('is another one in each flow and at each member; passed on it draws alike', async () => {
    const [first, second] = await flowsOf(draws, withPhones);
    const at = (flow: FlowResult | undefined, name: string): string[] => pairs(flow!.outputs[name]);
    const own = ['own', 'early', 'folded', 'here'].flatMap((name) => [
      ...at(first, name),
      ...at(second, name),
    ]);
    expect(own.length).toBe(2 * (3 * 3 + 1));
    expect(new Set(own).size).toBe(own.length);
    const passed = ['passed', 'also'].flatMap((name) => [at(first, name), at(second, name)]);
    expect(passed.map((one) => new Set(one).size)).toEqual([1, 1, 1, 1]);
    expect(new Set([...passed.flat(), ...own]).size).toBe(4 + own.length);
  });

  test('is another one for each head that a phone works for', async () => {
    const program = module('m', () => {
      const all = on(heads.each, () => phones.some(phones.view()));
      output('words', on(all, () => bits(key(7), [2])) as never);
      output('here', bits(key(7), [2]).at(server));
    });
    const topology = topologyIn({ classes: { head: { count: 2 }, phone: { count: 2 }, server: {} } });
    const { deployment } = await simulatedWorld(program, topology);
    const { cohortOutputs } = await deployment.invoke({});
    const words = Object.values(cohortOutputs.words!).flatMap(pairs);
    expect([words.length, new Set(words).size]).toEqual([4, 4]);
  });

  test('draws the same bits on both backends, in a simulation and out of one', async () => {
    const program = module('m', () => output('x', normal(key(7).fold('x'), [64]).at(server)));
    const { deployment } = await simulatedWorld(program, alone);
    const simulated = await deployment.invoke({});
    const backend = onnxRuntimeBackend();
    const real = await deploy(program, alone, backend);
    const first = await real.invoke({});
    const second = await real.invoke({});
    await real.close();
    await backend.close();
    expect(first.outputs.x).toEqual(simulated.outputs.x);
    expect(second.outputs.x).not.toEqual(first.outputs.x);
  });

  test('is another one after its starter began anew', async () => {
    const program = module('m', () => output('x', bits(key(7), [2]).at(server)));
    const { deployment, world } = await simulatedWorld(program, alone);
    const before = await deployment.invoke({});
    const peerOf = world.peers.get('server')!;
    world.stop(peerOf);
    world.start(peerOf);
    const after = await deployment.invoke({});
    expect(pairs(after.outputs.x)).not.toEqual(pairs(before.outputs.x));
  });

  test('draws no value that a state starts as, since each flow would read another one', () => {
    const program = (from: typeof early) =>
      module('m', () => {
        const w = state('w', normal(from.fold('w'), [2]).mul(0.1), { at: server });
        output('w', w.read());
      });
    expect(() => recorded(program(early))).toThrow(/BB313.*take fixedKey/);
    expect(() => recorded(program(fixedKey(7)))).not.toThrow();
  });
});

describe('a key', () => {
  test('that is fixed is the same in every flow and at every member', async () => {
    const flows = await flowsOf(draws, withPhones);
    const expected = randomWords(keyOf(7n), 2).join();
    expect(flows.map(({ outputs }) => pairs(outputs.fixed))).toEqual(Array(2).fill(Array(3).fill(expected)));
  });
});

describe('dropout', () => {
  const numbers = (value: Value | undefined): number[] => [
    ...new Float32Array((value as Tensor).bytes.slice().buffer),
  ];
  test('drops in the gradient what it dropped before, also where that is computed again, and in a loop', async () => {
    const program = module('m', () => {
      const x = input('x', float32, [32], { at: server });
      const plain = dropout(x, key(7).fold('plain'), 0.5);
      const again = recompute('again', () => dropout(x, key(7).fold('again'), 0.5));
      const { y: looped } = loop({ y: x }, { count: 2 }, ({ y }) => ({
        y: dropout(y, key(7).fold('loop'), 0.5),
      }));
      for (const [name, y] of Object.entries({ plain, again, looped })) {
        output(name, y);
        output(`${name}Slope`, gradient(y.reduceSum({ keepdims: false }), x));
      }
    });
    const { deployment } = await simulatedWorld(program, alone);
    const x = { ...floats(...Array(32).fill(1)), dims: [32] };
    const flows = [await deployment.invoke({ x }), await deployment.invoke({ x })];
    for (const { outputs } of flows)
      for (const name of ['plain', 'again', 'looped']) {
        const dropped = numbers(outputs[name]);
        expect(new Set(dropped)).toEqual(new Set([0, name === 'looped' ? 4 : 2]));
        expect(numbers(outputs[`${name}Slope`])).toEqual(dropped);
      }
    expect(numbers(flows[0]!.outputs.plain)).not.toEqual(numbers(flows[1]!.outputs.plain));
  });
});
