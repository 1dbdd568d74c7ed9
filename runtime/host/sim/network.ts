// Links between simulated peers: how long a frame takes, and what becomes of it.

import { localRoute, type Route, routeFor, type Station } from '../../../ir/routes.ts';
import type { Link, Topology } from '../../../ir/topology.ts';
import { type Chance, type Distribution, draw } from './chance.ts';

/** What is wrong with a link, beyond what the topology says of it. */
export interface LinkFault {
  /** Share of frames, 0 to 1. */
  readonly loss?: number | undefined;
  readonly duplicate?: number | undefined;
  /** Share of frames that are held back, and for how long. */
  readonly reorder?: { readonly share: number; readonly byNs: Distribution } | undefined;
  /** On top of the link's own. */
  readonly latencyNs?: Distribution | undefined;
  /** Instead of the link's own. */
  readonly bytesPerSecond?: number | undefined;
}

/** A fault while it lasts: which frames it is about. */
export interface Condition {
  readonly about: (from: Station, to: Station) => boolean;
  /** Absent: nothing passes. */
  readonly fault?: LinkFault;
}

export type LossReason = 'link' | 'partition' | 'no-link';

/** When copies of a frame arrive; none: it is lost. */
export type Fate =
  | { readonly arrivals: readonly number[] }
  | { readonly arrivals: readonly []; readonly lost: LossReason };

/** One direction between two peers. */
interface Line {
  /** When its last byte has left. */
  freeAt: number;
  lastArrival: number;
}

export class Network {
  readonly #links: readonly Link[] | undefined;
  readonly #byClass: boolean;
  readonly #routes = new Map<string, Route | undefined>();
  readonly #chance: Chance;
  readonly #lines = new Map<string, Line>();
  readonly #conditions = new Set<Condition>();

  constructor(links: Topology['links'], classes: ReadonlySet<string>, chance: Chance) {
    this.#links = links;
    // Where no link names a peer, a class is like another.
    this.#byClass = (links ?? []).every(({ between }) => between.every((end) => classes.has(end)));
    this.#chance = chance;
  }

  begin(condition: Condition): void {
    this.#conditions.add(condition);
  }

  end(condition: Condition): void {
    this.#conditions.delete(condition);
  }

  send(now: number, from: Station, to: Station, bytes: number): Fate {
    const route = this.#route(from, to);
    if (route === undefined) return { arrivals: [], lost: 'no-link' };
    const chance = this.#chance;
    let { bytesPerSecond } = route;
    let lost = chance.happens(route.loss);
    let [copies, jitterNs, heldBackNs] = [1, 0, 0];
    for (const { about, fault } of this.#conditions) {
      if (!about(from, to)) continue;
      if (fault === undefined) return { arrivals: [], lost: 'partition' };
      if (chance.happens(fault.loss ?? 0)) lost = true;
      if (chance.happens(fault.duplicate ?? 0)) copies++;
      if (fault.latencyNs !== undefined) jitterNs += draw(fault.latencyNs, chance);
      if (fault.reorder !== undefined && chance.happens(fault.reorder.share))
        heldBackNs += draw(fault.reorder.byNs, chance);
      bytesPerSecond = fault.bytesPerSecond ?? bytesPerSecond;
    }
    let arrival = now + route.latencyNs;
    if (bytesPerSecond !== undefined || jitterNs > 0) {
      const line = this.#line(from, to);
      // What gets lost has used the line, too: frames of one direction wait for each other.
      if (bytesPerSecond !== undefined)
        line.freeAt = Math.max(now, line.freeAt) + (bytes / bytesPerSecond) * 1e9;
      const left = bytesPerSecond === undefined ? now : line.freeAt;
      // One that takes longer holds up those behind it, as in a stream.
      arrival = Math.max(line.lastArrival, Math.round(left + route.latencyNs + jitterNs));
      line.lastArrival = arrival;
    }
    if (lost) return { arrivals: [], lost: 'link' };
    arrival += Math.round(heldBackNs);
    return { arrivals: Array.from({ length: copies }, (_, copy) => arrival + copy) };
  }

  #line(from: Station, to: Station): Line {
    const key = `${from.id}\n${to.id}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = { freeAt: 0, lastArrival: 0 };
      this.#lines.set(key, line);
    }
    return line;
  }

  #route(from: Station, to: Station): Route | undefined {
    const links = this.#links;
    if (links === undefined) return localRoute;
    const key = this.#byClass ? `${from.classes}\n${to.classes}` : `${from.id}\n${to.id}`;
    if (!this.#routes.has(key)) this.#routes.set(key, routeFor(links, from, to));
    return this.#routes.get(key);
  }
}
