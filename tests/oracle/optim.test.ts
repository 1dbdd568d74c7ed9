// Optimisers without a reference run, schedules and accumulation, against their formulas in double precision.

import { describe, expect, it } from 'vitest';
import { constant, float32, input, module, output, peer, state } from '../../dsl/index.ts';
import {
  accumulate,
  clipByGlobalNorm,
  constantRate,
  cosineDecay,
  exponentialDecay,
  lion,
  type Optimizer,
  rmsprop,
  type Schedule,
  sgd,
  stepDecay,
  train,
  warmup,
} from '../../dsl/optim/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain } from '../support/deploy.ts';

const server = peer('server');
const gradients = [1, -2, 0.5, 3, -0.25, 4];

/** The parameter after each gradient, from 1 on. */
async function trained(optimizer: Optimizer): Promise<number[]> {
  const source = module('m', () => {
    const g = input('g', float32, [1], { at: server });
    const w = state('w', constant([1]), { at: server });
    output('after', train(optimizer, w, g));
  });
  const deployment = await deploy(source, topologyOf('server'), cpuBackend());
  const found: number[] = [];
  for (const g of gradients)
    found.push((plain((await deployment.invoke({ g: floats(g) })).outputs.after) as number[])[0]!);
  await deployment.close();
  return found;
}

/** The same by a formula that gives the parameter from itself, the gradient and the number of updates before. */
function expected(formula: (w: number, g: number, step: number) => number): number[] {
  let w = 1;
  return gradients.map((g, step) => {
    w = formula(w, g, step);
    return w;
  });
}
const close = (found: readonly number[], wanted: readonly number[]): void =>
  found.forEach((one, at) => {
    expect(one).toBeCloseTo(wanted[at]!, 5);
  });

describe('optimisers', () => {
  it('divide by the root of a mean of squares: rmsprop', async () => {
    let mean = 0;
    const formula = (w: number, g: number): number => {
      mean = 0.9 * mean + 0.1 * g * g;
      return w - (0.1 * g) / (Math.sqrt(mean) + 1e-8);
    };
    close(await trained(rmsprop({ lr: 0.1, alpha: 0.9 })), expected(formula));
  });

  it('follow the sign of a mean, and shrink: lion', async () => {
    let kept = 0;
    const formula = (w: number, g: number): number => {
      const sign = Math.sign(0.9 * kept + 0.1 * g);
      kept = 0.99 * kept + 0.01 * g;
      return w * (1 - 0.1 * 0.01) - 0.1 * sign;
    };
    close(await trained(lion({ lr: 0.1, weightDecay: 0.01 })), expected(formula));
  });

  it('gather gradients, and use their mean', async () => {
    const found = await trained(accumulate(sgd({ lr: 0.1 }), 3));
    const [first, second] = [(1 - 2 + 0.5) / 3, (3 - 0.25 + 4) / 3];
    close(found, [1, 1, 1 - 0.1 * first, 1 - 0.1 * first, 1 - 0.1 * first, 1 - 0.1 * (first + second)]);
  });
});

describe('schedules', () => {
  it.each<[string, Schedule, (step: number) => number]>([
    ['constantRate', constantRate(0.2), () => 0.2],
    [
      'stepDecay',
      stepDecay({ rate: 0.4, every: 2, factor: 0.5 }),
      (step) => 0.4 * 0.5 ** Math.floor(step / 2),
    ],
    ['exponentialDecay', exponentialDecay({ rate: 0.4, factor: 0.5 }), (step) => 0.4 * 0.5 ** step],
    [
      'cosineDecay',
      cosineDecay({ rate: 0.4, steps: 4, least: 0.1 }),
      (step) => 0.1 + 0.15 * (1 + Math.cos((Math.PI * Math.min(step, 4)) / 4)),
    ],
    ['warmup', warmup({ steps: 4, rate: 0.4 }), (step) => 0.4 * Math.min(1, (step + 1) / 4)],
  ])('give the rate of each update: %s', async (_, schedule, rate) => {
    close(
      await trained(sgd({ lr: schedule })),
      expected((w, g, step) => w - rate(step) * g),
    );
  });
});

it('clipByGlobalNorm makes all gradients shorter by one factor, and only if they are too long', async () => {
  const source = module('m', () => {
    const a = input('a', float32, [1], { at: server });
    const b = input('b', float32, [1], { at: server });
    const clipped = clipByGlobalNorm({ a, b }, 1);
    output('ca', clipped.a);
    output('cb', clipped.b);
  });
  const deployment = await deploy(source, topologyOf('server'), cpuBackend());
  const clip = async (a: number, b: number): Promise<number[]> => {
    const { outputs } = await deployment.invoke({ a: floats(a), b: floats(b) });
    return [plain(outputs.ca), plain(outputs.cb)].flat() as number[];
  };
  close(await clip(3, 4), [0.6, 0.8]);
  close(await clip(0.3, 0.4), [0.3, 0.4]);
  await deployment.close();
});
