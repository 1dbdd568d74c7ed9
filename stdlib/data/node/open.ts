// Opens what topology.json binds: files, relative to its folder, as components of members.

import { statSync } from 'node:fs';
import path from 'node:path';
import { type DataBinding, type DataFiles, DiagnosticError, diagnostic } from '../../../ir/index.ts';
import { type FileSource, fileSource } from '../../../runtime/host/node-source.ts';
import type { Component } from '../../../runtime/index.ts';
import { dataComponent } from '../component.ts';
import { idx } from '../idx.ts';
import { npz } from '../npz.ts';
import { part, shard } from '../select.ts';
import type { Source } from '../source.ts';
import { readText, unreadable } from './read.ts';

/** Which member of a class asks, and of how many. */
export interface MemberNumber {
  readonly index: number;
  readonly count: number;
}

/** Data of one folder. Members whose bindings name the same files share them. */
export class DataFolder {
  readonly #folder: string;
  readonly #sources = new Map<string, Promise<Source>>();

  /** `folder`: what paths are relative to, as messages show it; "" is the process's own. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The component of one member. Rejects with DiagnosticError: BB770 for files that cannot be read, BB771 to BB774 for
   * those that are not what they should be, BB775 if records do not go round.
   */
  async open({ name, files, ...how }: DataBinding, { index, count }: MemberNumber): Promise<Component> {
    let source = await this.#source(numbered(files, index));
    try {
      if (how.part !== undefined) source = part(source, how.part);
      if (how.shard !== undefined) source = shard(source, how.shard, index, count);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new DiagnosticError(
        diagnostic('BB775', { name, reason: error.message }, { at: { file: source.name } }),
      );
    }
    return dataComponent(source, { stream: index, ...(how.shuffle && { shuffle: how.shuffle }) });
  }

  /** Closes every file. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#sources.values());
    for (const one of opened) if (one.status === 'fulfilled') one.value.close();
  }

  #source(files: DataFiles): Promise<Source> {
    const key = JSON.stringify(files);
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = openSource(files, this.#folder);
      this.#sources.set(key, source);
    }
    return source;
  }
}

/** The files of one member: `{index}` in paths is its number. */
function numbered(files: DataFiles, index: number): DataFiles {
  const own = (path: string): string => path.replaceAll('{index}', String(index));
  switch (files.kind) {
    case 'idx':
      return {
        ...files,
        files: Object.fromEntries(Object.entries(files.files).map(([field, file]) => [field, own(file)])),
      };
    case 'images':
      return { ...files, folder: own(files.folder), ...(files.labels && { labels: own(files.labels) }) };
    default:
      return { ...files, file: own(files.file) };
  }
}

async function openSource(files: DataFiles, folder: string): Promise<Source> {
  switch (files.kind) {
    case 'idx':
      return idx(openAll(files.files, folder));
    case 'npz':
      return npz(openAll({ file: files.file }, folder).file!, files.fields);
    case 'csv': {
      const { csv } = await import('../csv.ts');
      return csv(readText(folder, files.file), files);
    }
    case 'images': {
      const { openImages } = await import('./images.ts');
      return openImages(files, folder);
    }
  }
}

/** All of the files, or a diagnostic for each that cannot be opened. */
function openAll(files: Readonly<Record<string, string>>, folder: string): Record<string, FileSource> {
  const problems = [];
  const opened: Record<string, FileSource> = {};
  for (const [field, file] of Object.entries(files)) {
    const shown = path.join(folder, file);
    try {
      // Opening a folder succeeds, reading it does not.
      if (statSync(path.resolve(folder, file)).isDirectory())
        throw Object.assign(new Error(), { code: 'EISDIR' });
      opened[field] = fileSource(path.resolve(folder, file), shown);
    } catch (error) {
      problems.push(unreadable(shown, error));
    }
  }
  if (problems.length === 0) return opened;
  for (const file of Object.values(opened)) file.close();
  throw new DiagnosticError(problems);
}
