// Fault files and what they do to a world.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { faultPlan, parseFaults } from '../../cli/sim/faults.ts';
import { presets } from '../../cli/sim/presets.ts';
import { cohort, collect, constant, entry, module, next, on, output, peer, state } from '../../dsl/index.ts';
import {
  Checkers,
  Durability,
  needsDurability,
  SimulatedDeployment,
  scheduleFaults,
} from '../../runtime/host/sim/index.ts';
import { plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const schema = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../ir/schemas/faults.schema.json'), 'utf8'),
);
const validate = new Ajv2020({ allErrors: true }).compile(schema);
const names = ['server', 'phone', 'phone/0', 'phone/1', 'phone/2', 'phone/3'];
const parsed = (faults: readonly object[]) =>
  parseFaults(JSON.stringify({ version: 1, faults }, null, 1), 'faults.json', names);

describe('fault files', () => {
  test.each(Object.entries(presets))('preset %s is what schema and reader take', (_, preset) => {
    expect(validate(preset)).toBe(true);
    expect(parsed(preset.faults).diagnostics).toEqual([]);
  });

  const wrong: readonly (readonly [string, object, string])[] = [
    ['an unknown kind', { kind: 'crush' }, 'BB405'],
    ['an unknown field', { kind: 'crash', whom: 'phone' }, 'BB402'],
    ['a share above 1', { kind: 'link', loss: 1.5 }, 'BB403'],
    ['a truth that is none', { kind: 'lie', unproven: 1 }, 'BB403'],
    ['a duration without a unit', { kind: 'crash', for: '3' }, 'BB403'],
    ['a join that never happens', { kind: 'join', who: 'phone' }, 'BB404'],
    ['what comes again and is never over', { kind: 'crash', every: '3s' }, 'BB794'],
    ['a distribution of one end', { kind: 'crash', for: { uniform: ['3s'] } }, 'BB403'],
  ];
  test.each(wrong)('%s is refused by both, with its place', (_, fault, code) => {
    expect(validate({ version: 1, faults: [fault] })).toBe(false);
    const { plan, diagnostics } = parsed([fault]);
    expect(plan).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ code, at: { file: 'faults.json' } });
    expect(diagnostics[0]!.at!.line).toBeGreaterThan(1);
  });

  test('a peer that is not there is named', () => {
    const { diagnostics } = parsed([{ kind: 'crash', who: 'phnoe' }]);
    expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ['BB405', expect.stringContaining('phnoe')],
    ]);
  });
});

const [server, phones] = [peer('server'), cohort('phone')];
/** Each round the server asks the phones how often they have been asked. */
const askingFor = (vouched: boolean) =>
  module('asking', () => {
    const asked = state('asked', constant(0), { at: phones.each });
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const answers = on(phones.each, () => ({
        x: asked.update((before) => before.add(1)).add(round.sub(round).cast({ to: 'float32' })),
      }));
      const { x, senders: _, missing } = collect(answers, { atLeast: 1, within: '2s', vouched });
      output('x', x);
      output('missing', missing);
      next('round', { round: round.add(1n) }).when(round.less(9n));
    });
  });
const [asking, vouching] = [askingFor(false), askingFor(true)];
const topology = topologyIn({
  classes: { server: {}, phone: { count: 4 } },
  links: [{ between: ['server', 'phone'], latency: '100ms' }],
});

/** Of every round: what the phones answered, who was missing, and when it was over. */
async function rounds(faults: readonly object[], seed = 1n, source = asking) {
  const plan = faultPlan(JSON.stringify({ version: 1, faults }), 'faults.json', names);
  const made = await simulatedWorld(source, topology, { seed, durable: needsDurability(plan) });
  const { world } = made;
  const deployment = new SimulatedDeployment(world);
  world.observers.push(new Checkers(world), new Durability(world));
  scheduleFaults(world, plan, { lost: ({ id }) => deployment.lose(id) });
  const told: { x: unknown; missing: unknown; seconds: number; status: string }[] = [];
  await deployment.invoke(
    {},
    {
      onFlow: ({ outputs, status }) =>
        told.push({ x: plain(outputs.x), missing: plain(outputs.missing), seconds: world.now / 1e9, status }),
    },
  );
  return told;
}

