// What two peers find out about each other first: which wire version both know, and whether they mean the same by the
// edges and messages between them.

import type { Edge, Manifest } from '../../ir/deployment.ts';
import { hashName } from '../../ir/philox.ts';
import { describePort } from '../manifest.ts';
import type { Hello } from '../wire/envelope.ts';

/** 256 × major + minor. */
export type Version = number;
/** Before adaptive networks. */
export const PLAIN: Version = 0x100;
export const ADAPTIVE: Version = 0x101;

export type Versions = readonly [least: Version, most: Version];

const nameOf = (version: Version): string => `${version >> 8}.${version & 255}`;
export const nameOfVersions = ([least, most]: Versions): string =>
  least === most ? nameOf(least) : `${nameOf(least)} to ${nameOf(most)}`;

/** The highest that both know. */
export function commonVersion(ours: Versions, theirs: Versions): Version | undefined {
  const most = Math.min(ours[1], theirs[1]);
  return most >= Math.max(ours[0], theirs[0]) ? most : undefined;
}

export type MessageTypes = Readonly<Record<string, bigint>>;
export type Types = Pick<Hello, 'edges' | 'edgeTypes' | 'messages' | 'messageTypes'>;

const wordsFor = (edge: Edge): string =>
  `${edge.value}, ${edge.kind} from ${edge.from.class} to ${edge.to.class}, ${describePort(edge)}, ${edge.codec}`;

/** The edges between us and a peer, by id. */
export function edgesWith({ edgesIn, edgesOut, members }: Manifest, peer: string): ReadonlyMap<number, Edge> {
  const at = (one: string): boolean => members[one]?.includes(peer) === true;
  const both = [
    ...edgesIn.filter(({ from }) => at(from.class)),
    ...edgesOut.filter(({ to }) => at(to.class)),
  ];
  return new Map(both.map((edge) => [edge.id, edge]));
}

export function typesFor(manifest: Manifest, peer: string, messages: MessageTypes): Types {
  const edges = [...edgesWith(manifest, peer).values()];
  return {
    edges: edges.map(({ id }) => id),
    edgeTypes: edges.map((edge) => hashName(wordsFor(edge))),
    messages: Object.keys(messages),
    messageTypes: Object.values(messages),
  };
}

export interface Mismatch {
  readonly edge?: number;
  /** As it is here. */
  readonly message: string;
}

/** The first edge or message that both have and that is something else there. */
export function mismatchOf(
  manifest: Manifest,
  peer: string,
  messages: MessageTypes,
  theirs: Types,
): Mismatch | undefined {
  const ours = edgesWith(manifest, peer);
  for (const [at, id] of theirs.edges.entries()) {
    const edge = ours.get(id);
    if (edge === undefined) return { edge: id, message: `edge ${id}: no such edge` };
    if (hashName(wordsFor(edge)) !== theirs.edgeTypes[at])
      return { edge: id, message: `edge ${id}: ${wordsFor(edge)}` };
  }
  for (const [at, name] of theirs.messages.entries())
    if (Object.hasOwn(messages, name) && messages[name] !== theirs.messageTypes[at])
      return { message: `message ${name}: type ${messages[name]!.toString(16)}` };
  return undefined;
}

/** How an edge is here, to be held against what a peer says of it. */
export function describeEdge(manifest: Manifest, peer: string, id: number): string {
  const edge = edgesWith(manifest, peer).get(id);
  return edge === undefined ? 'no such edge' : wordsFor(edge);
}
