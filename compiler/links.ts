// Links between places: whether two classes are joined, and at what cost.

import {
  type Diagnostic,
  diagnostic,
  type Link,
  type PeerClass,
  type Place,
  type Position,
  placeKey,
  type Topology,
} from '../ir/index.ts';
import { pointAt } from './point.ts';

/** What a value meets on its way from one class to another. */
export interface Route {
  readonly latencyNs: number;
  /** undefined: not limited. */
  readonly bytesPerSecond: number | undefined;
  /** Share of frames lost, 0 to 1. */
  readonly loss: number;
}

const local: Route = { latencyNs: 0, bytesPerSecond: undefined, loss: 0 };

/**
 * The slowest way from a member of `from` to a member of `to`; undefined if some pair has no link. Links that
 * name peers go before those that name their classes. Without `links`, and within one peer, nothing costs.
 */
export function routeBetween(topology: Topology, from: string, to: string): Route | undefined {
  const { links } = topology;
  if (links === undefined) return local;
  const sender = classNamed(topology, from);
  const receiver = classNamed(topology, to);
  if (from === to && sender.members.length === 1) return local;
  const byClasses = directed(links, from, to);
  // Only links that name a peer make one pair differ from another.
  const named = links.filter(({ between: [a, b] }) => !isClass(topology, a) || !isClass(topology, b));
  if (named.length === 0) return byClasses;
  let slowest: Route | undefined;
  for (const a of sender.members) {
    for (const b of receiver.members) {
      if (a === b) continue;
      const one = directed(named, a, b) ?? directed(named, a, to) ?? directed(named, from, b) ?? byClasses;
      if (one === undefined) return undefined;
      slowest = slowest === undefined ? one : slower(slowest, one);
    }
  }
  return slowest ?? byClasses;
}

/** The problem, if a value must go between places that no link joins. */
export function checkLinks(
  topology: Topology,
  from: Place,
  to: Place,
  about: { readonly value: string; readonly fromAt?: Position; readonly toAt?: Position },
): Diagnostic | undefined {
  if (routeBetween(topology, from.class, to.class) !== undefined) return undefined;
  const at = about.fromAt ?? about.toAt;
  return diagnostic(
    'BB414',
    { from: from.class, to: to.class, value: about.value },
    {
      value: about.value,
      ...(at === undefined ? pointAt(topology, ['links']) : { at }),
      related: [
        { message: `made on ${placeKey(from)}`, at: about.fromAt },
        { message: `read on ${placeKey(to)}`, at: about.toAt },
      ],
    },
  );
}

const classNamed = (topology: Topology, name: string): PeerClass =>
  topology.classes.find((one) => one.name === name)!;

const isClass = (topology: Topology, name: string): boolean =>
  topology.classes.some((one) => one.name === name);

function directed(links: readonly Link[], from: string, to: string): Route | undefined {
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

const lower = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

const slower = (a: Route, b: Route): Route => ({
  latencyNs: Math.max(a.latencyNs, b.latencyNs),
  bytesPerSecond: lower(a.bytesPerSecond, b.bytesPerSecond),
  loss: Math.max(a.loss, b.loss),
});