describe('a fault', () => {
  test('crash: the phone is missed at once when others are told, and begins anew', async () => {
    const told = await rounds([{ kind: 'crash', who: 'phone/2', at: '250ms', for: '1s', notice: '300ms' }]);
    expect(told.map(({ missing }) => missing)).toContain('phone/2');
    const counts = told.map(({ x }) => x as number[]);
    expect(counts[0]).toEqual([1, 1, 1, 1]);
    expect(counts.at(-1)).toHaveLength(4);
    expect(counts.at(-1)![2]).toBeLessThan(counts.at(-1)![0]!);
  });

  test('crash, restored: what it had committed is there again', async () => {
    const told = await rounds([
      { kind: 'crash', who: 'phone/2', at: '250ms', for: '500ms', restart: 'restored', notice: 'never' },
    ]);
    const counts = told.map(({ x }) => x as number[]);
    // A round or two went without it.
    expect(counts.at(-1)![2]).toBeGreaterThanOrEqual(counts.at(-1)![0]! - 2);
  });

  test('crash: a call that waits for a peer ends when that is known to be lost', async () => {
    const faults = [{ kind: 'crash', who: 'server', at: '50ms', for: '5s' }];
    const plan = faultPlan(JSON.stringify({ version: 1, faults }), 'faults.json', names);
    const { world } = await simulatedWorld(asking, topology);
    // In which a rejection that nobody looks at would be told of.
    const onStep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
    const deployment = new SimulatedDeployment(world, { onStep });
    scheduleFaults(world, plan, { lost: () => {} });
    await deployment.run(() => world.peers.get('server')!.node === undefined);
    const call = deployment.invoke({});
    deployment.lose('server');
    await expect(call).rejects.toThrow('server is lost');
  });

  test('leave and join: a phone that goes, and one that comes later', async () => {
    const told = await rounds([
      { kind: 'leave', who: 'phone/0', at: '450ms' },
      { kind: 'join', who: 'phone/3', at: '1s' },
    ]);
    expect(told[0]!.missing).toBe('phone/3');
    expect(told.at(-1)!.missing).toBe('phone/0');
  });

  test('slow: a straggler is missed, the others are not', async () => {
    const told = await rounds([{ kind: 'slow', who: 'phone/1', factor: 1e7 }]);
    expect(told.every(({ missing }) => missing === 'phone/1')).toBe(true);
  });

  test('link: latency, and frames that get lost', async () => {
    const [slow, plainRun] = [await rounds([{ kind: 'link', latency: '50ms' }]), await rounds([])];
    expect(slow[0]!.seconds - plainRun[0]!.seconds).toBeCloseTo(0.1, 3);
    const lossy = await rounds([{ kind: 'link', between: ['server', 'phone/3'], loss: 1 }]);
    expect(lossy.every(({ missing }) => missing === 'phone/3')).toBe(true);
  });

  test('link: duplicates and overtaking frames change no result', async () => {
    const told = await rounds([{ kind: 'link', duplicate: 0.5, reorder: { share: 0.5, by: '60ms' } }]);
    expect(told.map(({ x }) => (x as number[])[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('partition: one group goes on without the other, until it heals', async () => {
    const told = await rounds([
      {
        kind: 'partition',
        groups: [
          ['server', 'phone/0'],
          ['phone/1', 'phone/2', 'phone/3'],
        ],
        for: '3s',
      },
    ]);
    expect(told[0]!.missing).toBe('phone/1,phone/2,phone/3');
    expect(told.at(-1)!.missing).toBe('');
  });

  test('lie: what is withheld is missed; what is corrupt or old ends no flow and breaks no rule', async () => {
    const silent = await rounds([{ kind: 'lie', who: 'phone/2', withhold: 1 }]);
    expect(silent.every(({ missing }) => missing === 'phone/2')).toBe(true);
    for (let seed = 1n; seed <= 10n; seed++)
      expect(await rounds([{ kind: 'lie', corrupt: 0.2, replay: 0.3 }], seed)).not.toEqual([]);
  });

  test('lie: whom nothing proves is left out of a collect that wants vouched answers, every round', async () => {
    const told = await rounds([{ kind: 'lie', who: 'phone/2', unproven: true, for: '8s' }], 1n, vouching);
    const missing = told.map((one) => one.missing);
    expect(missing.slice(0, 4)).toEqual(Array(4).fill('phone/2'));
    expect(missing.at(-1)).toBe('');
    const lax = await rounds([{ kind: 'lie', who: 'phone/2', unproven: true }]);
    expect(lax.every((one) => one.missing === '')).toBe(true);
  });

  test('drawn: a share of the peers, again and again, the same for the same seed', async () => {
    const faults = [
      {
        kind: 'crash',
        who: { of: 'phone', share: 0.5 },
        every: { exponential: '1s' },
        for: { uniform: ['1s', '2s'] },
      },
    ];
    const [once, again, other] = [
      await rounds(faults, 1n),
      await rounds(faults, 1n),
      await rounds(faults, 2n),
    ];
    expect(once).toEqual(again);
    expect(once).not.toEqual(other);
    const missed = new Set(
      once.flatMap(({ missing }) => String(missing).split(',')).filter((one) => one !== ''),
    );
    expect(missed.size).toBeGreaterThan(0);
    expect(missed.size).toBeLessThanOrEqual(2);
  });
});
