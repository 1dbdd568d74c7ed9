// Program 5 of the semantics: DiLoCo without a server, which is DiLoCo with one.

import { describe, expect, test } from 'vitest';
import { cohort, output, peer } from '../../dsl/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { Components } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { diLoCo } from '../../stdlib/strategies/index.ts';
import { plain } from '../support/deploy.ts';
import { explored } from '../support/exploring.ts';
import program, {
  allReduced,
  line,
  RECORDS,
  ROUNDS,
  topology,
  WORKERS,
} from '../support/programs/diloco-all-reduce.ts';
import { tensor, underChaos, worldOf } from '../support/programs-run.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

/** By worker: points of a plane. */
function components(id: string): Components {
  const seed = Number(/\d+$/.exec(id)?.[0] ?? 0);
  const x = Array.from({ length: 3 * RECORDS }, (_, at) => Math.sin(at * at + seed));
  const y = Array.from({ length: RECORDS }, (_, at) => x[3 * at]! - 2 * x[3 * at + 2]! + 0.5);
  const train = dataComponent(arrays({ x: tensor([RECORDS, 3], x), y: tensor([RECORDS, 1], y) }));
  return id === 'server' ? {} : { train };
}

type Round = Readonly<Record<string, readonly number[]>>;

/** These announce themselves, and everybody hears of it. */
async function announced({ deployment, world }: SimulatedWorld, workers: readonly number[]): Promise<void> {
  for (const worker of workers) await deployment.invoke({}, { entry: 'announce', peer: `worker/${worker}` });
  while ((world.next ?? Number.POSITIVE_INFINITY) < 1e9) await world.step();
}

/** What each worker has after each round. `at`: what happens after a round. */
async function rounds(
  simulated: SimulatedWorld,
  present: readonly number[],
  at: (round: number) => void = () => {},
): Promise<readonly Round[]> {
  const { deployment } = simulated;
  await announced(simulated, present);
  const found: Round[] = [];
  const onFlow = ({ cohortOutputs, step }: FlowResult): void => {
    const all = Object.entries(cohortOutputs.w!).map(([id, w]) => [id, plain(w) as readonly number[]]);
    found[step] = Object.fromEntries(all);
    at(step);
  };
  const { step } = await deployment.invoke({}, { entry: 'round', onFlow });
  expect(step).toBe(ROUNDS - 1);
  return found;
}

const four = [0, 1, 2, 3];
const of = (round: Round, ...workers: readonly number[]) => workers.map((one) => round[`worker/${one}`]);
/** All have the same bits. */
const agree = (round: Round, ...workers: readonly number[]): void => {
  const [first, ...others] = of(round, ...workers);
  for (const one of others) expect(one).toEqual(first);
};

/** Where nothing goes wrong. */
const untouched = rounds(await worldOf('diloco-all-reduce', components), four);

test('all come to the same bits in every round, and to what a server would have come to', async () => {
  const found = await untouched;
  for (const one of found) agree(one, ...four);
  const server = peer('server');
  const central = diLoCo(line, {
    server,
    clients: cohort('worker'),
    rounds: ROUNDS,
    local: { optimizer: sgd({ lr: 0.1 }), steps: 4, batch: 8 },
    report: ({ weights }) => output('w', weights.w!),
  });
  const classes = { server: {}, worker: { count: WORKERS } };
  const { deployment } = await simulatedWorld(central, topologyIn({ classes }), {}, components);
  const expected: (readonly number[])[] = [];
  const onFlow = ({ outputs }: FlowResult) => void expected.push(plain(outputs.w) as readonly number[]);
  await deployment.invoke({}, { onFlow });
  for (const [at, want] of expected.entries())
    for (const [index, one] of want.entries()) expect(found[at]!['worker/0']![index]).toBeCloseTo(one, 5);
});

