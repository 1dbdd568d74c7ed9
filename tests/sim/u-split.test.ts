// Program 3 of the semantics: split learning in the shape of a U, pipelined.

import { describe, expect, test } from 'vitest';
import { peer } from '../../dsl/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { Components } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { plain } from '../support/deploy.ts';
import { explored } from '../support/exploring.ts';
import program, {
  BODY,
  FIRST,
  LAST,
  MICRO_BATCHES,
  SIZE,
  STEPS,
  topology,
  uSplit,
} from '../support/programs/u-split.ts';
import { CLIENTS, STEPS as COHORT_STEPS, POINTS, RATE, VALUES } from '../support/programs/u-split-cohort.ts';
import { statesOf, tensor, underChaos, worldOf } from '../support/programs-run.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const ROWS = STEPS * MICRO_BATCHES * SIZE;
const x = Array.from({ length: 2 * ROWS }, (_, at) => Math.sin(at * at + 0.3 * at));
const y = Array.from({ length: ROWS }, (_, at) => Math.tanh(x[2 * at]! - 0.5 * x[2 * at + 1]!));
const train = dataComponent(arrays({ x: tensor([ROWS, 2], x), y: tensor([ROWS, 1], y) }));
const components = (id: string): Components => (id === 'client' ? { train } : {});

/** What every segment takes. */
const COMPUTE_NS = 10e6;
const world = () => worldOf('u-split', components, { computeNs: () => COMPUTE_NS });

/** When peers compute: beginnings and ends in ms of virtual time. */
function computing({ world }: SimulatedWorld) {
  const spells: { readonly peer: string; readonly from: number; readonly to: number }[] = [];
  world.observers.push({
    working(peer, request, ns) {
      if (request.type === 'work')
        spells.push({ peer: peer.id, from: (peer.busyUntil - ns) / 1e6, to: peer.busyUntil / 1e6 });
    },
  });
  return spells;
}

