// Codecs on crossings: what arrives is what the codec makes of the value by hand, wherever the members are.

import { describe, expect, test } from 'vitest';
import {
  type AnyShape,
  broadcast,
  cohort,
  collect,
  constant,
  entry,
  exchange,
  float32,
  gradient,
  input,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  scatter,
  state,
  type Use,
  type Value,
} from '../../dsl/index.ts';
import { mse } from '../../dsl/loss/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Components } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import {
  bfloat16Codec,
  float16Codec,
  int8Codec,
  productCodec,
  qsgdCodec,
  randomKCodec,
  signCodec,
  type TensorCodec,
  topKCodec,
} from '../../stdlib/codecs/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { compiled, deployWithPlan, floats, plain, recorded } from '../support/deploy.ts';
import { topologyIn } from '../support/simulated.ts';
import { requireAsPlanned } from '../support/traffic.ts';

const server = peer('server');
const phones = cohort('phone').each;
type Codec = string | Use;
const SIZE = 64;
const apart = topologyIn({ classes: { server: {}, phone: { count: 3 } } });

const usesOf = (codecs: readonly Codec[]): (() => Components) => {
  const slots = codecs.map((one) => {
    const options: Use = typeof one === 'string' ? { kind: one } : one;
    const name = `codec ${[options.kind, ...Object.entries(options).flatMap(([k, v]) => (k === 'kind' ? [] : `${k}=${v}`))].join(' ')}`;
    return { name, role: 'codec', component: name, options } as const;
  });
  return () => makersOf(slots);
};

async function run(
  source: Module,
  inputs: Readonly<Record<string, Tensor>>,
  codecs: readonly Codec[],
  topology = apart,
  entryName?: string,
) {
  const { plan, deployment } = await deployWithPlan(source, topology, cpuBackend(), {}, usesOf(codecs));
  try {
    const result = await deployment.invoke(inputs, entryName === undefined ? {} : { entry: entryName });
    const bytes = result.messages.reduce((sum, one) => sum + one.payloadBytes, 0);
    return { plan, result, bytes, of: (name: string) => plain(result.outputs[name]) as readonly number[] };
  } finally {
    await deployment.close();
  }
}

const through = (codec: TensorCodec, values: readonly number[]): readonly number[] => {
  const given = floats(...values);
  return plain(codec.decode(codec.encode(given), 'float32', given.dims)) as readonly number[];
};
const rowsOf = (values: readonly number[], length: number): (readonly number[])[] =>
  Array.from({ length: values.length / length }, (_, at) => values.slice(at * length, (at + 1) * length));

const values = Array.from({ length: SIZE }, (_, at) => Math.fround(Math.sin(at * 1.7) * (1 + at / 9)));

/** Different in each row. */
const threeRows = (dims: readonly number[], each: readonly number[] = values): Tensor => ({
  ...floats(...[0, 1, 2].flatMap((row) => each.map((one) => Math.fround(one * (row + 1))))),
  dims,
});

const kinds: readonly (readonly [Codec, TensorCodec, number])[] = [
  ['float16', float16Codec(), 2 * SIZE],
  ['int8', int8Codec(), SIZE + 8],
  [{ kind: 'int8', block: 16 }, int8Codec({ block: 16 }), SIZE + 32],
  ['bfloat16', bfloat16Codec(), 2 * SIZE],
  [{ kind: 'sign', block: 16 }, signCodec({ block: 16 }), SIZE / 8 + 16],
  [{ kind: 'top-k', share: 0.1 }, topKCodec({ share: 0.1 }), 4 * 6 + 4],
  ['product-quantised', productCodec(), 128 + SIZE / 4],
];

