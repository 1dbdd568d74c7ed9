// When a recording ends: whose flows each op belongs to. With one entry, or none, that goes without saying.

import { type ModelEditor, NO_VALUE, type OpId, type Place, type ValueId } from '../ir/index.ts';
import type { Recorder } from './recorder.ts';

/** Says on every op and input of which entry it is, where the module has several; takes it off where it has one. */
export function sealEntries(owner: Recorder): void {
  const { editor, mainGraph } = owner;
  if (owner.entries.size <= 1) {
    for (const id of [...mainGraph.ops, ...owner.inner]) setEntry(editor, id, undefined);
    for (const id of mainGraph.inputs) setInputEntry(editor, id, undefined);
    return;
  }
  const byValue = entriesOfValues(owner);
  for (const id of mainGraph.ops) {
    const { outputs } = editor.op(id);
    const found = entryOfOp(owner, id, byValue) ?? outputs.map((one) => byValue.get(one)).find(Boolean);
    setEntry(editor, id, found);
  }
  for (const id of mainGraph.inputs) setInputEntry(editor, id, byValue.get(id));
}

/** What was recorded outside of entries belongs where its inputs come from, else where it is read. */
function entriesOfValues(owner: Recorder): ReadonlyMap<ValueId, string> {
  const { editor, mainGraph } = owner;
  const byValue = new Map<ValueId, string>();
  for (const [id, { entry }] of owner.facts) if (entry !== undefined) byValue.set(id, entry);
  for (const id of mainGraph.ops) {
    const found = entryOfOp(owner, id, byValue);
    if (found === undefined) continue;
    for (const output of editor.op(id).outputs) if (output !== NO_VALUE) byValue.set(output, found);
  }
  for (const id of mainGraph.ops.toReversed()) {
    const op = editor.op(id);
    const found =
      op.place?.entry ?? op.outputs.map((one) => byValue.get(one)).find((one) => one !== undefined);
    if (found === undefined) continue;
    for (const input of op.inputs) if (input !== NO_VALUE && !byValue.has(input)) byValue.set(input, found);
  }
  return byValue;
}

function entryOfOp(owner: Recorder, id: OpId, byValue: ReadonlyMap<ValueId, string>): string | undefined {
  const { place, inputs } = owner.editor.op(id);
  return place?.entry ?? inputs.map((one) => byValue.get(one)).find((one) => one !== undefined);
}

function withEntry(place: Place, entry: string | undefined): Place {
  const { entry: _, ...rest } = place;
  return entry === undefined ? rest : { ...rest, entry };
}

function setEntry(editor: ModelEditor, id: OpId, entry: string | undefined): void {
  const { place } = editor.op(id);
  if (place !== undefined && place.entry !== entry) editor.setOp(id, { place: withEntry(place, entry) });
}

function setInputEntry(editor: ModelEditor, id: ValueId, entry: string | undefined): void {
  const { place } = editor.value(id);
  if (place !== undefined && place.entry !== entry) editor.setValue(id, { place: withEntry(place, entry) });
}