test('a worker sends twice its parameters in a round, whatever their number', async () => {
  const simulated = await worldOf('diloco-all-reduce', components);
  await announced(simulated, four);
  const { messages } = await simulated.deployment.invoke({}, { entry: 'round', flows: 1 });
  const mine = messages.filter(({ from, to }) => from === 'worker/1' && to !== from);
  // A chunk of one number to each of three, a mean to each of three, and a digest of eight bytes to each of three.
  expect(mine.map(({ payloadBytes }) => payloadBytes)).toEqual([4, 4, 4, 4, 4, 4, 8, 8, 8]);
});

describe('replicas that a hole made different', () => {
  test.each(['raw', 'float16'])(
    'are the same again in the same round, chunks in %s: those of the largest group have it right',
    async (codec) => {
      const links = topology.links.map((link) => ({ ...link, codec }));
      const world = () => simulatedWorld(program, topologyIn({ ...topology, links }), {}, components);
      const simulated = await world();
      const lost: string[] = [];
      let round = 0;
      // In round 2 no mean of worker 1 comes to worker 3.
      simulated.world.tamper = (from, to, bytes) => {
        const cut = round === 2 && from.id === 'worker/1' && to.id === 'worker/3' && lost.length < 2;
        if (cut) lost.push(to.id);
        // The first is its chunk.
        return cut && lost.length === 2 ? [] : [bytes];
      };
      const found = await rounds(simulated, four, (step) => {
        round = step + 1;
      });
      expect(lost).toHaveLength(2);
      expect(found).toEqual(await rounds(await world(), four));
      // It was waited for as long as it may take.
      expect(simulated.world.now / 1e9).toBeGreaterThan(4);
    },
  );

  test('of whom no two are alike take what the first one has', async () => {
    const simulated = await worldOf('diloco-all-reduce', components);
    let isSilent = false;
    simulated.world.tamper = (from, _, bytes) => (isSilent && from.id === 'worker/2' ? [] : [bytes]);
    const found = await rounds(simulated, four, (step) => {
      isSilent = step >= 1;
    });
    // Chunk 2 is everybody's own; nobody knows that worker 2 wants to hear of it.
    for (const one of found) agree(one, 0, 1, 3);
    expect(of(found[1]!, 0)).toEqual(of((await untouched)[1]!, 0));
    for (const one of found.slice(2)) expect(of(one, 0)).not.toEqual(of((await untouched)[2]!, 0));
  });
});

test('who joins takes what the others have, and its steps count from the next round on', async () => {
  // Everybody hears of it before the next round.
  const joined = await worldOf('diloco-all-reduce', components, { computeNs: () => 50e6 });
  const found = await rounds(joined, [0, 1, 2], (step) => {
    if (step === 1) void joined.deployment.invoke({}, { entry: 'announce', peer: 'worker/3' });
  });
  const alone = await rounds(await worldOf('diloco-all-reduce', components), [0, 1, 2]);
  const at = found.findIndex((round) => JSON.stringify(of(round, 3)) === JSON.stringify(of(round, 0)));
  expect(at).toBeGreaterThan(1);
  expect(at).toBeLessThan(ROUNDS - 1);
  for (const round of found.slice(0, at)) agree(round, 0, 1, 2);
  // Its first round goes as if it were not there.
  for (let round = 0; round <= at; round++)
    expect(of(found[round]!, 0, 1, 2)).toEqual(of(alone[round]!, 0, 1, 2));
  for (const round of found.slice(at)) agree(round, ...four);
  expect(of(found[at + 1]!, 0)).not.toEqual(of(alone[at + 1]!, 0));
});

test('a round comes out the same in every order', async () => {
  const where = topologyIn({ classes: { worker: { count: 2 } } });
  const { findings } = await explored(allReduced(1, false), where, {
    components,
    calls: 1,
    flows: 1,
    maxRuns: 10,
  });
  expect(findings).toEqual([]);
});

test('all checkers hold where everything goes wrong', async () => {
  const calls = [...four.map((one) => ({ entry: 'announce', peer: `worker/${one}` })), { entry: 'round' }];
  const { violations, ended } = await underChaos(program, topology, { seeds: [1], components, calls });
  expect(violations).toEqual([]);
  expect(ended.complete).toBeGreaterThan(0);
});
