// A picture as data: boxes in clusters, arrows between them. Ops become boxes; too many of them become groups.

/** One op to draw. Values are named by keys that are unique in the whole picture. */
export interface DrawnOp {
  /** Program or class; "" draws no frame. */
  readonly cluster: string;
  readonly type: string;
  readonly name: string;
  /** Path of scopes around the op, outermost first; the segment if there are none. */
  readonly path: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** An input or output of the whole computation. */
export interface Boundary {
  readonly cluster: string;
  readonly value: string;
  readonly label: string;
}

/** A value that crosses to another cluster, where it has another key. */
export interface Crossing {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

export interface Subject {
  readonly title: string;
  readonly ops: readonly DrawnOp[];
  readonly inputs: readonly Boundary[];
  readonly outputs: readonly Boundary[];
  readonly crossings: readonly Crossing[];
  /** What an arrow between clusters says about a value that has no crossing of its own. */
  readonly labelOf: (value: string) => string;
}

export interface Box {
  readonly id: string;
  readonly kind: 'op' | 'group' | 'input' | 'output';
  readonly label: string;
  readonly detail: string;
  readonly cluster: string;
}
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** Type and bytes, where the arrow crosses from one cluster to another. */
  readonly label: string;
  readonly crosses: boolean;
}
export interface Drawing {
  readonly title: string;
  /** Says how ops were grouped; "" if they were not. */
  readonly note: string;
  readonly clusters: readonly string[];
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

/** Draws every op if there are at most `maxOps`, otherwise groups of them. */
export function draw(subject: Subject, maxOps: number): Drawing {
  const { keys, note } = groupKeys(subject.ops, maxOps);
  const boxes = boxesOf(subject, keys);
  const maker = new Map<string, string>();
  const cluster = new Map(boxes.map((box) => [box.id, box.cluster]));
  for (const [index, op] of subject.ops.entries()) {
    for (const value of op.outputs) maker.set(value, keys[index]!);
  }
  for (const [index, { value }] of subject.inputs.entries()) maker.set(value, `input${index}`);
  const crossing = new Map(subject.crossings.map((one) => [one.to, one]));

  const arrows = new Map<string, Arrow>();
  const connect = (value: string, to: string): void => {
    const over = crossing.get(value);
    const from = maker.get(over?.from ?? value);
    if (from === undefined || from === to) return; // A constant, or a value inside the group.
    const crosses = cluster.get(from) !== cluster.get(to);
    const label = crosses ? (over?.label ?? subject.labelOf(value)) : '';
    arrows.set(`${from} ${to} ${label}`, { from, to, label, crosses });
  };
  for (const [index, op] of subject.ops.entries()) {
    for (const value of op.inputs) connect(value, keys[index]!);
  }
  for (const [index, { value }] of subject.outputs.entries()) connect(value, `output${index}`);
  return {
    title: subject.title,
    note,
    clusters: [...new Set(boxes.map((box) => box.cluster))],
    boxes,
    arrows: [...arrows.values()],
  };
}

function boxesOf(subject: Subject, keys: readonly string[]): Box[] {
  const boxes: Box[] = [];
  for (const [kind, list] of [
    ['input', subject.inputs],
    ['output', subject.outputs],
  ] as const) {
    for (const [index, { label, cluster }] of list.entries()) {
      boxes.push({ id: `${kind}${index}`, kind, label, detail: '', cluster });
    }
  }
  const members = new Map<string, DrawnOp[]>();
  for (const [index, op] of subject.ops.entries()) {
    const list = members.get(keys[index]!);
    if (list === undefined) members.set(keys[index]!, [op]);
    else list.push(op);
  }
  for (const [id, ops] of members) {
    const [first] = ops;
    const box = { id, cluster: first!.cluster };
    if (ops.length === 1) boxes.push({ ...box, kind: 'op', label: first!.type, detail: first!.name });
    else boxes.push({ ...box, kind: 'group', label: `${ops.length} ops`, detail: histogram(ops) });
  }
  return boxes;
}

/** The four most frequent types: `Conv ×12, Relu ×8, …`. */
function histogram(ops: readonly DrawnOp[]): string {
  const counts = new Map<string, number>();
  for (const { type } of ops) counts.set(type, (counts.get(type) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const text = sorted.slice(0, 4).map(([type, count]) => (count === 1 ? type : `${type} ×${count}`));
  return [...text, ...(sorted.length > 4 ? ['…'] : [])].join(', ');
}

/** Which box each op is in: its own, or that of its scope, or of its run of neighbours. */
function groupKeys(ops: readonly DrawnOp[], maxOps: number): { keys: readonly string[]; note: string } {
  if (ops.length <= maxOps) return { keys: ops.map((_, index) => `op${index}`), note: '' };
  // The deepest scopes that still give few enough groups.
  const depth = Math.max(...ops.map(({ path }) => path.length));
  for (let length = depth; length > 0; length--) {
    const keys = ops.map((op) => JSON.stringify([op.cluster, ...op.path.slice(0, length)]));
    const groups = new Set(keys).size;
    if (groups <= maxOps && groups > 1 && groups >= new Set(ops.map(({ cluster }) => cluster)).size * 2) {
      return { keys, note: `${ops.length} ops in ${groups} groups by scope` };
    }
  }
  const run = Math.ceil(ops.length / Math.min(maxOps, 48));
  const seen = new Map<string, number>();
  const keys = ops.map(({ cluster }) => {
    const index = seen.get(cluster) ?? 0;
    seen.set(cluster, index + 1);
    return JSON.stringify([cluster, Math.floor(index / run)]);
  });
  return { keys, note: `${ops.length} ops in groups of ${run} in order` };
}
