// A run as a file: what every peer keeps, and where the session goes on. An .npz (or .json) with the arrays
// `state:PEER:KEY`, `argument:NAME` for what the next flow is given, `step`, `goes_on` and `deployment`.

import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  type DataValue,
  DiagnosticError,
  diagnostic,
  isTensor,
  packStrings,
  type Tensor,
} from '../../ir/index.ts';
import type { PeerStates } from '../../runtime/host/index.ts';
import { elementsOf, tensorFrom } from '../tensors/elements.ts';
import { readTensorFile, writeTensors } from '../tensors/files.ts';

export interface Checkpoint {
  /** Hash of the deployment that ran. */
  readonly deployment: string;
  /** The next flow's place in the session, or how many there have been. */
  readonly step: number;
  /** What the next flow is given; undefined: the session is over. */
  readonly arguments: Readonly<Record<string, DataValue>> | undefined;
  readonly states: PeerStates;
}

const FORMATS = ['.npz', '.json'];

/** Throws DiagnosticError BB824 where no checkpoint can be written to a file of that name. */
export function checkCheckpointName(file: string): void {
  if (FORMATS.includes(path.extname(file))) return;
  throw new DiagnosticError(
    diagnostic('BB824', { file, reason: `a checkpoint is one of ${FORMATS.join(', ')}` }),
  );
}

/** The file is there as a whole or not at all. Throws DiagnosticError BB824, BB882. */
export function writeCheckpoint(file: string, checkpoint: Checkpoint): void {
  const { deployment, step, states, arguments: given } = checkpoint;
  const tensors = new Map<string, DataValue>([
    ['step', tensorFrom('int64', [], [BigInt(step)])],
    ['goes_on', tensorFrom('bool', [], [given !== undefined])],
    ['deployment', { dtype: 'string', dims: [], bytes: packStrings([deployment]) }],
  ]);
  for (const [name, value] of Object.entries(given ?? {})) tensors.set(`argument:${name}`, value);
  for (const [peer, state] of Object.entries(states))
    for (const [key, value] of Object.entries(state)) tensors.set(`state:${peer}:${key}`, value);
  const extension = path.extname(file);
  const partial = `${file.slice(0, -extension.length)}.partial${extension}`;
  try {
    writeTensors(partial, tensors);
    renameSync(partial, file);
  } finally {
    if (existsSync(partial)) rmSync(partial);
  }
}

/** Throws DiagnosticError BB820 where the file cannot be read, BB781 where it is no checkpoint. */
export function readCheckpoint(file: string): Checkpoint {
  const fail = (reason: string): never => {
    throw new DiagnosticError(diagnostic('BB781', { reason }, { at: { file } }));
  };
  const content = readTensorFile(file);
  const scalar = (name: string, dtype: Tensor['dtype']): string => {
    const value = content.get(name);
    if (value === undefined || !isTensor(value) || value.dtype !== dtype || value.dims.length > 0)
      return fail(`it has no ${dtype} scalar ${name}`);
    return String(elementsOf(value)[0]);
  };
  const step = Number(scalar('step', 'int64'));
  const goesOn = scalar('goes_on', 'bool') === 'true';
  const given: [string, DataValue][] = [];
  const states = new Map<string, [string, DataValue][]>();
  for (const [name, value] of content) {
    const [, argument] = /^argument:(.*)$/s.exec(name) ?? [];
    const [, peer, key] = /^state:([^:]*):(.*)$/s.exec(name) ?? [];
    if (argument !== undefined) given.push([argument, value]);
    if (peer === undefined) continue;
    const own = states.get(peer) ?? [];
    states.set(peer, own);
    own.push([key!, value]);
  }
  if (!Number.isSafeInteger(step) || step < 0) fail(`its step is ${step}`);
  return {
    deployment: scalar('deployment', 'string'),
    step,
    arguments: goesOn ? Object.fromEntries(given) : undefined,
    states: Object.fromEntries([...states].map(([peer, own]) => [peer, Object.fromEntries(own)])),
  };
}
