// What of ours travels in metadata_props: places, source positions, scopes, privacy. As text, both ways.
//
//   place   server · phone.each · "odd name".me · heads.each/phone.some("picked", sticky) · round:server
//   at      model.ts:3:7

import { create } from '@bufbuild/protobuf';
import type { Position } from '../diagnostic.ts';
import {
  ModelProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
} from '../generated/onnx-ml_pb.ts';
import type { ModelHeader, ValueId } from '../graph.ts';
import { COMPILER_METADATA, METADATA } from '../names.ts';
import type { Binder, Place } from '../place.ts';
import { modelLimits } from './limits.ts';

/** A metadata entry: key, value. */
export type Entry = readonly [key: string, value: string];

const quoted = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));

export function placeText(place: Place, nameOf: (value: ValueId) => string): string {
  const entry = place.entry === undefined ? '' : `${quoted(place.entry)}:`;
  const outer = entry + (place.within === undefined ? '' : `${placeText(place.within, nameOf)}/`);
  const name = quoted(place.class);
  const { binder } = place;
  switch (binder.kind) {
    case 'single':
      return outer + name;
    case 'me':
    case 'each':
      return `${outer}${name}.${binder.kind}`;
    default: {
      const set = JSON.stringify(nameOf(binder.set));
      return `${outer}${name}.${binder.kind}(${set}${binder.sticky ? ', sticky' : ''})`;
    }
  }
}

const entryPrefix = /^([\w-]+|"(?:[^"\\]|\\.)*"):/;
const segment =
  /^([\w-]+|"(?:[^"\\]|\\.)*")(?:\.(me|each)|\.(one|some)\(("(?:[^"\\]|\\.)*")(, sticky)?\))?(\/|$)/;

/** undefined if the text is no place, or names a value that `lookup` does not know. */
export function parsePlace(text: string, lookup: (name: string) => ValueId | undefined): Place | undefined {
  let place: Place | undefined;
  const entry = entryPrefix.exec(text);
  let rest = text.slice(entry?.[0].length ?? 0);
  for (let depth = 0; ; depth++) {
    if (depth >= modelLimits.placeDepth) return undefined;
    const match = segment.exec(rest);
    if (match === null) return undefined;
    const [all, name, simple, setKind, set, sticky, end] = match;
    let binder: Binder = { kind: 'single' };
    if (simple !== undefined) binder = { kind: simple as 'me' | 'each' };
    if (setKind !== undefined) {
      const value = lookup(unquote(set!));
      if (value === undefined) return undefined;
      binder = { kind: setKind as 'one' | 'some', set: value, sticky: sticky !== undefined };
    }
    place = { class: unquote(name!), binder, ...(place === undefined ? {} : { within: place }) };
    if (end === '') return entry === null ? place : { ...place, entry: unquote(entry[1]!) };
    rest = rest.slice(all.length);
  }
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

export function positionText(at: Position): string {
  if (at.line === undefined) return at.file;
  return `${at.file}:${at.line}${at.column === undefined ? '' : `:${at.column}`}`;
}

function parsePosition(text: string): Position {
  const match = /^(.*?):(\d+)(?::(\d+))?$/.exec(text);
  if (match === null) return { file: text };
  const [, file, line, column] = match;
  return { file: file!, line: Number(line), ...(column === undefined ? {} : { column: Number(column) }) };
}

/** What metadata_props said about an op or a value. */
export interface Marks {
  readonly place?: Place;
  readonly at?: Position;
  readonly scope?: string;
  readonly private?: boolean;
  readonly entropy?: boolean;
  readonly declassified?: string;
  readonly declassifiedGradient?: string;
  readonly recompute?: string;
}

/** Metadata entries for what is known, in a fixed order. */
export function entriesOf(marks: Marks, nameOf: (value: ValueId) => string): Entry[] {
  const entries: Entry[] = [];
  if (marks.place !== undefined) entries.push([COMPILER_METADATA.place, placeText(marks.place, nameOf)]);
  if (marks.at !== undefined) entries.push([METADATA.at, positionText(marks.at)]);
  if (marks.scope !== undefined) entries.push([COMPILER_METADATA.scope, marks.scope]);
  if (marks.private === true) entries.push([COMPILER_METADATA.private, 'true']);
  if (marks.entropy === true) entries.push([COMPILER_METADATA.entropy, 'true']);
  if (marks.declassified !== undefined) entries.push([COMPILER_METADATA.declassified, marks.declassified]);
  if (marks.declassifiedGradient !== undefined)
    entries.push([COMPILER_METADATA.declassifiedGradient, marks.declassifiedGradient]);
  if (marks.recompute !== undefined) entries.push([COMPILER_METADATA.recompute, marks.recompute]);
  return entries;
}

/** Reads our entries; leaves out any that would not come back as the same text, and all if a key is repeated. */
export function marksOf(
  entries: readonly StringStringEntryProto[],
  lookup: (name: string) => ValueId | undefined,
  nameOf: (value: ValueId) => string,
): Marks {
  const marks: { -readonly [Key in keyof Marks]: Marks[Key] } = {};
  if (new Set(entries.map(({ key }) => key)).size !== entries.length) return marks;
  for (const { key, value } of entries) {
    if (key === COMPILER_METADATA.place) {
      const place = parsePlace(value, lookup);
      if (place !== undefined && placeText(place, nameOf) === value) marks.place = place;
    } else if (key === METADATA.at) {
      const at = parsePosition(value);
      if (positionText(at) === value) marks.at = at;
    } else if (key === COMPILER_METADATA.scope) {
      marks.scope = value;
    } else if (key === COMPILER_METADATA.private && value === 'true') {
      marks.private = true;
    } else if (key === COMPILER_METADATA.entropy && value === 'true') {
      marks.entropy = true;
    } else if (key === COMPILER_METADATA.declassified) {
      marks.declassified = value;
    } else if (key === COMPILER_METADATA.declassifiedGradient) {
      marks.declassifiedGradient = value;
    } else if (key === COMPILER_METADATA.recompute) {
      marks.recompute = value;
    }
  }
  return marks;
}

/**
 * The entries to write: those of the file in their order, brought up to date, and new ones after them. An
 * entry of the file that was not understood, or is no longer known, stays; a place that was taken away does not.
 */
export function mergeEntries(
  file: readonly StringStringEntryProto[] | undefined,
  current: readonly Entry[],
): object[] {
  if (file === undefined || file.length === 0) return current.map(([key, value]) => ({ key, value }));
  const missing = new Map(current);
  const isUnplaced =
    !missing.has(COMPILER_METADATA.place) && new Set(file.map(({ key }) => key)).size === file.length;
  const merged = file.flatMap((entry): object[] => {
    const value = missing.get(entry.key);
    if (value === undefined) {
      const isOurs =
        entry.key === COMPILER_METADATA.place && parsePlace(entry.value, () => undefined) !== undefined;
      return isUnplaced && isOurs ? [] : [entry];
    }
    missing.delete(entry.key);
    return [entry.value === value ? entry : { ...entry, value }];
  });
  for (const [key, value] of missing) merged.push({ key, value });
  return merged;
}

/** A header whose model has the entry in its metadata, in the place of one of that key. */
export function withModelMetadata(header: ModelHeader, key: string, value: string): ModelHeader {
  const residue = header.residue ?? create(ModelProtoSchema, { irVersion: BigInt(header.irVersion) });
  const others = residue.metadataProps.filter((one) => one.key !== key);
  const metadataProps = [...others, create(StringStringEntryProtoSchema, { key, value })];
  return { ...header, residue: { ...residue, metadataProps } };
}
