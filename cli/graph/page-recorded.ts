// The whole computation as a page's graph: from a model, or put together again from the programs of a deployment.

import { type Model, type Op, placeKey, type ValueId } from '../../ir/index.ts';
import { groupMembers, type Member } from './grouping.ts';
import type { PageGraph, PageOp } from './page/data.ts';
import { bareOp, boundaryOp, isConstantOp, type LineAt, scopeOf, ValueTable } from './page-subject.ts';

export interface RecordedSettings {
  readonly maxBoxes: number;
  readonly lineAt: LineAt;
  /** Index of the peer that an op, or an input or output by its index, lives on; -1: not known. */
  readonly peerOf: (op: Op) => number;
  readonly peerOfInput: (index: number, id: ValueId) => number;
  readonly peerOfOutput: (index: number) => number;
}

export function recordedGraph(model: Model, settings: RecordedSettings): PageGraph {
  const values = new ValueTable(model, []);
  const ops: PageOp[] = [];
  const { mainGraph, header } = model;
  for (const [index, id] of mainGraph.inputs.entries()) {
    if (model.value(id).weight !== undefined) continue;
    const peer = settings.peerOfInput(index, id);
    ops.push({ ...boundaryOp('input', values.of(id), values.list), group: -1, peer });
  }
  const paths: (readonly string[])[] = ops.map(() => []);
  for (const [index, id] of mainGraph.ops.entries()) {
    const op = model.op(id);
    if (isConstantOp(op)) continue;
    const at = `${header.file}, op ${index + 1} of ${mainGraph.ops.length}`;
    ops.push({ ...bareOp(model, op, values, at, settings.lineAt), group: -1, peer: settings.peerOf(op) });
    paths.push(scopeOf(op));
  }
  for (const [index, id] of mainGraph.outputs.entries()) {
    const peer = settings.peerOfOutput(index);
    ops.push({ ...boundaryOp('output', values.of(id), values.list), group: -1, peer });
    paths.push([]);
  }
  return groupedGraph(
    { ops, values: values.list, groups: [], crossings: [], notes: [] },
    paths,
    settings.maxBoxes,
  );
}

/** Puts ops into groups below the regions that they name as their group. */
export function groupedGraph(
  graph: PageGraph,
  paths: readonly (readonly string[])[],
  maxBoxes: number,
): PageGraph {
  const maker = new Map<number, number>();
  for (const [index, op] of graph.ops.entries()) for (const value of op.outputs) maker.set(value, index);
  const members = graph.ops.map((op, index): Member => {
    const needs = new Set<number>();
    for (const value of [...op.inputs, ...op.captures]) {
      const from = maker.get(value);
      // Other regions are other programs: what comes from there is no matter of scopes.
      if (from !== undefined && from !== index && graph.ops[from]!.group === op.group) needs.add(from);
    }
    return { region: op.group, peer: op.peer, path: paths[index]!, type: op.type, needs: [...needs] };
  });
  const isLarge = graph.ops.length > maxBoxes;
  const { groups, groupOf } = groupMembers(members, graph.groups, isLarge);
  const ops = graph.ops.map((op, index) => ({ ...op, group: groupOf[index]! }));
  const notes = groups.some(({ kind }) => kind === 'block')
    ? [...graph.notes, 'Long rows without scopes are shown in blocks, cut where few values are alive.']
    : graph.notes;
  return { ...graph, ops, groups, notes };
}

/** What was cut, put together again: receives become the values that were sent, repeated ops one. */
export function joinedGraph(cut: PageGraph, maxBoxes: number): PageGraph {
  const same = new Map<number, number>();
  for (const { from, to } of cut.crossings) if (from >= 0 && to >= 0) same.set(to, from);
  const find = (value: number): number => {
    let at = value;
    for (let next = same.get(at); next !== undefined && next !== value; next = same.get(at)) at = next;
    return at;
  };
  const kept: PageOp[] = [];
  const seen = new Map<string, PageOp>();
  for (const op of cut.ops) {
    if (op.kind === 'trigger') continue;
    const names = op.outputs.map((value) => (value < 0 ? '' : cut.values[value]!.name));
    const key = JSON.stringify([op.type, names]);
    const twin = op.kind === 'op' && names.length > 0 ? seen.get(key) : undefined;
    if (twin === undefined) {
      seen.set(key, op);
      kept.push(op);
    } else {
      for (const [index, value] of op.outputs.entries()) {
        if (value >= 0 && twin.outputs[index] !== value) same.set(value, twin.outputs[index]!);
      }
    }
  }
  const ops = kept.map((op): PageOp => {
    const { schedule: _, ...rest } = op;
    const inputs = op.inputs.map(find);
    return { ...rest, inputs, captures: op.captures.map(find), outputs: op.outputs.map(find), group: -1 };
  });
  const paths = ops.map(({ scope }) => (scope === '' ? [] : scope.split('.')));
  const notes = ['Put together from the programs: a compiled folder does not hold the recording.'];
  return groupedGraph({ ops, values: cut.values, groups: [], crossings: [], notes }, paths, maxBoxes);
}

/** Classes that the author placed something on, in order of appearance. */
export function placesOf(model: Model): Map<string, number> {
  const places = new Map<string, number>();
  const add = (place: Op['place']): void => {
    if (place !== undefined && !places.has(placeKey(place))) places.set(placeKey(place), places.size);
  };
  for (const id of model.mainGraph.inputs) add(model.value(id).place);
  for (const op of model.opsOf()) add(op.place);
  return places;
}
