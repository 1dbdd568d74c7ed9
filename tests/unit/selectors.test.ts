// Selectors that know what a program tells them: turns, weights, losses, and who missed its turn.

import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../ir/index.ts';
import type { NodeComponent } from '../../runtime/index.ts';
import { makerOf } from '../../stdlib/components.ts';
import {
  allPeers,
  powerOfChoice,
  randomPeers,
  roundRobin,
  weightedPeers,
} from '../../stdlib/selectors/index.ts';
import { float32s, int64, strings, stringsOf } from '../../stdlib/tensors.ts';
import { Bench } from '../support/node-component.ts';

const phones = Array.from({ length: 6 }, (_, at) => `p${at}`);
const f32 = (...values: readonly number[]): Tensor => float32s([values.length], Float32Array.from(values));

/** A selector at a server; each question is a flow of its own, unless it says which. */
class Turns {
  members: Record<string, readonly string[]> = { phone: phones };
  bench: Bench;
  #make: () => NodeComponent;
  #flows = 0;

  constructor(make: () => NodeComponent) {
    this.#make = make;
    this.bench = new Bench(make(), 'server', this.members);
  }

  take(count: number, origin = `flow ${this.#flows++}`): readonly string[] {
    const options = { class: 'phone' };
    return stringsOf(this.bench.call('Select', [int64(count)], { origin, options })[0], '');
  }
  tell(method: 'Missed' | 'Seen', ...peers: readonly string[]): void {
    this.bench.update(method, strings(peers));
  }
  pass(seconds: number): void {
    this.bench.container.advance(seconds * 1e9);
  }
  /** On another node, as this one was. */
  restored(): Turns {
    const other = new Turns(this.#make);
    other.bench.container.restore(this.bench.container.save());
    other.#flows = this.#flows;
    return other;
  }
}

describe('round robin', () => {
  test('goes on where it left off, and from the end to the beginning', () => {
    const turns = new Turns(roundRobin);
    expect([turns.take(4), turns.take(4), turns.take(9)]).toEqual([
      ['p0', 'p1', 'p2', 'p3'],
      ['p4', 'p5', 'p0', 'p1'],
      ['p2', 'p3', 'p4', 'p5', 'p0', 'p1'],
    ]);
  });

  test('gives a flow the same whenever it asks, and goes on for the next one', () => {
    const turns = new Turns(roundRobin);
    expect(turns.take(2, 'a')).toEqual(['p0', 'p1']);
    expect(turns.take(2, 'b')).toEqual(['p2', 'p3']);
    expect(turns.take(2, 'a')).toEqual(['p0', 'p1']);
    expect(turns.take(2, 'c')).toEqual(['p4', 'p5']);
  });

  test('restored it goes on with the next one, and has the answers that it gave', () => {
    const turns = new Turns(roundRobin);
    turns.take(2, 'a');
    const other = turns.restored();
    expect(other.take(2, 'a')).toEqual(['p0', 'p1']);
    expect(other.take(2, 'b')).toEqual(['p2', 'p3']);
    expect(other.restored().bench.container.save()).toEqual(other.bench.container.save());
  });

  test('keeps the place of who is not there, and of who has joined', () => {
    const turns = new Turns(roundRobin);
    turns.take(3);
    turns.members.phone = ['p0', 'p0b', 'p1', 'p2', 'p3'];
    expect(turns.take(2)).toEqual(['p3', 'p0']);
    expect(turns.take(2)).toEqual(['p0b', 'p1']);
    // Whoever was the last is gone: from the beginning.
    turns.members.phone = ['p0', 'p2'];
    expect(turns.take(1)).toEqual(['p0']);
  });
});

describe('weighted', () => {
  /** The chance of each pair in order, drawn one after another without replacement. */
  const chance = (weights: readonly number[], first: number, second: number): number => {
    const sum = weights.reduce((a, b) => a + b, 0);
    return (weights[first]! / sum) * (weights[second]! / (sum - weights[first]!));
  };

  test('draws one after another by the share of the weights that are left', () => {
    const turns = new Turns(weightedPeers);
    const weights = [5, 1, 3, 1, 0, 2];
    turns.bench.update('Weigh', strings(phones), f32(...weights));
    const draws = 20_000;
    const counts = new Map<string, number>();
    for (let draw = 0; draw < draws; draw++) {
      const pair = turns.take(2).join(' ');
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    let [chi2, pairs] = [0, 0];
    for (const [a, one] of phones.entries())
      for (const [b, other] of phones.entries()) {
        const expected = a === b ? 0 : draws * chance(weights, a, b);
        if (expected === 0) expect(counts.has(`${one} ${other}`)).toBe(false);
        else {
          chi2 += ((counts.get(`${one} ${other}`) ?? 0) - expected) ** 2 / expected;
          pairs++;
        }
      }
    // 19 degrees of freedom: above 43.8 once in a thousand times.
    expect(pairs).toBe(20);
    expect(chi2).toBeLessThan(43.8);
  });

  test('who has told nothing counts 1; nonsense counts nothing, and takes nothing from others', () => {
    const turns = new Turns(weightedPeers);
    const nonsense = [Number.NaN, -1, Number.POSITIVE_INFINITY, 0];
    turns.bench.update('Weigh', strings(phones.slice(0, 4)), f32(...nonsense));
    expect([...turns.take(9)].sort()).toEqual(['p4', 'p5']);
    expect(() => turns.bench.update('Weigh', strings(['p0', 'p1']), f32(1))).toThrow(
      'weights are 1, and peers 2',
    );
  });

  test('one flow draws alike however often it asks, and alike where it is restored', () => {
    const turns = new Turns(weightedPeers);
    turns.bench.update('Weigh', strings(phones), f32(1, 2, 3, 4, 5, 6));
    const drawn = turns.take(3, 'a');
    expect(turns.take(3, 'a')).toEqual(drawn);
    expect(turns.restored().take(3, 'a')).toEqual(drawn);
  });
});

describe('power of choice', () => {
  test('takes those of the candidates that have the highest loss, and who has none before all', () => {
    const turns = new Turns(() => powerOfChoice({ candidates: 6 }));
    turns.bench.update('Report', strings(phones.slice(0, 5)), f32(3, 1, 5, 4, 2));
    expect(turns.take(3)).toEqual(['p5', 'p2', 'p3']);
    turns.bench.update('Report', strings(['p5', 'p2']), f32(0, Number.NaN));
    expect(turns.take(6)).toEqual(['p3', 'p0', 'p4', 'p1', 'p5', 'p2']);
  });

  test('draws its candidates: of two for one, the worst of all is taken in a third of the flows', () => {
    const turns = new Turns(powerOfChoice);
    turns.bench.update('Report', strings(phones), f32(6, 5, 4, 3, 2, 1));
    const counts = phones.map(() => 0);
    for (let flow = 0; flow < 3000; flow++) counts[phones.indexOf(turns.take(1)[0]!)]!++;
    // Of 15 pairs, the one ranked r is the higher in 6 - r.
    for (const [rank, count] of counts.entries())
      expect(Math.abs(count - ((5 - rank) / 15) * 3000)).toBeLessThan(4 * Math.sqrt(3000 / 4.5));
    expect(counts[5]).toBe(0);
  });

  test('draws candidates by weight', () => {
    const turns = new Turns(() => powerOfChoice({ candidates: 2 }));
    turns.bench.update('Weigh', strings(phones), f32(0, 0, 1, 0, 1, 0));
    turns.bench.update('Report', strings(phones), f32(9, 9, 1, 9, 2, 9));
    expect(turns.take(2)).toEqual(['p4', 'p2']);
  });
});

describe('who missed its turn', () => {
  test('is ignored, unless it is said what becomes of it', () => {
    const turns = new Turns(allPeers);
    turns.tell('Missed', 'p0');
    expect(turns.take(2)).toEqual(['p0', 'p1']);
  });

  test('drop: is passed over until it is seen, or its time is over', () => {
    const turns = new Turns(() => roundRobin({ churn: 'drop', awayMs: 10_000 }));
    turns.tell('Missed', 'p1', 'p2');
    expect(turns.take(3)).toEqual(['p0', 'p3', 'p4']);
    turns.tell('Seen', 'p1');
    expect(turns.take(3)).toEqual(['p5', 'p0', 'p1']);
    turns.pass(9.9);
    expect(turns.take(1, 'before')).toEqual(['p3']);
    turns.pass(10);
    expect(turns.take(6)).toEqual(['p4', 'p5', 'p0', 'p1', 'p2', 'p3']);
    // What a flow was told before stays.
    expect(turns.take(1, 'before')).toEqual(['p3']);
  });

  test('stash: it comes first when it is back, until it has had its turn', () => {
    const turns = new Turns(() => roundRobin({ churn: 'stash', awayMs: 10_000 }));
    turns.tell('Missed', 'p4', 'p1');
    expect(turns.take(2)).toEqual(['p0', 'p2']);
    turns.tell('Seen', 'p1');
    expect(turns.take(2)).toEqual(['p1', 'p3']);
    turns.tell('Seen', 'p1', 'p3');
    expect(turns.take(2)).toEqual(['p5', 'p0']);
    turns.pass(10);
    expect(turns.take(2)).toEqual(['p4', 'p1']);
  });

  test('requeue: it comes first at once, and is passed over after so many misses in a row', () => {
    const turns = new Turns(() => roundRobin({ churn: 'requeue', tries: 2, awayMs: 10_000 }));
    expect(turns.take(2)).toEqual(['p0', 'p1']);
    turns.tell('Missed', 'p1');
    turns.tell('Seen', 'p0');
    expect(turns.take(2)).toEqual(['p1', 'p2']);
    turns.tell('Missed', 'p1');
    expect(turns.take(6)).toEqual(['p3', 'p4', 'p5', 'p0', 'p2']);
    turns.pass(10);
    // It is one like the others again, with as many tries.
    expect(turns.take(3)).toEqual(['p3', 'p4', 'p5']);
    turns.tell('Missed', 'p3');
    expect(turns.take(2)).toEqual(['p3', 'p0']);
  });

  test.each([
    ['all', allPeers, ['p1', 'p2', 'p4', 'p5']],
    ['random', randomPeers, undefined],
    ['weighted', weightedPeers, undefined],
    ['power of choice', powerOfChoice, undefined],
  ] as const)('is passed over by %s, whatever is asked for; also where it is restored', (_, make, order) => {
    const turns = new Turns(() => make({ churn: 'drop' }));
    turns.tell('Missed', 'p3', 'p0', 'nobody');
    for (const one of [turns, turns.restored()]) {
      const taken = one.take(6);
      expect([...taken].sort()).toEqual(['p1', 'p2', 'p4', 'p5']);
      if (order !== undefined) expect(taken).toEqual(order);
    }
  });
});

describe('as kinds', () => {
  const make = (
    options: Record<string, string | number>,
    role: 'peer_selector' | 'protocol' = 'peer_selector',
  ) => makerOf({ name: 'near', role, options });

  test.each([
    [{ kind: 'round-robin' }],
    [{ kind: 'weighted', churn: 'requeue', tries: 5 }],
    [{ kind: 'power-of-choice', candidates: 10 }],
    [{ kind: 'cyclon', class: 'peer', size: 10, shuffle: 4 }],
    [{ kind: 'hyparview', class: 'peer', active: 4 }],
    [{ kind: 't-man', class: 'peer', ranking: 'near' }],
    [{ kind: 'ring', degree: 4 }],
    [{ kind: 'torus' }],
    [{ kind: 'random-regular', degree: 3, seed: 9 }],
  ])('%o is a selector, and a protocol over the same state', (options) => {
    expect(make(options)!().roles).toEqual(['peer_selector', 'protocol']);
    expect(make(options, 'protocol')).toBeDefined();
  });

  test.each([
    [{ kind: 'cyclon' }, 'cyclon needs the setting class'],
    [{ kind: 'cyclon', class: 3 }, 'class is 3, not a name'],
    [{ kind: 'cyclon', class: 'peer', size: 4 }, 'a shuffle of 8 is more than a view of 4'],
    [{ kind: 'ring', degree: 3 }, 'an even number of neighbours from 2, not 3'],
    [{ kind: 'random', churn: 'wait' }, 'churn is wait, not ignore or drop or stash or requeue'],
    [{ kind: 'round-robin', candidates: 3 }, 'round-robin has no setting candidates'],
  ])('%o is refused, and says why', (options, reason) => {
    expect(() => make(options)).toThrow(reason);
  });
});
