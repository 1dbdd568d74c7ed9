// Gossip overlays, a few components by themselves: what they make of garbage and floods, and that saving loses nothing.

import { describe, expect, test } from 'vitest';
import { typeHashOf } from '../../runtime/components/messages.ts';
import type { NodeComponent } from '../../runtime/index.ts';
import { encode } from '../../runtime/proto/codec.ts';
import { cyclon, hyParView, type PeerView, tMan } from '../../stdlib/selectors/index.ts';
import { near, ring } from '../../stdlib/selectors/ranking.ts';
import { float32s, int64, strings, stringsOf } from '../../stdlib/tensors.ts';
import { Bench } from '../support/node-component.ts';

const members = { peer: Array.from({ length: 12 }, (_, at) => `p${at}`), other: ['x'] };
const common = { class: 'peer' } as const;
const second = 1e9;

/** A few nodes without links: what one sends, the other has at once. */
class Few {
  readonly benches = new Map<string, Bench>();
  readonly views = new Map<string, PeerView>();
  readonly log: string[] = [];
  readonly #make: () => PeerView & NodeComponent;

  constructor(make: () => PeerView & NodeComponent) {
    this.#make = make;
    for (const id of members.peer) this.#place(id);
  }

  #place(id: string, saved?: Uint8Array): void {
    const one = this.#make();
    const bench = new Bench(one, id, members);
    if (saved !== undefined) bench.container.restore(saved);
    this.benches.set(id, bench);
    this.views.set(id, one);
  }

  /** Each on a new node, as it was. */
  moveAll(): void {
    for (const [id, bench] of this.benches) this.#place(id, bench.container.save());
  }

  deliver(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const [from, bench] of this.benches)
        for (const { to, message } of bench.sent.splice(0)) {
          busy = true;
          this.log.push(`${from} ${to} ${message.kind} ${Buffer.from(message.body).toString('hex')}`);
          this.benches.get(to)!.container.message(from, message);
        }
    }
  }

  run(untilS: number, between: () => void = () => {}): void {
    for (;;) {
      const next = Math.min(...[...this.benches.values()].map(({ container }) => container.nextNs));
      if (next > untilS * second) return;
      for (const { container } of this.benches.values()) container.advance(next);
      this.deliver();
      between();
    }
  }
}

const kinds = [
  ['cyclon', () => cyclon({ ...common, size: 6, shuffle: 3 })],
  ['hyparview', () => hyParView({ ...common, active: 3, passive: 6 })],
  ['t-man', () => tMan({ ...common, size: 6, sent: 4, partners: 2 })],
] as const satisfies readonly (readonly [string, () => PeerView & NodeComponent])[];

const select = (bench: Bench, count: number, origin: string, options: Record<string, string> = {}) =>
  stringsOf(bench.call('Select', [int64(count)], { origin, options: { class: 'peer', ...options } })[0], '');

describe.each(kinds)('%s', (name, make: () => PeerView & NodeComponent) => {
  test('saved and restored between any two steps it sends the same bytes', () => {
    const [one, other] = [new Few(make), new Few(make)];
    one.run(15);
    other.run(15, () => other.moveAll());
    expect(one.log.length).toBeGreaterThan(200);
    expect(other.log).toEqual(one.log);
    expect([...other.benches].map(([, bench]) => bench.container.save())).toEqual(
      [...one.benches].map(([, bench]) => bench.container.save()),
    );
  });

  test('chooses of its view, without itself, the same in one flow however its view goes on', () => {
    const few = new Few(make);
    few.run(10);
    const bench = few.benches.get('p3')!;
    const view = few.views.get('p3')!.view;
    const chosen = select(bench, 2, 'flow 1');
    expect(chosen).toHaveLength(2);
    expect(view).toEqual(expect.arrayContaining([...chosen]));
    const all = select(bench, 100, 'flow 2');
    expect([...all].sort()).toEqual([...view].sort());
    expect(all).not.toContain('p3');
    few.run(20);
    expect(select(bench, 2, 'flow 1')).toEqual(chosen);
    expect(select(bench, 100, 'flow 3', { self: 'yes' })).toContain('p3');
    expect(select(bench, 0, 'flow 4', { self: 'yes' })).toEqual([]);
    expect(() => select(bench, 2, 'flow 5', { class: 'other' })).toThrow(
      'its view is of the class peer, not of other',
    );
  });

  test('who did not answer the program leaves the view', () => {
    const few = new Few(make);
    few.run(10);
    const [bench, view] = [few.benches.get('p0')!, few.views.get('p0')!];
    const [gone] = view.view;
    bench.update('Missed', strings([gone!, 'nobody']));
    expect(view.view).not.toContain(gone);
    expect(stringsOf(bench.call('View', [], { origin: 'flow' })[0], '')).toEqual(view.view);
  });

  test('contacts that the program names are known, those that are no members are not', () => {
    const few = new Few(make);
    const [bench, view] = [few.benches.get('p0')!, few.views.get('p0')!];
    bench.update('Join', strings(['p5', 'x', 'p0', 'p5']));
    few.deliver();
    expect(view.view).toEqual(['p5']);
  });

  test('a class that is not there, or is another’s, is told when it starts', () => {
    const lost = new Bench(make(), 'x', members);
    lost.container.advance(0);
    expect(lost.broken).toEqual(['x is no peer']);
    const nowhere = new Bench(make(), 'x', {});
    nowhere.container.advance(0);
    expect(nowhere.broken).toEqual(['there is no class peer']);
  });

  test('a flood of one peer, garbage or not, is answered a few times, and leaves the view and its bounds as they are', () => {
    const few = new Few(make);
    few.run(10);
    const bench = few.benches.get('p0')!;
    const messages = make().messages!;
    const many = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? `p${at % 12}` : `nobody ${at}`));
    const full = {
      peers: name === 't-man' ? many.map((peer) => ({ peer, ageMs: 2 ** 50, values: [1] })) : many,
      ages: many.map(() => 2 ** 50),
      values: Array.from({ length: 1000 }, () => Number.NaN),
      peer: 'p11',
      steps: 2 ** 40,
      urgent: true,
      accepted: true,
    };
    let sent = 0;
    for (let round = 0; round < 300; round++)
      for (const [kind, table] of Object.entries(messages)) {
        const own = kind === 'shuffle' && name === 't-man' ? { ...full, peers: many } : full;
        const fields = Object.fromEntries(
          table.fields.map((field) => [field.name, own[field.name as keyof typeof full]]),
        );
        const valid = encode(
          table,
          (kind === 'reply' && name === 't-man' ? { peers: many } : fields) as never,
        );
        for (const body of [
          new Uint8Array(),
          valid,
          valid.subarray(0, valid.length - 1),
          Uint8Array.of(round),
        ])
          bench.container.message('p11', {
            component: 'one',
            kind,
            typeHash: typeHashOf(table),
            body,
            correlation: round,
          });
        sent += bench.sent.splice(0).length;
      }
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(150);
    const { view } = few.views.get('p0')!;
    expect(view.length).toBeLessThanOrEqual(6);
    expect(new Set(view).size).toBe(view.length);
    expect(view.every((one) => members.peer.includes(one) && one !== 'p0')).toBe(true);
    expect(bench.container.save().length).toBeLessThan(1000);
    few.run(60);
    expect(few.views.get('p0')!.view.length).toBeGreaterThan(1);
    expect(bench.broken.filter((one) => !one.startsWith('malformed') && !one.startsWith('limit'))).toEqual(
      [],
    );
  });
});