describe.each(kinds)('a crossing with the codec %j', (codec, byHand, size) => {
  test('a broadcast brings to the members what the codec makes of the value, in fewer bytes', async () => {
    const source = module('m', () => {
      const x = input('x', float32, [SIZE], { at: server });
      output('all', collect(broadcast(x, phones, { codec })).values);
    });
    const { of, bytes, plan, result } = await run(source, { x: floats(...values) }, [codec]);
    expect(rowsOf(of('all'), SIZE)).toEqual(Array(3).fill(through(byHand, values)));
    expect(bytes).toBe(3 * size + 3 * 4 * SIZE);
    expect(plan.edges.map(({ bytes: one, codec: name }) => [one, name === 'raw'])).toEqual([
      [size, false],
      [4 * SIZE, true],
    ]);
    expect(plan.estimate.bytes).toBe(bytes);
    requireAsPlanned(plan, result);
  });

  test('a collect stacks what it makes of each answer; whole numbers beside it are exact', async () => {
    const source = (used: { readonly codec?: Codec }) =>
      module('m', () => {
        const x = scatter(input('x', float32, [3, SIZE], { at: server }), phones);
        const own = on(phones, () => {
          const y = x.mul(1.5);
          return { y, n: y.size() };
        });
        const { y, n } = collect(
          own as { y: Value<'float32', [number], 'phone.each'>; n: Value<'int64', [], 'phone.each'> },
          used,
        );
        output('y', y);
        output('n', n);
      });
    const x = threeRows([3, SIZE]);
    const raw = await run(source({}), { x }, []);
    const coded = await run(source({ codec }), { x }, [codec]);
    const rows = rowsOf(raw.of('y'), SIZE);
    expect(new Set(rows.map(String)).size).toBe(3);
    expect(rowsOf(coded.of('y'), SIZE)).toEqual(rows.map((row) => through(byHand, row)));
    expect(coded.of('n').map(Number)).toEqual([SIZE, SIZE, SIZE]);
    expect(raw.bytes - coded.bytes).toBe(3 * (4 * SIZE - size));
  });

  test('a scatter encodes row by row', async () => {
    const source = module('m', () => {
      const x = input('x', float32, [3, SIZE], { at: server });
      output('all', collect(scatter(x, phones, { codec })).values);
    });
    const x = threeRows([3, SIZE]);
    const { of } = await run(source, { x }, [codec]);
    expect(rowsOf(of('all'), SIZE)).toEqual(
      rowsOf(plain(x) as readonly number[], SIZE).map((row) => through(byHand, row)),
    );
  });

  test.each([false, true])('the own value of an exchange passes it too (rows: %s)', async (rows) => {
    const source = (used: { readonly codec?: Codec }) =>
      module('m', () => {
        const x = scatter(input('x', float32, [3, 3, SIZE], { at: server }), phones);
        const all = on(phones, () => exchange(x.mul(1.5), { rows, ...used }).values);
        output('all', collect(all as Value<'float32', AnyShape, 'phone.each'>).values);
      });
    const x = threeRows(
      [3, 3, SIZE],
      [...values, ...values.map((one) => -one), ...values.map((one) => one / 3)],
    );
    const length = rows ? SIZE : 3 * SIZE;
    const raw = await run(source({}), { x }, []);
    const coded = await run(source({ codec }), { x }, [codec]);
    const expected = rowsOf(raw.of('all'), length).map((row) => through(byHand, row));
    expect(rowsOf(coded.of('all'), length)).toEqual(expected);
  });
});

test.each<readonly [Codec, TensorCodec]>([
  [{ kind: 'qsgd', seed: 3 }, qsgdCodec({ seed: 3 })],
  [{ kind: 'random-k', share: 0.25, unbiased: 'yes' }, randomKCodec({ share: 0.25, unbiased: 'yes' })],
])('with the codec %j each sender draws for itself, and every flow alike', async (codec, byHand) => {
  const source = module('m', () => {
    const x = input('x', float32, [SIZE], { at: phones });
    output('all', collect(x, { codec }).values);
  });
  const { deployment } = await deployWithPlan(source, apart, cpuBackend(), {}, usesOf([codec]));
  const given = floats(...values);
  const ids = ['phone/0', 'phone/1', 'phone/2'];
  const x = Object.fromEntries(ids.map((id) => [id, given]));
  const expected = ids.map((id) => plain(byHand.decode(byHand.encode(given, id), 'float32', [SIZE])));
  expect(new Set(expected.map(String)).size).toBe(3);
  for (let flow = 0; flow < 2; flow++) {
    const { outputs } = await deployment.invoke({ x });
    expect(rowsOf(plain(outputs.all) as readonly number[], SIZE)).toEqual(expected);
  }
  await deployment.close();
});

