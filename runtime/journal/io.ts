// Inputs and outputs of a node as records.

import type { Input, Output } from '../io.ts';
import { decodeRecord, encodeRecord, JournalError } from './codec.ts';

/** As an output is recorded: what it is about, without buffers that only change hands. */
export type RecordedOutput =
  | Exclude<Output, { readonly type: 'work' | 'call' | 'release' }>
  | Omit<Extract<Output, { readonly type: 'work' }>, 'transfer'>
  | Omit<Extract<Output, { readonly type: 'call' }>, 'transfer'>
  | { readonly type: 'release'; readonly byteLength: number };

/** To be encoded, alone or in a record of the host's. */
export function recordedOutput(output: Output): RecordedOutput {
  switch (output.type) {
    case 'release':
      return { type: 'release', byteLength: output.buffer.byteLength };
    case 'work':
    case 'call': {
      const { transfer: _, ...rest } = output;
      return rest;
    }
    case 'send':
      // Views of larger memory, which is not what is sent.
      return { ...output, pieces: output.pieces.map((piece) => new Uint8Array(piece)) };
    default:
      return output;
  }
}

/**
 * To be encoded, alone or in a record of the host's. Whoever records what a node does must do so before the
 * node has it, since it may give the buffers away.
 */
export const recordedInput = (input: Input): Input =>
  // The node copies a frame that is not given away; what else is in its buffer is nobody's business.
  input.type === 'frame' && input.owned !== true ? { ...input, bytes: new Uint8Array(input.bytes) } : input;

export const encodeInput = (input: Input): Uint8Array => encodeRecord(recordedInput(input));
/** Equal outputs give equal bytes. */
export const encodeOutput = (output: Output): Uint8Array => encodeRecord(recordedOutput(output));

type Check = 'text' | 'number' | 'flag' | 'bytes' | 'flow' | 'record' | 'values' | 'list';
/** Of every field of an input; with `?` it may be absent. */
type Checks = {
  readonly [Type in Input['type']]: {
    readonly [Name in Exclude<keyof Extract<Input, { readonly type: Type }>, 'type'>]-?: Check | `${Check}?`;
  };
};

const checks: Checks = {
  frame: { from: 'text', bytes: 'bytes', vouched: 'flag?', owned: 'flag?' },
  invoke: {
    entry: 'text',
    values: 'values',
    request: 'number?',
    flows: 'number?',
    step: 'number?',
    arguments: 'values?',
    owned: 'flag?',
  },
  supply: { flow: 'flow', values: 'values', owned: 'flag?' },
  restore: { state: 'values' },
  done: { work: 'number', outputs: 'list', suspect: 'record?' },
  failed: { work: 'number', message: 'text', notFinite: 'record?' },
  cancel: { flow: 'flow', why: 'text?' },
  lost: { peer: 'text' },
  found: { peer: 'text' },
  policy: { block: 'list?', allow: 'list?' },
  begin: {},
  shutdown: {},
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
/** What is within values the node looks at itself: they come from hosts, who may err. */
const tests: Readonly<Record<Check, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  flag: (value) => typeof value === 'boolean',
  bytes: (value) => value instanceof Uint8Array,
  flow: (value) => isRecord(value) && typeof value.kind === 'string',
  record: isRecord,
  values: isRecord,
  list: Array.isArray,
};

/** An input out of a record of the host's. Throws {@link JournalError}. */
export function asInput(value: unknown): Input {
  const type = isRecord(value) ? value.type : undefined;
  if (!isRecord(value) || typeof type !== 'string' || !Object.hasOwn(checks, type))
    throw new JournalError('malformed', `a record of no known input: ${String(type)}`);
  for (const [name, check] of Object.entries(checks[type as Input['type']])) {
    const one = value[name];
    if (one === undefined && check.endsWith('?')) continue;
    if (!tests[check.replace('?', '') as Check](one))
      throw new JournalError('malformed', `a record of ${type} with a damaged ${name}`);
  }
  return value as unknown as Input;
}

/** Throws {@link JournalError}. */
export const decodeInput = (bytes: Uint8Array, slackBytes?: number): Input =>
  asInput(decodeRecord(bytes, slackBytes === undefined ? {} : { slackBytes }));

/** Throws {@link JournalError}. For people and tools: a node never takes one. */
export function decodeOutput(bytes: Uint8Array): RecordedOutput {
  const value = decodeRecord(bytes);
  if (!isRecord(value) || typeof value.type !== 'string')
    throw new JournalError('malformed', 'a record of no output');
  return value as unknown as RecordedOutput;
}