describe('cyclon', () => {
  test('takes an answer of whom it asked only, once', () => {
    const few = new Few(() => cyclon({ ...common, size: 6, shuffle: 3 }));
    const bench = few.benches.get('p0')!;
    bench.update('Join', strings(['p1']));
    while (bench.sent.length === 0) bench.container.advance(bench.container.nextNs);
    const [{ to, message }] = bench.sent.splice(0) as [(typeof bench.sent)[number]];
    expect([to, message.kind]).toEqual(['p1', 'shuffle']);
    const reply = { ...message, kind: 'reply', body: Uint8Array.of(10, 2, 112, 50, 18, 1, 0) };
    const { view } = few.views.get('p0')!;
    expect(view).toEqual([]);
    bench.container.message('p9', reply);
    bench.container.message('p1', { ...reply, correlation: message.correlation + 1 });
    expect(few.views.get('p0')!.view).toEqual([]);
    bench.container.message('p1', reply);
    bench.container.message('p1', { ...reply, body: Uint8Array.of(10, 2, 112, 51, 18, 1, 0) });
    expect(few.views.get('p0')!.view).toEqual(['p2']);
    expect(bench.broken).toEqual([]);
  });
});

describe('rankings', () => {
  const at = (peer: string, ...values: readonly number[]) => ({ peer, values });
  const names = (of: readonly { readonly peer: string }[]) => of.map(({ peer }) => peer).join('');

  test('a ring is taken from both sides in turns, and closes', () => {
    const peers = [at('a', 0.1), at('b', 0.2), at('c', 0.3), at('d', 0.8), at('e', 0.9)];
    expect(names(ring(at('me', 0.25), peers))).toBe('cbdae');
    expect(names(ring(at('me', 0.95), peers))).toBe('aebdc');
    // Equal places are in the order of names.
    expect(names(ring(at('b', 1), [at('a', 1), at('c', 1), at('d', 1)]))).toBe('cad');
  });

  test('near is by distance, and last who says nothing comparable', () => {
    const peers = [at('a', 3, 4), at('b'), at('c', 1, 0), at('d', 1), at('e', 0, 1)];
    expect(names(near(at('me', 0, 0), peers))).toBe('ceabd');
  });
});

test('t-man brings together who is near by what each has placed', () => {
  const few = new Few(() => tMan({ ...common, ranking: 'near', size: 4, sent: 4 }));
  for (const [at, bench] of [...few.benches.values()].entries())
    bench.update('Place', float32s([2], Float32Array.of(at % 3, Math.floor(at / 3) / 10)));
  few.run(20);
  for (const [id, { view }] of few.views) {
    const column = members.peer.filter((_, at) => at % 3 === members.peer.indexOf(id) % 3 && `p${at}` !== id);
    expect([...view.slice(0, 3)].sort()).toEqual([...column].sort());
  }
  const bench = few.benches.get('p0')!;
  expect(() => bench.update('Place', float32s([1], Float32Array.of(Number.NaN)))).toThrow('finite');
  // Who moves is soon near to others.
  bench.update('Place', float32s([2], Float32Array.of(1, 0)));
  few.run(40);
  expect(few.views.get('p0')!.view[0]).toBe('p1');
  expect(few.views.get('p1')!.view[0]).toBe('p0');
});
