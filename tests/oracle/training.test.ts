// Training as part of a program: gradients recorded, differentiated before the cut, run by peers.

import { describe, expect, it, test } from 'vitest';
import { compile, passes } from '../../compiler/index.ts';
import {
  concat,
  constant,
  float32,
  gradient,
  input,
  module,
  on,
  output,
  peer,
  scan,
  state,
  type Value,
} from '../../dsl/index.ts';
import { adam, clipByGlobalNorm, momentum, read, train } from '../../dsl/optim/index.ts';
import { DOMAIN, type OpId, type Topology } from '../../ir/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, deploy, plain, recorded } from '../support/deploy.ts';

const [client, server] = [peer('client'), peer('server')];

/** A small network, its first layer on one peer and its second, with the labels, on another. */
const mlp = (first: typeof client | typeof server) =>
  module('mlp', () => {
    const x = input('x', float32, [4, 3], { at: first });
    const t = input('t', float32, [4, 2], { at: server });
    const numbers = (count: number, scale: number): Float32Array =>
      Float32Array.from({ length: count }, (_, at) => Math.sin(at + 1) * scale);
    const w1 = state('w1', constant(numbers(15, 0.5), 'float32', [3, 5]), { at: first });
    const b1 = state('b1', constant(numbers(5, 0.1), 'float32', [5]), { at: first });
    const w2 = state('w2', constant(numbers(10, 0.7), 'float32', [5, 2]), { at: server });
    const states = { w1, b1, w2 };
    const now = read(states);
    const h = on(first, () => x.matmul(now.w1).add(now.b1).tanh());
    const loss = on(server, () => {
      const error = h.matmul(now.w2).sub(t);
      return error.mul(error).reduceMean({ keepdims: 0 });
    });
    train(momentum({ lr: 0.1 }), states, clipByGlobalNorm(gradient(loss, now), 0.5));
    output('loss', loss);
  });

const batch = (step: number, count: number) => ({
  dtype: 'float32' as const,
  bytes: new Uint8Array(
    Float32Array.from({ length: count }, (_, at) => Math.cos(step * 7 + at * 1.3)).buffer,
  ),
});

async function losses(
  source: ReturnType<typeof mlp>,
  topology: Topology,
  backend: Parameters<typeof deploy>[2],
): Promise<number[]> {
  const deployment = await deploy(source, topology, backend);
  const found: number[] = [];
  for (let step = 0; step < 6; step++) {
    const { outputs } = await deployment.invoke({
      x: { ...batch(step % 2, 12), dims: [4, 3] },
      t: { ...batch((step % 2) + 5, 8), dims: [4, 2] },
    });
    found.push((plain(outputs.loss) as number[])[0]!);
  }
  await deployment.close();
  return found;
}

describe('split learning', () => {
  it.each([
    ['the CPU backend', () => cpuBackend()],
    ['ONNX Runtime', () => onnxRuntimeBackend({ optimization: 'disabled' })],
  ])('gives the losses of training on one peer, on %s', async (_, backend) => {
    const whole = await losses(mlp(server), topologyOf('server'), backend());
    const split = await losses(mlp(client), topologyOf('client', 'server'), backend());
    expect(split).toEqual(whole);
    expect(whole.at(-1)).toBeLessThan(0.7 * whole[0]!);
  });
});

