// The parts of the adaptive network, one by one: what each promises for any history.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOf } from '../../ir/philox.ts';
import { backoffNs } from '../../runtime/net/backoff.ts';
import { Liveness } from '../../runtime/net/liveness.ts';
import { PeerPolicy } from '../../runtime/net/peer-policy.ts';
import { Incoming, Outgoing } from '../../runtime/net/reliable.ts';
import { Rtt } from '../../runtime/net/rtt.ts';

const SECOND = 1e9;
const through = <T>(state: T): T => JSON.parse(JSON.stringify(state)) as T;

describe('round trips (RFC 6298)', () => {
  const bounds = { firstNs: SECOND, leastNs: 0.2 * SECOND, mostNs: 60 * SECOND };

  test('the first sample and the second give what section 2 says', () => {
    const rtt = new Rtt(bounds);
    expect(rtt.rtoNs).toBe(SECOND);
    rtt.sample(400e6);
    expect(rtt.save()).toEqual({ smoothedNs: 400e6, variationNs: 200e6, reported: false });
    expect(rtt.rtoNs).toBe(1200e6);
    rtt.sample(800e6);
    expect(rtt.save()).toEqual({ smoothedNs: 450e6, variationNs: 250e6, reported: false });
    expect(rtt.rtoNs).toBe(1450e6);
  });

  test('any samples: whole numbers, between the smallest and the largest, an RTO within its bounds, and the same after a snapshot', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 * SECOND }), { minLength: 1 }), (samples) => {
        let rtt = new Rtt(bounds);
        for (const one of samples) {
          rtt.sample(one);
          rtt = new Rtt(bounds, through(rtt.save()));
          expect(Number.isInteger(rtt.save().smoothedNs) && Number.isInteger(rtt.save().variationNs)).toBe(
            true,
          );
          expect(rtt.rtoNs).toBeGreaterThanOrEqual(bounds.leastNs);
          expect(rtt.rtoNs).toBeLessThanOrEqual(bounds.mostNs);
        }
        expect(rtt.save().smoothedNs).toBeGreaterThanOrEqual(Math.min(...samples, bounds.mostNs) - 8);
        expect(rtt.save().smoothedNs).toBeLessThanOrEqual(Math.min(Math.max(...samples), bounds.mostNs));
      }),
    );
  });

  test('what the peer measured counts until there is a sample of one’s own', () => {
    const rtt = new Rtt(bounds);
    rtt.report(3 * SECOND, SECOND);
    expect(rtt.rtoNs).toBe(7 * SECOND);
    rtt.sample(400e6);
    rtt.report(3 * SECOND, SECOND);
    expect(rtt.rtoNs).toBe(1200e6);
  });
});

describe('liveness (φ accrual)', () => {
  const options = { heartbeatNs: SECOND, pauseNs: 3 * SECOND, threshold: 8, window: 32 };

  test('suspicion grows with silence and reaches the threshold when it said it would', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 5 * SECOND }), { maxLength: 80 });
    fc.assert(
      fc.property(pauses, (list) => {
        let now = 10 * SECOND;
        let live = new Liveness(options, now);
        for (const pause of list) {
          now += pause;
          live.heard(now);
          live = new Liveness(options, 0, through(live.save()));
        }
        expect(live.save().intervalsNs.length).toBeLessThanOrEqual(options.window);
        const at = live.suspectNs;
        expect(at).toBeGreaterThan(now + options.pauseNs);
        expect(live.phi(at)).toBeGreaterThanOrEqual(options.threshold - 1e-6);
        expect(live.phi(at - 0.1 * SECOND)).toBeLessThan(options.threshold);
        const phis = [0, 1, 2, 4, 8].map((silent) => live.phi(now + silent * SECOND));
        expect(phis).toEqual([...phis].sort((a, b) => a - b));
      }),
    );
  });

  test('a burst of frames does not make a usual pause suspicious', () => {
    const live = new Liveness(options, 0);
    for (let at = 1; at <= 20; at++) live.heard(at * SECOND);
    const usual = live.suspectNs;
    for (let at = 1; at <= 1000; at++) live.heard(20 * SECOND + at);
    expect(live.suspectNs - 1000).toBe(usual);
  });

  test('it learns that a peer is slow', () => {
    const live = new Liveness(options, 0);
    const patient = new Liveness(options, 0);
    for (let at = 1; at <= 32; at++) {
      live.heard(at * SECOND);
      patient.heard(4 * at * SECOND);
    }
    expect(patient.suspectNs - patient.lastNs).toBeGreaterThan(live.suspectNs - live.lastNs + 2 * SECOND);
  });
});

test('a pause before another try doubles up to its limit, with at most a quarter of chance, the same for the same key', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.nat(60), fc.nat(2 ** 31), (seed, tries, draw) => {
      const pause = backoffNs(SECOND, tries, 60 * SECOND, keyOf(seed), draw);
      const plain = Math.min(2 ** tries * SECOND, 60 * SECOND);
      expect(pause).toBeGreaterThanOrEqual(plain);
      expect(pause).toBeLessThan(plain * 1.25);
      expect(backoffNs(SECOND, tries, 60 * SECOND, keyOf(seed), draw)).toBe(pause);
    }),
  );
});

