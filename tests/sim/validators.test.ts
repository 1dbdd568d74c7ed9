// Program 8 of the semantics: validators of whom two must agree.

import { describe, expect, test } from 'vitest';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { Components } from '../../runtime/index.ts';
import { plain } from '../support/deploy.ts';
import program, { TRAINERS, topology, VALIDATORS } from '../support/programs/validators.ts';
import { statesOf, tensor, underChaos, worldOf } from '../support/programs-run.ts';
import type { SimulatedWorld } from '../support/simulated.ts';
import { Identity, Pool } from '../support/validators.ts';

const UPDATES = [
  [1, 10, -1],
  [2, -1e6, -2],
  [3, 30, 1e6],
  [4, 40, -4],
];
/** Without the smallest and the largest of each. */
const MOVED = [2.5, 20, -1.5];

/** `liar`: whose pool gives other values than came. */
const components =
  (liar?: string) =>
  (id: string): Components => {
    const pooled = () => new Pool(id === liar);
    const known = () => new Identity();
    if (id === 'reducer') return { theirs: pooled };
    return id.startsWith('validator') ? { updates: pooled, id: known } : { checks: known };
  };

async function submitted(liar?: string): Promise<SimulatedWorld> {
  const simulated = await worldOf('validators', components(liar));
  for (let trainer = 0; trainer < TRAINERS; trainer++) {
    const from = { step: 0, arguments: { value: tensor([3], UPDATES[trainer]!) } };
    const call = { entry: 'submit', peer: `trainer/${trainer}`, from };
    expect((await simulated.deployment.invoke({}, call)).status).toBe('complete');
  }
  return simulated;
}

/** Until the first window is over: who has a certificate. */
async function window({ deployment, world }: SimulatedWorld) {
  let result: FlowResult | undefined;
  deployment.arm({}, (one) => {
    result ??= one;
  });
  const [begin] = [300e9];
  await deployment.serve(() => result !== undefined || world.now > begin + 100e9);
  const certified = Object.entries(result?.cohortOutputs.certified ?? {}).flatMap(([id, value]) =>
    (plain(value) as readonly number[])[0] === 1 ? [id] : [],
  );
  return { certified, seconds: (world.now - begin) / 1e9 };
}
const stop = ({ world, deployment }: SimulatedWorld, id: string): void => {
  world.stop(world.peers.get(id)!);
  deployment.lose(id);
};
const headOf = async ({ deployment }: SimulatedWorld, id: string) =>
  plain((await deployment.state())[id]!.head);
const all = Array.from({ length: VALIDATORS }, (_, at) => `validator/${at}`);

/** What trainer 0 makes of what a validator tells, asked until it asked each of these. */
async function learnt(simulated: SimulatedWorld, wanted: readonly string[]) {
  const told = new Map<string, unknown>();
  for (let turn = 0; turn < 40 && told.size < wanted.length; turn++) {
    const { cohortOutputs, messages } = await simulated.deployment.invoke(
      {},
      { entry: 'learn', peer: 'trainer/0' },
    );
    const { to } = messages.find(({ from }) => from === 'trainer/0')!;
    if (wanted.includes(to)) told.set(to, plain(cohortOutputs.ok!['trainer/0']));
  }
  return wanted.map((one) => told.get(one));
}

describe('a window', () => {
  test('moves the head at all validators, by the mean that they agree on; trainers take it of any of them', async () => {
    const simulated = await submitted();
    const { certified, seconds } = await window(simulated);
    expect(certified).toEqual(all);
    expect(seconds).toBeLessThan(1);
    for (const id of all) expect(await headOf(simulated, id)).toEqual(MOVED);
    expect(await learnt(simulated, all)).toEqual([[1], [1], [1]]);
    expect(await statesOf(simulated, 'w')).toEqual([MOVED]);
  });

  test('goes on without the reducer: each takes what came to itself', async () => {
    const simulated = await submitted();
    stop(simulated, 'reducer');
    const { certified } = await window(simulated);
    expect(certified).toEqual(all);
    expect(simulated.world.now / 1e9).toBeGreaterThan(320);
    expect(await headOf(simulated, 'validator/1')).toEqual(MOVED);
  });

  test('of a reducer that proposes another mean moves nothing', async () => {
    const simulated = await submitted('reducer');
    expect((await window(simulated)).certified).toEqual([]);
    expect(await statesOf(simulated, 'head')).toEqual([]);
  });

  test('goes on without one validator', async () => {
    const simulated = await submitted();
    let isSilent = false;
    simulated.world.tamper = (from, _, bytes) => (isSilent && from.id === 'validator/1' ? [] : [bytes]);
    isSilent = true;
    const { certified } = await window(simulated);
    expect(certified).toEqual(expect.arrayContaining(['validator/0', 'validator/2']));
    expect(await headOf(simulated, 'validator/0')).toEqual(MOVED);
  });

  test('one that has come to something else neither stops the others nor takes their certificate for its own', async () => {
    const simulated = await submitted('validator/1');
    const { certified } = await window(simulated);
    expect(certified).toEqual(['validator/0', 'validator/2']);
    expect(await headOf(simulated, 'validator/0')).toEqual(MOVED);
    expect(await headOf(simulated, 'validator/1')).toBe('no such output');
    // It has no certificate to tell, and no head either.
    expect(await learnt(simulated, ['validator/0', 'validator/1'])).toEqual([[1], [0]]);
  });

  test('one that tells trainers another head, beside a certificate, is not believed', async () => {
    const simulated = await submitted();
    await window(simulated);
    const state = (await simulated.deployment.state())['validator/2']!;
    const forged = { ...state, head: tensor([3], [9, 9, 9]) };
    await simulated.deployment.restore({ 'validator/2': forged });
    expect(await learnt(simulated, ['validator/2', 'validator/0'])).toEqual([[0], [1]]);
    expect(await statesOf(simulated, 'w')).toEqual([MOVED]);
  });

  test('votes whose senders nobody vouches for make no certificate', async () => {
    const simulated = await submitted();
    for (const id of all) simulated.world.peers.get(id)!.proven = false;
    expect((await window(simulated)).certified).toEqual([]);
    expect(await statesOf(simulated, 'head')).toEqual([]);
  });

  test('where everything goes wrong no validator has a head that was not agreed on', async () => {
    const submit = Array.from({ length: TRAINERS }, (_, trainer) => ({
      entry: 'submit',
      peer: `trainer/${trainer}`,
      from: { step: 0, arguments: { value: tensor([3], UPDATES[trainer]!) } },
    }));
    const { violations } = await underChaos(program, topology, {
      seeds: [1, 2, 3],
      components: components('validator/2'),
      calls: submit,
      flows: 2,
      untilNs: 1000e9,
      after: async (states) => {
        // Of four updates or of three, whoever's came.
        for (const head of await states('head')) expect(head[1]).toBeGreaterThan(0);
      },
    });
    expect(violations).toEqual([]);
  });
});
