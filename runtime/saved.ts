// State of the parts of a node, for snapshots: what `save` gives, `load` of a new part takes. It holds what the node
// itself holds, not copies, and lives no longer than the next call of the node.

export interface Part {
  save(): unknown;
  load(saved: never): void;
}

export type Saved<One extends { save(): unknown }> = ReturnType<One['save']>;

export function fill<K, V>(map: Map<K, V>, from: Iterable<readonly [K, V]>): void {
  for (const [key, value] of from) map.set(key, value);
}