describe('a codec that the topology has for a link', () => {
  const linked = (codec: unknown) =>
    topologyIn({
      classes: { server: {}, phone: { count: 3 } },
      links: [{ between: ['phone', 'server'], latency: '1ms', codec }],
    });
  const source = (down: { readonly codec?: Codec } = {}, up: { readonly codec?: Codec } = {}) =>
    module('m', () => {
      const x = input('x', float32, [SIZE], { at: server });
      const here = down.codec === undefined ? x : broadcast(x, phones, down);
      const both = on(phones, () => ({ y: here.mul(1), n: here.size() }));
      const { y, n } = collect(
        both as { y: Value<'float32', [number], 'phone.each'>; n: Value<'int64', [], 'phone.each'> },
        up,
      );
      output('y', y);
      output('n', n);
    });
  const codecsOf = (codec: unknown, ...said: Parameters<typeof source>): readonly string[] =>
    compiled(recorded(source(...said)), linked(codec)).deployment!.edges.map(
      ({ from, value, codec: name }) => `${from.class} ${value}: ${name}`,
    );

  test('is that of real numbers both ways, or of one direction', () => {
    expect(codecsOf('int8')).toEqual(['server x: int8', 'phone mul: int8', 'phone size: raw']);
    expect(codecsOf({ up: 'top-k share=0.1' })).toEqual([
      'server x: raw',
      'phone mul: top-k share=0.1',
      'phone size: raw',
    ]);
    expect(codecsOf({ down: 'float16', up: 'raw' })).toEqual([
      'server x: float16',
      'phone mul: raw',
      'phone size: raw',
    ]);
  });

  test('gives way to what the module says, no codec too', () => {
    const down = { codec: 'raw' };
    expect(codecsOf('int8', down, { codec: 'float16' })).toEqual([
      'server x: raw',
      'phone mul: float16',
      'phone size: raw',
    ]);
  });

  test('has a slot in the programs at both ends, and does what it does where a module says it', async () => {
    const { plan, result, of, bytes } = await run(
      source(),
      { x: floats(...values) },
      [{ kind: 'top-k', share: 0.1 }],
      linked({ up: 'top-k share=0.1' }),
    );
    expect(rowsOf(of('y'), SIZE)).toEqual(Array(3).fill(through(topKCodec({ share: 0.1 }), values)));
    expect(bytes).toBe(3 * (4 * SIZE + 28 + 8));
    requireAsPlanned(plan, result);
    const { programs } = compiled(recorded(source()), linked({ up: 'top-k share=0.1' })).deployment!;
    for (const { slots } of programs)
      expect(slots).toContainEqual({
        name: 'codec top-k share=0.1',
        role: 'codec',
        component: 'codec top-k share=0.1',
        options: { kind: 'top-k', share: 0.1 },
      });
  });

  test.each([
    ['top-q', 'there is no kind top-q'],
    ['top-k share=2', 'share is 2, not a share above 0, at most 1'],
  ])('is refused where it is none: %s', (codec, reason) => {
    const slots = () => compiled(recorded(source()), linked(codec)).deployment!.programs[0]!.slots;
    expect(() => makersOf(slots())).toThrow(reason);
  });
});

