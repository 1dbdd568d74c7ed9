// What a frame meets on its way over the links of a topology.

import type { Link } from './topology.ts';

export interface Route {
  readonly latencyNs: number;
  /** undefined: not limited. */
  readonly bytesPerSecond: number | undefined;
  /** Share of frames lost, 0 to 1. */
  readonly loss: number;
}

/** Without links, and within one peer, nothing costs. */
export const localRoute: Route = { latencyNs: 0, bytesPerSecond: undefined, loss: 0 };

/** The way from one end to another, where a link has just these two. */
export function directRoute(links: readonly Link[], from: string, to: string): Route | undefined {
  for (const { between, latencyNs, upBytesPerSecond, downBytesPerSecond, loss } of links) {
    if (between[0] === from && between[1] === to) {
      // Between members of one class both directions are this link's: the slower one counts.
      const rate = from === to ? lower(upBytesPerSecond, downBytesPerSecond) : upBytesPerSecond;
      return { latencyNs, bytesPerSecond: rate, loss };
    }
    if (between[0] === to && between[1] === from) {
      return { latencyNs, bytesPerSecond: downBytesPerSecond, loss };
    }
  }
  return undefined;
}

/** A peer with its classes. */
export interface Station {
  readonly id: string;
  readonly classes: readonly string[];
}

/** From one peer to another: links that name peers go before those that name their classes. */
export function routeFor(links: readonly Link[], from: Station, to: Station): Route | undefined {
  const [sender, receiver] = [[from.id], [to.id]];
  const ways = [
    [sender, receiver],
    [sender, to.classes],
    [from.classes, receiver],
    [from.classes, to.classes],
  ] as const;
  for (const [ones, others] of ways)
    for (const one of ones)
      for (const other of others) {
        const route = directRoute(links, one, other);
        if (route !== undefined) return route;
      }
  return undefined;
}

const lower = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

/** What the slower of two ways costs, in each respect. */
export const slowerRoute = (a: Route, b: Route): Route => ({
  latencyNs: Math.max(a.latencyNs, b.latencyNs),
  bytesPerSecond: lower(a.bytesPerSecond, b.bytesPerSecond),
  loss: Math.max(a.loss, b.loss),
});
