// Gossip overlays among hundreds of nodes: what their views are as a graph, and what becomes of it when many are gone at once.

import { describe, expect, test } from 'vitest';
import { philox } from '../../ir/philox.ts';
import type { NodeComponent } from '../../runtime/index.ts';
import { cyclon, hyParView, type PeerView, tMan } from '../../stdlib/selectors/index.ts';
import { placeOf } from '../../stdlib/selectors/ranking.ts';
import { float32s, strings } from '../../stdlib/tensors.ts';
import {
  dead,
  deviationOf,
  inDegrees,
  meanOf,
  type OverlayWorld,
  overlayWorld,
  reached,
  update,
} from '../support/overlay.ts';

const options = { class: 'peer' };
const kinds: readonly (readonly [string, () => PeerView & NodeComponent])[] = [
  ['cyclon', () => cyclon(options)],
  ['hyparview', () => hyParView(options)],
  ['t-man', () => tMan(options)],
];

const slow = { timeout: 300_000 };

/** Those whose view names somebody who does not name them. */
const oneSided = (views: ReadonlyMap<string, readonly string[]>): readonly string[] =>
  [...views]
    .filter(([peer, view]) => view.some((one) => views.get(one)?.includes(peer) === false))
    .map(([peer]) => peer);

/** The share whose first two are the next ones on the ring, in both directions. */
function onRing(views: ReadonlyMap<string, readonly string[]>): number {
  const place = (peer: string): number => placeOf({ peer, values: [] });
  const order = [...views.keys()].sort((a, b) => place(a) - place(b));
  const right = order.filter((peer, at) => {
    const wanted = [order[(at + 1) % order.length], order.at(at - 1)];
    return wanted.every((one) => views.get(peer)!.slice(0, 2).includes(one!));
  });
  return right.length / order.length;
}

describe('cyclon', () => {
  test(
    'fills its views and keeps them: bounded, connected, and nobody known by many more than others',
    slow,
    async () => {
      const one = await overlayWorld(200, () => cyclon(options));
      await one.run(30);
      const views = one.views();
      for (const view of views.values()) {
        expect(view.length).toBeLessThanOrEqual(20);
        expect(new Set(view).size).toBe(view.length);
      }
      expect(reached(views)).toBe(200);
      const degrees = inDegrees(views);
      expect(meanOf(degrees)).toBeGreaterThan(19.8);
      // Of a random graph: √20 = 4.5.
      expect(deviationOf(degrees)).toBeLessThan(4.5);
      expect(Math.min(...degrees)).toBeGreaterThanOrEqual(5);
      // Two messages a round: one shuffle, and one answer to somebody’s.
      const { frames } = one.world.traffic.sent;
      await one.run(40);
      expect((one.world.traffic.sent.frames - frames) / 200 / 10).toBeCloseTo(2, 1);
    },
  );

  test(
    'half of the nodes gone at once, the others stay connected, and forget them in twice the view’s rounds',
    slow,
    async () => {
      const one = await overlayWorld(200, () => cyclon(options), { seed: 2n });
      await one.run(30);
      one.crash(0.5);
      expect(dead(one.views())).toBeGreaterThan(800);
      await one.run(70);
      const views = one.views();
      expect([views.size, reached(views), dead(views)]).toEqual([100, 100, 0]);
      expect(meanOf([...views.values()].map((view) => view.length))).toBeGreaterThan(19);
    },
  );

  test('who begins anew, when it knows nobody, is known again', slow, async () => {
    const one = await overlayWorld(100, () => cyclon(options), { seed: 3n });
    await one.run(20);
    const [gone] = one.crash(0.01);
    await one.run(60);
    const peer = one.world.peers.get(gone!)!;
    expect([...one.views().values()].flat()).not.toContain(gone);
    one.world.start(peer);
    await one.run(90);
    const views = one.views();
    expect(views.get(gone!)!.length).toBeGreaterThan(15);
    expect([...views.values()].flat().filter((id) => id === gone).length).toBeGreaterThan(5);
  });
});

test(
  'two halves that were apart until they forgot each other stay apart, until one joins the other',
  slow,
  async () => {
    const one = await overlayWorld(60, () => cyclon({ ...options, size: 8, shuffle: 4 }), { seed: 9n });
    await one.run(20);
    const half = (id: string): boolean => Number(id.split('/')[1]) < 30;
    const apart = { about: (from: { id: string }, to: { id: string }) => half(from.id) !== half(to.id) };
    one.world.network.begin(apart);
    await one.run(60);
    one.world.network.end(apart);
    await one.run(80);
    expect(reached(one.views())).toBe(30);
    one.tell('peer/3', 'Join', strings(['peer/40']));
    await one.run(110);
    expect(reached(one.views())).toBe(60);
    const across = [...one.views()].filter(([id, view]) => view.some((other) => half(other) !== half(id)));
    expect(across.length).toBeGreaterThan(50);
  },
);