test('what a codec cannot say is missing, and an event', async () => {
  const source = module('m', () => {
    const x = input('x', float32, [2], { at: server });
    output('all', collect(broadcast(x, phones, { codec: 'int8' })).values);
  });
  const events: string[] = [];
  const { deployment } = await deployWithPlan(
    source,
    apart,
    cpuBackend(),
    {
      onEvent: (peer, event) => event.kind === 'component-failed' && events.push(`${peer} ${event.message}`),
    },
    usesOf(['int8']),
  );
  const result = await deployment.invoke({ x: floats(1, Number.NaN) });
  await deployment.close();
  expect(result).toMatchObject({ status: 'failed', outputs: { all: { reason: 'failed', peer: 'server' } } });
  expect(events).toEqual(['server element 1 is NaN, which 8 bits cannot say']);
});

test('what crosses back for a gradient has the codec that was written, or that of the gradient', () => {
  const codecsOf = (options: Parameters<typeof broadcast>[2]): readonly string[] => {
    const source = module('m', () => {
      const w = input('w', float32, [4], { at: server });
      const x = input('x', float32, [4], { at: phones });
      const loss = on(phones, () => {
        const here = broadcast(w, phones, options);
        return here.mul(here).mul(x).reduceSum({ keepdims: 0 });
      });
      output('dw', gradient(loss, w));
    });
    return compiled(recorded(source), apart).deployment!.edges.map(({ kind, codec }) => `${kind} ${codec}`);
  };
  expect(codecsOf({ codec: 'int8' })).toEqual(['broadcast int8', 'collect int8']);
  expect(codecsOf({ codec: 'int8', gradient: { codec: { kind: 'int8', block: 2 } } })).toEqual([
    'broadcast int8',
    'collect int8 block=2',
  ]);
});

test('federated descent with codecs both ways learns what it learns without', async () => {
  const points = Array.from({ length: 24 }, (_, at) => [Math.sin(at * 2.1), Math.cos(at * at)]);
  const targets = points.map(([a, b]) => [2 * a! - b!]);
  const source = (up: { readonly codec?: Codec }, down: { readonly codec?: Codec }) =>
    module('m', () => {
      const w = state('w', constant([[0], [0]]), { at: server });
      const x = on(server, () => constant(points).reshape([3, 8, 2]));
      const t = on(server, () => constant(targets).reshape([3, 8, 1]));
      entry('round', server, { initial: { round: 0n } }, ({ round }) => {
        const before = w.read() as unknown as Value<'float32', [2, 1], 'server'>;
        const [mine, goal] = [scatter(x, phones), scatter(t, phones)];
        const slope = on(phones, () => {
          const here = broadcast(before, phones, down);
          return gradient(
            mse(mine.matmul(here) as never, goal as never) as never,
            { here } as never,
          ) as never;
        }) as { here: Value<'float32', [2, 1], 'phone.each'> };
        const mean = collect(slope.here, up).values.reduceMean({ axes: [0n], keepdims: 0 });
        const after = before.sub(mean.mul(0.4) as unknown as typeof before);
        w.assign(after as never);
        output('w', after);
        next('round', { round: round.add(1n) }).when(round.less(39n));
      });
    });
  const learned = async (up: object, down: object, codecs: readonly Codec[]) => {
    const { result, of } = await run(source(up, down), {}, codecs, apart, 'round');
    expect(result).toMatchObject({ status: 'complete', step: 39 });
    return of('w');
  };
  const exact = await learned({}, {}, []);
  const coded = await learned({ codec: 'int8' }, { codec: 'float16' }, ['int8', 'float16']);
  expect(coded).not.toEqual(exact);
  for (const [at, wanted] of [2, -1].entries()) {
    expect(exact[at]).toBeCloseTo(wanted, 2);
    expect(coded[at]).toBeCloseTo(wanted, 2);
  }
});

test('a codec is a word with settings of one word each', () => {
  const source = module('m', () => {
    const x = input('x', float32, [4], { at: server });
    output('all', collect(broadcast(x, phones, { codec: { kind: 'int8', block: 'a b' } })).values);
  });
  expect(() => recorded(source)).toThrow('BB308');
});