describe('a step of four micro-batches', () => {
  test('each leaves at once: the server computes while the client still makes the next ones', async () => {
    const simulated = await world();
    const spells = computing(simulated);
    const { messages, status } = await simulated.deployment.invoke({}, { entry: 'step', flows: 1 });
    expect(status).toBe('complete');
    const of = (peer: string) => spells.filter((one) => one.peer === peer);
    // The client first works out which records they are.
    const forward = of('client').slice(1, 1 + MICRO_BATCHES);
    const above = of('server').slice(0, MICRO_BATCHES);
    for (const [at, { to }] of forward.entries()) {
      expect(above[at]!.from).toBe(Math.max(to + 5, above[at - 1]?.to ?? 0));
    }
    expect(above[0]!.to).toBeLessThan(forward[2]!.to);
    // The last layers of the first one are computed before the server is done with the last one.
    expect(of('client')[1 + MICRO_BATCHES]!.from).toBeLessThan(above.at(-1)!.to);
    const frames = messages.map(({ from, to }) => `${from} ${to}`);
    expect(frames.filter((one) => one === 'client server')).toHaveLength(2 * MICRO_BATCHES);
    // Forward one by one; backward all at once, with the step of the body that they are part of.
    expect(frames.filter((one) => one === 'server client')).toHaveLength(MICRO_BATCHES + 1);
  });

  test('what comes out is what one peer computes, bit for bit', async () => {
    const runs = await Promise.all(
      [
        () => world(),
        () => {
          const alone = topologyIn({ classes: { client: {} } });
          return simulatedWorld(uSplit(peer('client'), peer('client')), alone, {}, components);
        },
      ].map(async (make) => {
        const simulated = await make();
        const losses: unknown[] = [];
        const onFlow = ({ outputs }: FlowResult) => void losses.push(plain(outputs.loss));
        const { step } = await simulated.deployment.invoke({}, { entry: 'step', onFlow });
        expect(step).toBe(STEPS - 1);
        const states = [];
        for (const key of ['first', 'body', 'last']) states.push(await statesOf(simulated, key));
        return { losses, states };
      }),
    );
    expect(runs[0]).toEqual(runs[1]);
    const losses = runs[0]!.losses.map((one) => (one as number[])[0]!);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  test('forward and backward take one value of the body, whatever changes it meanwhile', async () => {
    const apart = await world();
    await apart.deployment.invoke({}, { entry: 'step', flows: 1 });
    const together = await world();
    let halved: Promise<FlowResult> | undefined;
    // The server has read it for the first micro-batch, and not yet for its gradient.
    together.world.plan(40e6, 'halve', () => {
      halved = together.deployment.invoke({}, { entry: 'halve' });
    });
    await together.deployment.invoke({}, { entry: 'step', flows: 1 });
    await halved;
    for (const key of ['first', 'last'])
      expect(await statesOf(together, key)).toEqual(await statesOf(apart, key));
    const [[alone], [both]] = [await statesOf(apart, 'body'), await statesOf(together, 'body')];
    // The step is taken from what is there by then.
    for (const [at, before] of BODY.flat().entries())
      expect(both![at]! - before / 2).toBeCloseTo(alone![at]! - before, 6);
  });

  test('comes out the same in every order of its frames', async () => {
    const { findings, whole, runs } = await explored(
      uSplit(peer('client'), peer('server'), { microBatches: 2, halves: false }),
      topologyIn(topology),
      { components, calls: 1, flows: 1 },
    );
    expect([findings, whole]).toEqual([[], true]);
    expect(runs).toBeGreaterThan(5);
  });

  test('all checkers hold where everything goes wrong', async () => {
    const calls = [{ entry: 'step' }, { entry: 'halve' }, { entry: 'step' }];
    const chaos = { seeds: [1, 2], components, calls };
    const { violations, ended } = await underChaos(program, topology, chaos);
    expect(violations).toEqual([]);
    expect(ended.complete).toBeGreaterThan(3);
  });
});

describe('a cohort of clients', () => {
  const times = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]) =>
    a.map((row) => b[0]!.map((_, column) => row.reduce((sum, one, at) => sum + one * b[at]![column]!, 0)));
  const tanh = (a: readonly (readonly number[])[]) => a.map((row) => row.map(Math.tanh));
  interface Layers {
    first: number[][];
    body: number[][];
    last: number[][];
  }
  const lossOf = (client: number, { first, body, last }: Layers): number => {
    const out = times(tanh(times(tanh(times(POINTS[client]!, first)), body)), last);
    const errors = out.map(([one], at) => one! - VALUES[client]![at]![0]!);
    return errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
  };
  /** By central differences. */
  const slopeOf = (client: number, layers: Layers, name: keyof Layers): number[][] =>
    layers[name].map((row, i) =>
      row.map((_, j) => {
        const [up, down] = [1e-5, -1e-5].map((by) => {
          const moved = structuredClone(layers);
          moved[name][i]![j]! += by;
          return lossOf(client, moved);
        });
        return (up! - down!) / 2e-5;
      }),
    );
  const stepped = (from: number[][], slopes: readonly number[][][]): number[][] =>
    from.map((row, i) =>
      row.map((one, j) => one - RATE * slopes.reduce((sum, slope) => sum + slope[i]![j]!, 0)),
    );

  /** The body and what each client has, after all steps in which these take part. */
  function expected(taking: readonly number[]) {
    let body = BODY;
    let own = taking.map((client) => ({ client, first: FIRST, last: LAST }));
    for (let step = 0; step < COHORT_STEPS; step++) {
      const at = own.map(({ first, last }) => ({ first, body, last }));
      const slopes = own.map(({ client }, index) => slopeOf(client, at[index]!, 'body'));
      own = own.map(({ client, first, last }, index) => ({
        client,
        first: stepped(first, [slopeOf(client, at[index]!, 'first')]),
        last: stepped(last, [slopeOf(client, at[index]!, 'last')]),
      }));
      if (taking.length >= 3) body = stepped(body, slopes);
    }
    return { body, own };
  }

  test.each([
    { silent: [], learnt: 1, seconds: 0 },
    { silent: [2], learnt: 1, seconds: 15 },
    { silent: [0, 2], learnt: 0, seconds: 15 },
  ])(
    'without %j the body learns from those who answer, of three at least, in five seconds a step',
    async ({ silent, learnt, seconds }) => {
      const simulated = await worldOf('u-split-cohort');
      for (const client of silent) simulated.world.stop(simulated.world.peers.get(`client/${client}`)!);
      const told: unknown[] = [];
      const onFlow = ({ outputs }: FlowResult) => void told.push(plain(outputs.learnt));
      const { step } = await simulated.deployment.invoke({}, { onFlow });
      expect(step).toBe(COHORT_STEPS - 1);
      expect(told).toEqual(Array(COHORT_STEPS).fill([learnt]));
      expect(simulated.world.now / 1e9).toBeCloseTo(seconds, 2);
      const taking = [...Array(CLIENTS).keys()].filter((client) => !silent.includes(client as never));
      const { body, own } = expected(taking);
      const [found] = (await statesOf(simulated, 'body')).concat([BODY.flat()]);
      for (const [at, one] of body.flat().entries()) expect(found![at]).toBeCloseTo(one, 5);
      const state = await simulated.deployment.state();
      for (const { client, first, last } of own)
        for (const [key, values] of Object.entries({ first, last }))
          for (const [at, one] of values.flat().entries())
            expect((plain(state[`client/${client}`]![key]) as number[])[at]).toBeCloseTo(one, 5);
    },
  );
});
