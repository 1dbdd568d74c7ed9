// Links between places: whether two classes are joined, and at what cost.

import {
  type Diagnostic,
  diagnostic,
  directRoute,
  type Edge,
  localRoute,
  type PeerClass,
  type Place,
  type Position,
  placeKey,
  type Route,
  slowerRoute,
  type Topology,
} from '../ir/index.ts';
import { pointAt } from './point.ts';

/**
 * The slowest way from a member of `from` to a member of `to`; undefined if some pair has no link. Links that
 * name peers go before those that name their classes. Without `links`, and within one peer, nothing costs.
 */
export function routeBetween(topology: Topology, from: string, to: string): Route | undefined {
  const { links } = topology;
  if (links === undefined) return localRoute;
  const sender = classNamed(topology, from);
  const receiver = classNamed(topology, to);
  if (from === to && sender.members.length === 1) return localRoute;
  const byClasses = directRoute(links, from, to);
  // Only links that name a peer make one pair differ from another.
  const named = links.filter(({ between: [a, b] }) => !isClass(topology, a) || !isClass(topology, b));
  if (named.length === 0) return byClasses;
  let slowest: Route | undefined;
  for (const a of sender.members) {
    for (const b of receiver.members) {
      if (a === b) continue;
      const one =
        directRoute(named, a, b) ?? directRoute(named, a, to) ?? directRoute(named, from, b) ?? byClasses;
      if (one === undefined) return undefined;
      slowest = slowest === undefined ? one : slowerRoute(slowest, one);
    }
  }
  return slowest ?? byClasses;
}

/** The codec that the topology has for what goes from one class to another; undefined: none. */
export function codecBetween({ links = [] }: Topology, from: string, to: string): string | undefined {
  for (const { between, upCodec, downCodec } of links) {
    if (between[0] === from && between[1] === to) return upCodec;
    if (between[0] === to && between[1] === from) return downCodec;
  }
  return undefined;
}

/** What the value of an edge meets; nothing between two seats of one peer. */
export const routeOf = (topology: Topology, { kind, from, to }: Edge): Route | undefined =>
  kind === 'local' ? localRoute : routeBetween(topology, from.class, to.class);

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
