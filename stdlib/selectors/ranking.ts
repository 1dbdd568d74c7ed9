// Who is near whom, for T-Man: rankings that turn what peers say of themselves into a topology.

export interface Profile {
  readonly peer: string;
  /** What it says of itself; nothing: its name is all there is. */
  readonly values: readonly number[];
}

/** Peers in the order in which `base` would have them as neighbours, nearest first. */
export type Ranking = <T extends Profile>(base: Profile, peers: readonly T[]) => readonly T[];

const byName = (a: Profile, b: Profile): number => (a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0);

/** Where a peer stands on the ring: its first number, or else its name's hash, in [0, 1). */
export const placeOf = ({ peer, values: [first] }: Profile): number => first ?? hashOf(peer) / 2 ** 32;

/** FNV-1a over its UTF-16, and what MurmurHash3 ends with: names that differ in a digit at the end are apart. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * A ring in the order of places, of equal ones in the order of names, and from the last to the first. Neighbours are taken in
 * turns from both directions (T-Man, section 3: ranking that depends on the direction), so that a cluster of places on one
 * side does not hide the other side.
 */
export const ring: Ranking = (base, peers) => {
  const placed = <P extends Profile>(one: P) => ({ one, place: placeOf(one) });
  const order = (a: ReturnType<typeof placed>, b: ReturnType<typeof placed>): number =>
    a.place - b.place || byName(a.one, b.one);
  const sorted = peers.map(placed).sort(order);
  const here = placed(base);
  const behind = sorted.findIndex((one) => order(one, here) > 0);
  const next = behind === -1 ? 0 : behind;
  return sorted.map((_, at) => {
    const step = at % 2 === 0 ? at / 2 : -(at + 1) / 2;
    return sorted[(next + step + sorted.length) % sorted.length]!.one;
  });
};

/** By Euclidean distance; last those that say nothing, or not as many numbers. */
export const near: Ranking = (base, peers) => {
  const distance = ({ values }: Profile): number =>
    values.length === 0 || values.length !== base.values.length
      ? Number.POSITIVE_INFINITY
      : values.reduce((sum, one, at) => sum + (one - base.values[at]!) ** 2, 0);
  return peers
    .map((one) => ({ one, far: distance(one) }))
    .sort((a, b) => (a.far === b.far ? byName(a.one, b.one) : a.far < b.far ? -1 : 1))
    .map(({ one }) => one);
};

export const rankings = { ring, near } as const;