describe('hyparview', () => {
  test('has symmetric active views, of five at most, that connect all', slow, async () => {
    const one = await overlayWorld(200, () => hyParView(options));
    await one.run(20);
    // Not while a message that says so is on its way.
    await one.run(20.9);
    const views = one.views();
    expect(reached(views)).toBe(200);
    expect(Math.max(...[...views.values()].map((view) => view.length))).toBe(5);
    expect(meanOf([...views.values()].map((view) => view.length))).toBeGreaterThan(4.6);
    expect(oneSided(views).length).toBeLessThanOrEqual(2);
  });

  test.each([0.3, 0.5, 0.7])(
    '%d of the nodes gone at once, it is repaired within ten rounds',
    slow,
    async (share) => {
      const one = await overlayWorld(200, () => hyParView(options), { seed: 4n });
      await one.run(40);
      one.crash(share);
      await one.run(50);
      const views = one.views();
      expect([reached(views), dead(views)]).toEqual([views.size, 0]);
      expect(meanOf([...views.values()].map((view) => view.length))).toBeGreaterThan(4);
    },
  );

  test('one frame in ten lost, links with one end are mended', slow, async () => {
    const one = await overlayWorld(100, () => hyParView(options), { seed: 5n, loss: 0.1 });
    await one.run(60);
    const views = one.views();
    expect(reached(views)).toBe(100);
    expect(oneSided(views).length).toBeLessThanOrEqual(6);
  });
});

describe('t-man', () => {
  /** Rounds until every node has the next one on both sides first. */
  async function roundsToRing(one: OverlayWorld): Promise<number> {
    for (let round = 1; round <= 60; round++) {
      await one.run(round);
      if (onRing(one.views()) === 1) return round;
    }
    return Number.POSITIVE_INFINITY;
  }

  test('each finds the three that are nearest by what they have placed', slow, async () => {
    const point = (peer: string): readonly [x: number, y: number] => {
      const [x, y] = philox([9, 9], [Number(peer.split('/')[1]), 0, 0, 0]);
      return [x / 2 ** 32, y / 2 ** 32];
    };
    const one = await overlayWorld(200, (peer) => {
      const made = tMan({ ...options, ranking: 'near' });
      update(made, peer, 'Place', float32s([2], Float32Array.from(point(peer))));
      return made;
    });
    await one.run(12);
    const points = [...one.views().keys()].map((peer) => ({ peer, at: point(peer) }));
    for (const [peer, view] of one.views()) {
      const [x, y] = point(peer);
      const nearest = points
        .filter((other) => other.peer !== peer)
        .map((other) => ({ peer: other.peer, far: Math.hypot(other.at[0] - x, other.at[1] - y) }))
        .sort((one, other) => one.far - other.far)
        .map((other) => other.peer);
      expect(view.slice(0, 3)).toEqual(nearest.slice(0, 3));
    }
  });

  test('finds the ring in a number of rounds that grows as the logarithm of the nodes', slow, async () => {
    const rounds: number[] = [];
    for (const count of [25, 100, 400])
      rounds.push(await roundsToRing(await overlayWorld(count, () => tMan(options), { seed: 6n })));
    // Four times as many take two doublings more, not four times as long.
    expect(rounds[0]).toBeLessThanOrEqual(8);
    expect(rounds[1]! - rounds[0]!).toBeLessThanOrEqual(6);
    expect(rounds[2]! - rounds[1]!).toBeLessThanOrEqual(6);
  });

  test(
    'half of the nodes gone at once, the others close the ring when these are forgotten, after 20 rounds',
    slow,
    async () => {
      const one = await overlayWorld(100, () => tMan(options), { seed: 7n });
      await one.run(15);
      expect(onRing(one.views())).toBe(1);
      one.crash(0.5);
      expect(onRing(one.views())).toBeLessThan(0.6);
      await one.run(39);
      expect(onRing(one.views())).toBe(1);
    },
  );
});

describe.each(kinds)('%s', (_, make) => {
  /** All that every node sends, and when. */
  async function traceOf(seed: bigint): Promise<string> {
    const one = await overlayWorld(40, make, { seed });
    const lines: string[] = [];
    one.world.observers.push({
      output: ({ id }, output) => {
        if (output.type === 'send')
          lines.push(
            `${one.world.now} ${id} ${output.to} ${Buffer.concat(output.pieces).toString('base64')}`,
          );
      },
    });
    await one.run(12);
    return lines.join('\n');
  }

  test('the same seed runs the same way, another one does not', slow, async () => {
    const [once, again, other] = [await traceOf(1n), await traceOf(1n), await traceOf(2n)];
    expect(once.length).toBeGreaterThan(10_000);
    expect(again).toBe(once);
    expect(other).not.toBe(once);
  });

  test(
    'all nodes restored from their disks at once, views are as they were, and it goes on',
    slow,
    async () => {
      const one = await overlayWorld(30, make, { seed: 8n, durable: true, diskNs: 0, snapshotRecords: 20 });
      await one.run(10.5);
      const before = one.views();
      for (const peer of one.world.peers.values()) {
        one.world.stop(peer);
        one.world.recover(peer);
      }
      expect(one.views()).toEqual(before);
      const { frames } = one.world.traffic.sent;
      await one.run(20);
      expect(reached(one.views())).toBe(30);
      expect(one.world.traffic.sent.frames - frames).toBeGreaterThan(400);
    },
  );
});
