// A record of a simulation as a file.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import {
  RECORD_VERSION,
  type ReadSimulation,
  Recorder,
  readSimulation,
  recordBeginning,
  recordPart,
} from '../../runtime/host/sim/record.ts';
import { JournalError } from '../../runtime/journal/index.ts';
import { readProblem } from '../load/files.ts';
import type { Settings, Stage } from './simulate.ts';

/** Bytes that are written at once. */
const CHUNK_BYTES = 2 ** 20;

export class RecordFile {
  readonly #descriptor: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** Records all that happens from now on. Throws DiagnosticError BB882. */
  constructor(file: string, stage: Stage, compact: boolean) {
    const { deployment, settings, inputs, world } = stage;
    try {
      this.#descriptor = openSync(file, 'w');
    } catch (error) {
      throw new DiagnosticError(diagnostic('BB882', { file, reason: (error as Error).message }));
    }
    const { deployment: hash } = deployment.plan;
    const header = { kind: 'simulation', version: RECORD_VERSION, deployment: hash, compact } as const;
    for (const part of recordBeginning({ ...header, settings, inputs: new Map(inputs) })) this.#put(part);
    world.observers.push(new Recorder(compact, (payload) => this.#put(recordPart(payload))));
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  #put(part: Uint8Array): void {
    this.#waiting.push(part);
    this.#waitingBytes += part.length;
    if (this.#waitingBytes >= CHUNK_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#waiting);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    [this.#waiting, this.#waitingBytes] = [[], 0];
  }
}

export interface OpenRecord extends ReadSimulation {
  readonly settings: Settings;
}

/** Throws DiagnosticError BB791 for what is no record. */
export function openRecord(file: string): OpenRecord {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new DiagnosticError(readProblem(file, error));
  }
  try {
    const read = readSimulation(bytes);
    const settings = read.header.settings as Settings | null;
    if (typeof settings?.source !== 'string') throw new JournalError('malformed', 'it does not say of what');
    return { ...read, settings };
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new DiagnosticError(diagnostic('BB791', { reason: error.message }, { at: { file } }));
  }
}
