// Delta: only how a value changed crosses, and whoever lacks what it is a change of gets the whole.

import { describe, expect, test } from 'vitest';
import { faultPlan } from '../../cli/sim/faults.ts';
import {
  type AnyShape,
  cohort,
  collect,
  constant,
  entry,
  module,
  next,
  on,
  output,
  peer,
  state,
  type Value,
} from '../../dsl/index.ts';
import { unpackStrings } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { SimulatedDeployment, scheduleFaults } from '../../runtime/host/sim/index.ts';
import type { Components } from '../../runtime/index.ts';
import { delta } from '../../stdlib/codecs/graph.ts';
import { makersOf } from '../../stdlib/components.ts';
import { compiled, plain, recorded } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const server = peer('server');
const phones = cohort('phone');
const SIZE = 1000;
const ROUNDS = 30;
type Row = Value<'float32', AnyShape, 'phone.each'>;

/** Weights that move a little each round; what each phone has of them comes back exactly. */
const source = module('moving', () => {
  const start = Float32Array.from({ length: SIZE }, (_, at) => Math.sin(at));
  const w = state('w', constant(start, 'float32', [SIZE]), { at: server });
  const b = state('b', constant([0, -0, 7]), { at: server });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const step = round.cast({ to: 'float32' });
    const values = on(server, () => ({
      w: w.update((one) => one.add(one.add(step).sin().mul(0.01))),
      b: b.update((one) => one.add(step.mul(0.1))),
    })) as Readonly<Record<'w' | 'b', Value<'float32', AnyShape, 'server'>>>;
    const here = delta('model', values, { from: server, to: phones, codec: 'int8', within: '200ms' });
    const back = on(phones.each, () => ({ w: here.w.mul(1), b: here.b.mul(1) })) as Record<'w' | 'b', Row>;
    const got = collect(back, { atLeast: 0, within: '600ms', codec: 'raw' });
    output('w', got.w);
    output('b', got.b);
    output('senders', got.senders);
    output('exact', values.w);
    next('round', { round: round.add(1n) }).when(round.less(BigInt(ROUNDS - 1)));
  });
});

interface Round {
  readonly senders: readonly string[];
  readonly w: readonly (readonly number[])[];
  readonly b: readonly (readonly number[])[];
  readonly exact: readonly number[];
  readonly bytes: number;
}

const rowsOf = (values: unknown, size: number): (readonly number[])[] => {
  const all = values as readonly number[];
  return Array.from({ length: all.length / size }, (_, row) => all.slice(row * size, (row + 1) * size));
};
const roundOf = ({ outputs, messages }: FlowResult): Round => {
  const { bytes, dims } = outputs.senders as { bytes: Uint8Array; dims: readonly number[] };
  return {
    senders: unpackStrings(bytes, dims[0]!),
    w: rowsOf(plain(outputs.w), SIZE),
    b: rowsOf(plain(outputs.b), 3),
    exact: plain(outputs.exact) as readonly number[],
    // What comes back is as large in every round.
    bytes: messages.filter(({ from }) => from === 'server').reduce((sum, one) => sum + one.payloadBytes, 0),
  };
};

async function rounds(link: object, faults: readonly object[] = []): Promise<readonly Round[]> {
  const topology = topologyIn({
    classes: { server: {}, phone: { count: 3 } },
    links: [{ between: ['phone', 'server'], latency: '5ms', ...link }],
  });
  const { programs } = compiled(recorded(source), topology).deployment!;
  const made = await simulatedWorld(
    source,
    topology,
    { seed: 3n },
    (id): Components => makersOf(programs.find((one) => id.startsWith(one.class))!.slots!),
  );
  const deployment = new SimulatedDeployment(made.world);
  const plan = faultPlan(JSON.stringify({ version: 1, faults }), 'faults.json', [...made.world.peers.keys()]);
  scheduleFaults(made.world, plan, { lost: ({ id }) => deployment.lose(id) });
  const told: Round[] = [];
  await deployment.invoke({}, { entry: 'round', onFlow: (flow) => told.push(roundOf(flow)) });
  return told;
}

/** Everybody who has a value has the same, and it is as near as the codec says: to 8 bits of a step of 0.01. */
function requireAlike(told: readonly Round[]): void {
  for (const { w, b, exact } of told) {
    for (const one of w) expect(one).toEqual(w[0]);
    for (const one of b) expect(one).toEqual(b[0]);
    for (const [at, one] of (w[0] ?? []).entries()) expect(Math.abs(one - exact[at]!)).toBeLessThan(1e-3);
  }
}

describe('of weights that move a little each round', () => {
  test('whole values cross once, then changes, and what arrives is as exact as the codec is of a change', async () => {
    const told = await rounds({});
    expect(told).toHaveLength(ROUNDS);
    requireAlike(told);
    for (const { senders } of told) expect(senders).toHaveLength(3);
    const [first, ...others] = told.map(({ bytes }) => bytes);
    const change = 3 * (SIZE + 8 + 3 + 8 + 2 * 8);
    expect(first).toBe(change + 3 * 4 * (SIZE + 3));
    expect(new Set(others)).toEqual(new Set([change]));
    // Not the difference from what was sent, but from the exact value, would add up: 8 bits of 0.01 in each round.
    const off = Math.max(...told.at(-1)!.w[0]!.map((one, at) => Math.abs(one - told.at(-1)!.exact[at]!)));
    expect(off).toBeLessThan(0.03 / 255);
  });

  test('whoever loses messages misses rounds, but never has anything else than the others', async () => {
    const told = await rounds({ loss: 0.15 });
    expect(told).toHaveLength(ROUNDS);
    requireAlike(told);
    const counts = told.map(({ senders }) => senders.length);
    expect(Math.min(...counts)).toBeLessThan(3);
    expect(counts.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(ROUNDS);
    // Who missed one got the whole again: more often than at first.
    const whole = told.filter(({ bytes }) => bytes > 3 * (SIZE + 100)).length;
    expect(whole).toBeGreaterThan(3);
  });

  test('a phone that begins anew, and one that is away, go on with the others', async () => {
    const away = (who: string, at: string) => ({ kind: 'crash', who, at, for: '300ms', notice: '10ms' });
    const told = await rounds({}, [away('phone/0', '100ms'), away('phone/1', '200ms')]);
    requireAlike(told);
    expect(Math.min(...told.map(({ senders }) => senders.length))).toBe(1);
    expect(told.at(-1)!.senders).toHaveLength(3);
  });
});
