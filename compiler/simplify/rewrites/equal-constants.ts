// Constants of one content are one constant.
//
//   initializer a = {1, 2}
//   initializer b = {1, 2}   →   a in place of b
//
// Bytes decide, so 0 and -0 differ. Weights are read only where another has the same type and shape, and as far as
// they agree.

import {
  type ByteRange,
  memorySource,
  type Value,
  type ValueId,
  type Weight,
  weightByteLength,
} from '../../../ir/index.ts';
import { readable } from '../budget.ts';
import { modelRewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

export const equalConstants = modelRewrite('equal-constants', (bench) => {
  const groups = new Map<string, Candidate[]>();
  for (const { id, weight, def } of initializers(bench)) {
    if (weight === undefined || def.kind !== 'initializer' || bench.isOutput(id)) continue;
    const range = weight.range ?? rangeOfSmall(weight);
    if (range === undefined) continue;
    const key = `${weight.dtype} ${weight.dims.join()} ${range.byteLength} ${beginning(range)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [{ id, range }]);
    else group.push({ id, range });
  }
  let changed = false;
  for (const group of groups.values()) if (group.length > 1) changed = shareWithin(group, bench) || changed;
  return changed;
});

interface Candidate {
  readonly id: ValueId;
  readonly range: ByteRange;
}

function* initializers(bench: Workbench): Iterable<Value> {
  for (const graph of bench.model.graphs)
    for (const id of bench.initializersOf(graph.id)) yield bench.value(id);
}

/** What is written number by number is read whole, so only where there are few. */
const MAX_DECODED_BYTES = 1024;

function rangeOfSmall(weight: Weight): ByteRange | undefined {
  if ((weightByteLength(weight) ?? Number.POSITIVE_INFINITY) > MAX_DECODED_BYTES) return undefined;
  const bytes = readable(weight)?.bytes;
  return bytes && { source: memorySource('', bytes), offset: 0, byteLength: bytes.length };
}

/** Different contents in one group, at most; more are not told apart but left alone. */
const MAX_KINDS = 16;

function shareWithin(group: readonly Candidate[], bench: Workbench): boolean {
  const kinds: Candidate[] = [];
  let changed = false;
  for (const { id, range } of group) {
    const { graph } = bench.value(id);
    const same = kinds.find(
      (kind) => bench.encloses(bench.value(kind.id).graph, graph) && sameContent(kind.range, range),
    );
    if (same !== undefined && bench.share(id, same.id)) {
      bench.removeInitializer(id);
      changed = true;
    } else if (kinds.length < MAX_KINDS) kinds.push({ id, range });
  }
  return changed;
}

/** Enough to tell most weights of one shape apart, little enough to read of each. */
const BEGINNING_BYTES = 64;
const beginning = ({ source, offset, byteLength }: ByteRange): string =>
  String(source.read(offset, Math.min(byteLength, BEGINNING_BYTES)));

const WINDOW_BYTES = 1 << 16;

function sameContent(left: ByteRange, right: ByteRange): boolean {
  if (left.source === right.source && left.offset === right.offset) return true;
  for (let at = 0; at < left.byteLength; at += WINDOW_BYTES) {
    const length = Math.min(WINDOW_BYTES, left.byteLength - at);
    const [x, y] = [left, right].map(({ source, offset }) => source.read(offset + at, length)) as [
      Uint8Array,
      Uint8Array,
    ];
    for (let index = 0; index < length; index++) if (x[index] !== y[index]) return false;
  }
  return true;
}