test('a cut that the compiler chooses keeps the way back of each layer on the peer of its way forth', () => {
  const deep = module('deep', () => {
    const x = input('x', float32, [2, 4]);
    const weight = (name: string) => input(name, float32, [4, 4]);
    const ws = ['w1', 'w2', 'w3', 'w4'].map(weight);
    const y = ws.reduce((h, w, at) => module(`layer${at}`, () => h.matmul(w).tanh())(), x.abs());
    const loss = y.reduceMean({ keepdims: 0 });
    const gradients = gradient(loss, ws);
    output('loss', loss);
    for (const [at, g] of gradients.entries()) output(`new${at}`, ws[at]!.sub(g));
  });
  const { placement, model, forwardOf } = compile(recorded(deep), {
    topology: topologyOf('a', 'b'),
    passes: passes.slice(0, passes.findIndex(({ name }) => name === 'place') + 1),
  }).compilation;
  const classOf = (op: OpId): string => placement!.ops[op]!.class;
  const forward = [...model.opsOf()].filter(({ id }) => !forwardOf!.has(id));
  expect(new Set(forward.map(({ id }) => classOf(id)))).toEqual(new Set(['a', 'b']));
  for (const [op, of] of forwardOf!) if (placement!.ops[op]) expect(classOf(op)).toBe(classOf(of));
  const updates = forward.filter(({ type }) => type === 'Sub');
  const layers = forward.filter(({ type }) => type === 'MatMul');
  expect(updates.map(({ id }) => classOf(id))).toEqual(layers.map(({ id }) => classOf(id)));
});

/** Three optimiser steps over three batches: in one scan, or one after the other. */
const localSteps = (together: boolean) =>
  module('local', () => {
    const xs = input('x', float32, [3, 4, 3], { at: server });
    const ts = input('t', float32, [3, 4, 2], { at: server });
    const optimizer = adam({ lr: 0.05 });
    const start = constant(
      Float32Array.from({ length: 6 }, (_, at) => Math.sin(at)),
      'float32',
      [3, 2],
    );
    const slots = optimizer.slots(start);
    type Carried = { w: typeof start; mean: typeof start; variance: typeof start; step: Value<'int64', []> };
    const update = (
      { w, mean, variance, step }: Carried,
      x: Value<'float32', [4, 3]>,
      t: Value<'float32', [4, 2]>,
    ) => {
      const error = x.matmul(w).sub(t);
      const loss = error.mul(error).reduceMean({ keepdims: 0 });
      const { param, slots } = optimizer.update({
        param: w,
        grad: gradient(loss, w),
        slots: { mean, variance },
        step,
      });
      return { w: param, ...slots, step: step.add(1n), loss };
    };
    const first = { w: start, ...slots, step: constant(0n) } as Carried;
    on(server, () => {
      if (together) {
        const { w, loss } = scan(first, { x: xs, t: ts }, (carried, { x, t }) => update(carried, x, t));
        output('w', w);
        output('losses', loss);
        return xs;
      }
      let now = first;
      const losses = [0, 1, 2].map((at) => {
        const row = (of: Value<'float32', [3, 4, number]>) => of.gather(constant(BigInt(at)), { axis: 0 });
        const { loss, ...next } = update(now, row(xs) as never, row(ts) as never);
        now = next as Carried;
        return loss.unsqueeze([0]);
      });
      output('w', now.w);
      output('losses', concat(losses, { axis: 0 }));
      return xs;
    });
  });

describe('local steps', () => {
  it.each([
    ['the CPU backend', () => cpuBackend()],
    ['ONNX Runtime', () => onnxRuntimeBackend({ optimization: 'disabled' })],
  ])('in one scan are those one after the other, in one call of the backend, on %s', async (_, open) => {
    const results = [];
    for (const together of [true, false]) {
      const backend = open();
      const deployment = await deploy(localSteps(together), topologyOf('server'), backend);
      const { outputs } = await deployment.invoke({
        x: { ...batch(1, 36), dims: [3, 4, 3] },
        t: { ...batch(2, 24), dims: [3, 4, 2] },
      });
      results.push([plain(outputs.losses), plain(outputs.w)]);
      await deployment.close();
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('are one segment, of one flow', () => {
    const [program] = compiled(recorded(localSteps(true)), topologyOf('server')).deployment!.programs;
    const ops = [...program!.model.opsOf()].filter(({ domain }) => domain === DOMAIN.segment);
    expect(ops.length).toBe(1);
  });
});