describe('frames of one peer to another', () => {
  test('over a link that loses, repeats and reorders, each sequence is new exactly once, and queues keep to their bounds', () => {
    const steps = fc.array(fc.tuple(fc.nat(4), fc.nat(30), fc.nat(3)), { maxLength: 300 });
    fc.assert(
      fc.property(steps, (list) => {
        let out = new Outgoing<number>({ frames: 8, bytes: 100 });
        let into = new Incoming(32);
        const [wire, arrived] = [[] as [number, number][], [] as number[]];
        let [sequence, now] = [0, 0];
        const put = (one: ReturnType<typeof out.ready>): void => {
          if (one === undefined) return;
          out.sent(one, now);
          wire.push([one.sequence, out.oldest!.sequence]);
        };
        const acknowledge = (): void => {
          const { kept } = out.acknowledge(now, into.cumulative, into.selective(4));
          for (const one of kept) expect(arrived).toContain(one.sequence);
        };
        const deliver = (at: number): void => {
          const [one, oldest] = wire[at]!;
          into.skip(oldest);
          if (into.take(one) === 'new') arrived.push(one);
        };
        for (const [what, bytes, pick] of list) {
          now++;
          if (what === 0 && out.fits(bytes)) out.keep(++sequence, sequence, bytes, now);
          if (what === 1) put(out.ready());
          if (what === 2) for (const one of out.overdue(now - pick, 2)) put(one);
          if (what === 3 && wire.length > 0) deliver((bytes * 7) % wire.length);
          if (what === 4) acknowledge();
          expect(out.frames).toBeLessThanOrEqual(8);
          expect(out.bytes).toBeLessThanOrEqual(100);
          out = new Outgoing({ frames: 8, bytes: 100 }, through(out.save()));
          into = new Incoming(32, through(into.save()));
        }
        for (let round = 0; round < 30 && out.frames > 0; round++) {
          now++;
          for (let one = out.ready(); one !== undefined; one = out.ready()) put(one);
          for (const one of out.overdue(now, 8)) put(one);
          wire.forEach((_, at) => void deliver(at));
          acknowledge();
        }
        expect(out.frames).toBe(0);
        expect([out.bytes, out.inFlightBytes]).toEqual([0, 0]);
        expect(arrived.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: sequence }, (_, at) => at + 1),
        );
      }),
    );
  });

  test('what the receiver has no room for waits, but one frame may always be under way unless it takes none', () => {
    const out = new Outgoing<string>({ frames: 8, bytes: 100 });
    out.keep(1, 'a', 30, 0);
    out.keep(2, 'b', 30, 0);
    out.window = 40;
    const first = out.ready()!;
    out.sent(first, 0);
    expect(out.ready()).toBeUndefined();
    out.window = 60;
    expect(out.ready()?.frame).toBe('b');
    out.window = 0;
    expect(out.ready()).toBeUndefined();
    out.acknowledge(5, 1, []);
    expect(out.ready()).toBeUndefined();
    out.window = 1;
    expect(out.ready()?.frame).toBe('b');
  });

  test('a frame that was sent twice gives no sample', () => {
    const out = new Outgoing<string>({ frames: 8, bytes: 100 });
    out.keep(1, 'a', 1, 0);
    out.keep(2, 'b', 1, 0);
    for (let one = out.ready(); one !== undefined; one = out.ready()) out.sent(one, 10);
    out.sent(out.oldest!, 20);
    expect(out.acknowledge(30, 1, []).tookNs).toBeUndefined();
    expect(out.acknowledge(35, 0, [2]).tookNs).toBe(25);
  });

  test('a gap that the sender gave up is passed over', () => {
    const into = new Incoming(4);
    expect(into.take(1)).toBe('new');
    expect(into.take(7)).toBe('beyond');
    expect(into.take(4)).toBe('new');
    into.skip(6);
    expect(into.take(7)).toBe('new');
    expect([into.cumulative, into.selective(9)]).toEqual([5, [7]]);
    into.skip(3);
    expect(into.take(6)).toBe('new');
    expect(into.cumulative).toBe(7);
  });
});

describe('the policy of a peer', () => {
  const options = {
    block: ['mallory'],
    allow: ['alice'],
    score: 10,
    pointNs: SECOND,
    cooldownNs: 10 * SECOND,
    longestNs: 60 * SECOND,
  };

  test('blocks, allows, and closes the door for longer each time', () => {
    const policy = new PeerPolicy(options, 1n);
    expect(policy.judge('mallory', 0)).toBe('block');
    for (let at = 0; at < 100; at++) expect(policy.misbehaved('alice', at, 5)).toBeUndefined();
    expect(policy.misbehaved('bob', 0, 5)).toBeUndefined();
    const until = policy.misbehaved('bob', SECOND, 6)!;
    expect(until).toBeGreaterThanOrEqual(11 * SECOND);
    expect(policy.judge('bob', until - 1)).toBe('cooldown');
    expect(policy.judge('bob', until)).toBe('allow');
    const again = policy.misbehaved('bob', until, 10)!;
    expect(again - until).toBeGreaterThanOrEqual(20 * SECOND);
    policy.set({ block: [], allow: ['bob'] });
    expect([policy.judge('mallory', until), policy.judge('bob', until)]).toEqual(['allow', 'allow']);
  });

  test('a score falls with time, and a snapshot keeps it', () => {
    let policy = new PeerPolicy(options, 1n);
    for (let at = 0; at < 100; at++) {
      expect(policy.misbehaved('bob', at * 9 * SECOND, 9)).toBeUndefined();
      policy = new PeerPolicy(options, 1n, through(policy.save()));
    }
  });
});
