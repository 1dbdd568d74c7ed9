// Nodes with adaptive networks and components, over links with faults, each beside a twin that is made a snapshot of and
// restored before each of its calls: both say the same, and want to be woken at the same times.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  collect,
  constant,
  entry,
  module,
  next,
  on,
  output,
  peer,
  protocol,
  state,
} from '../../dsl/index.ts';
import type { DataValue } from '../../ir/index.ts';
import type { ComponentContext, Later, NodeCall, NodeComponent, Received } from '../../runtime/index.ts';
import { decode, encode, table, uint } from '../../runtime/proto/codec.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';
import { type Fate, FaultyWorld } from '../support/faulty-link.ts';
import { Twin } from '../support/twin.ts';
import { SECOND_NS } from './programs.ts';
import { World } from './world.ts';

const number = (name: string) => ({ name, dtype: 'int64', shape: [] }) as const;
const friend = {
  methods: {
    Pass: { kind: 'query', inputs: [number('x')], options: {}, outputs: [number('x')] },
    Note: { kind: 'update', inputs: [number('x')], options: {}, outputs: [] },
    /** What another member of the class says to it. */
    Ask: { kind: 'ask', inputs: [number('x')], options: {}, outputs: [number('x')] },
  },
  events: {},
} as const;
const messages = { question: table({}), answer: table({ x: uint(1) }), gossip: table({ x: uint(1) }) };
const saved = table({ heard: uint(1) });
type Context = ComponentContext<typeof messages>;

/** Passes on what it is given, asks others, and now and then tells one of them something. */
class Friend implements NodeComponent<typeof messages> {
  readonly roles = ['protocol'] as const;
  readonly declaration = friend;
  readonly messages = messages;
  #heard = 0;

  start(cx: Context): void {
    cx.wakeAt(cx.now + cx.random.below(SECOND_NS));
  }
  #others(cx: Context): readonly string[] {
    return ['server', 'helper', 'phone'].flatMap((name) => cx.members(name)).filter((one) => one !== cx.peer);
  }
  call({ method, inputs }: NodeCall, cx: Context): readonly DataValue[] | Later {
    if (method === 'Note') this.#heard++;
    if (method === 'Note') return [];
    if (method === 'Pass') return [copyOf(inputs[0]!)];
    const later = cx.later();
    const others = this.#others(cx);
    cx.send(others[cx.random.below(others.length)]!, 'question', {}, later.id);
    return later;
  }
  wake(cx: Context): void {
    const others = this.#others(cx);
    cx.send(others[cx.random.below(others.length)]!, 'gossip', { x: this.#heard });
    if (this.#heard < 6) cx.wakeAt(cx.now + cx.random.below(4 * SECOND_NS));
  }
  message({ from, kind, body, correlation }: Received<typeof messages>, cx: Context): void {
    this.#heard++;
    if (kind === 'question') cx.send(from, 'answer', { x: this.#heard }, correlation);
    else if (kind === 'answer') cx.answer(correlation, [int((body as { x: number }).x)]);
  }
  save(): Uint8Array {
    return encode(saved, { heard: this.#heard });
  }
  restore(bytes: Uint8Array): void {
    this.#heard = decode(saved, bytes).heard;
  }
}

const friendly = (): NodeComponent => new Friend() as NodeComponent;

const int = (value: number): DataValue => ({
  dtype: 'int64',
  dims: [],
  bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
});
const copyOf = (value: DataValue): DataValue => structuredClone(value);

const [server, helper, phones] = [peer('server'), peer('helper'), cohort('phone')];
const rounds = module('rounds', () => {
  const here = protocol('first', friend, { at: server });
  const there = protocol('second', friend, { at: helper });
  const own = protocol('third', friend, { at: phones.each });
  const kept = state('kept', constant(0n), { at: server });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const x = here.pass(round);
    const asked = on(phones.each, () => own.ask(x, { within: '3s' }));
    const c = collect({ asked }, { enough: 2, atLeast: 1, within: '6s' });
    // There and back, and there again: time that is left is told along the way.
    const y = here.pass(there.pass(x));
    const z = there.pass(y);
    there.note(z);
    kept.assign(here.pass(z));
    output('asked', c.asked);
    output('y', y);
    next('round', { round: y }).when(c.asked.present());
  });
});
const loaded = deploymentInMemory(compiled(recorded(rounds), topologyOf('server', 'helper', 'phone*3')));
const bundles = Object.fromEntries(peersOf(loaded).map(({ id, bundle }) => [id, bundle]));

const plain = World.nodeOf;
const { often } = Twin;
beforeAll(() => {
  World.nodeOf = (options) => new Twin(options);
  // At every boundary with BBC_RUNS; here it takes a minute.
  if (process.env.BBC_RUNS === undefined) Twin.often = { times: 100, every: 9 };
});
afterAll(() => {
  World.nodeOf = plain;
  Twin.often = often;
});

const good: Fate = [20];
const fate = fc.oneof(
  { weight: 5, arbitrary: fc.constant(good) },
  { weight: 2, arbitrary: fc.constant([] as Fate) },
  { weight: 2, arbitrary: fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 3 }) },
);
const step = fc.record({
  what: fc.constantFrom('pass', 'pass', 'call', 'lost', 'found', 'policy'),
  ms: fc.integer({ min: 0, max: 5000 }),
});

test('restored at every boundary, nodes with networks and components say the same at the same times', () => {
  fc.assert(
    fc.property(
      fc.array(fate, { minLength: 10, maxLength: 80 }),
      fc.array(step, { minLength: 3, maxLength: 10 }),
      (fates, steps) => {
        let at = 0;
        const one = new FaultyWorld({
          bundles,
          network: () => ({ keepNs: 8 * SECOND_NS, frames: 12 }),
          components: () => ({ first: friendly, second: friendly, third: friendly }),
          fate: () => fates[at++ % fates.length]!,
        });
        const call = (): void => one.give('server', { type: 'invoke', entry: 'round', values: {}, flows: 3 });
        call();
        for (const { what, ms } of steps) {
          if (what === 'call') call();
          else if (what === 'lost') one.give('server', { type: 'lost', peer: 'phone/1' });
          else if (what === 'found') one.give('server', { type: 'found', peer: 'phone/1' });
          else if (what === 'policy')
            one.give('helper', { type: 'policy', block: ms > 2500 ? ['server'] : [] });
          one.pass(one.now + ms * 1e6);
        }
        for (const { openFlows } of one.nodes.values()) expect(openFlows).toBeLessThan(20);
      },
    ),
    { numRuns: Number(process.env.BBC_RUNS ?? 2) },
  );
  expect(Twin.restored).toBeGreaterThan(100);
});
