// Named values in files: `.npz`, `.npy`, `.json`, and `.pb` with ONNX's TensorProto, SequenceProto, OptionalProto or
// SparseTensorProto.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type DataValue,
  DiagnosticError,
  diagnostic,
  formatType,
  isTensor,
  LimitError,
  type Port,
  type Tensor,
  tensorsOf,
  typeOfData,
  typeOfPort,
  type ValueType,
} from '../../ir/index.ts';
import { type DataKind, decodeDataValue, encodeDataValue } from '../../ir/onnx/index.ts';
import { decodeNpy, encodeNpy, npyHas } from '../../stdlib/data/npy.ts';
import { readZip, writeZip } from '../../stdlib/data/zip.ts';
import { fileReason, readProblem } from '../load/files.ts';
import { isOneValue, jsonOfValue, valueOfJson } from './json.ts';

const FORMATS = '.npz, .npy, .json or .pb';
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const unreadable = (file: string, reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB820', { file, reason }, { at: { file } }));

/** What a file holds: values by name, or one without a name. */
type Content = ReadonlyMap<string, DataValue> | DataValue;
const isSingle = (content: Content): content is DataValue => !(content instanceof Map);

/** Reads a file of tensors. `ports` tell the types of bare JSON arrays. Throws DiagnosticError BB820. */
function readTensors(file: string, ports: readonly Port[], name?: string): Content {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new DiagnosticError(readProblem(file, error));
  }
  return tensorsIn(file, bytes, ports, name);
}

/** What the bytes of a file hold; its name says in which format. Throws DiagnosticError BB820. */
export function tensorsIn(file: string, bytes: Uint8Array, ports: readonly Port[], name?: string): Content {
  const typeOf = (one: string | undefined): ValueType | undefined => {
    const port = ports.find((known) => known.name === one);
    return port && typeOfPort(port);
  };
  try {
    switch (path.extname(file)) {
      case '.npz':
        return new Map(
          [...readZip(bytes)].map(([member, array]) => [member.replace(/\.npy$/, ''), decodeNpy(array)]),
        );
      case '.npy':
        return decodeNpy(bytes);
      case '.pb':
        return decodeDataValue(messageOf(typeOf(name ?? ports[0]?.name)), bytes, file);
      case '.json': {
        const document = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
        if (isOneValue(document)) return valueOfJson(document, typeOf(name ?? ports[0]?.name));
        return new Map(Object.entries(document).map(([key, one]) => [key, valueOfJson(one, typeOf(key))]));
      }
    }
  } catch (error) {
    if (error instanceof DiagnosticError) throw error;
    if (error instanceof LimitError) throw new DiagnosticError(diagnostic('BB110', error, { at: { file } }));
    throw unreadable(file, reasonOf(error));
  }
  throw unreadable(file, `its name does not end in ${FORMATS}`);
}

/** A file that names what it holds. Throws DiagnosticError BB820. */
export function readTensorFile(file: string): ReadonlyMap<string, DataValue> {
  const content = readTensors(file, []);
  if (isSingle(content)) throw unreadable(file, 'it holds one value, without a name');
  return content;
}

/** A file of a message does not say which one it is: the input does. */
function messageOf(type: ValueType | undefined): DataKind {
  const kind = type?.kind;
  return kind === 'sequence' || kind === 'optional' || kind === 'sparse' ? kind : 'tensor';
}

/**
 * The values that `--inputs` names: `FILE` with a name for each tensor (or with one, for a model of one input),
 * or `NAME=FILE`. Later ones replace earlier ones. Throws DiagnosticError BB820, BB821.
 */
export function readInputs(specs: readonly string[], ports: readonly Port[]): Map<string, DataValue> {
  const inputs = new Map<string, DataValue>();
  for (const spec of specs) {
    const [, name, named] = /^([^=]*)=(.+)$/s.exec(spec) ?? [];
    const file = named ?? spec;
    const content = readTensors(file, ports, name);
    if (!isSingle(content)) {
      if (name === undefined) for (const [key, value] of content) inputs.set(key, value);
      else inputs.set(name, memberOf(content, name, file));
    } else {
      if (name === undefined && ports.length !== 1) {
        throw unreadable(
          file,
          `it does not say which of the ${ports.length} inputs it is: write NAME=${file}`,
        );
      }
      inputs.set(name ?? ports[0]!.name, content);
    }
  }
  return inputs;
}

/** The tensor called `name`, or the only one there is. */
function memberOf(content: ReadonlyMap<string, DataValue>, name: string, file: string): DataValue {
  const found = content.get(name) ?? (content.size === 1 ? [...content.values()][0] : undefined);
  if (found === undefined)
    throw unreadable(file, `it holds no ${name}, but ${[...content.keys()].join(', ')}`);
  return found;
}

/** Whether {@link writeTensors} has a format for the file's name. Throws DiagnosticError BB824. */
export function checkFormat(file: string): void {
  if (!['.npz', '.npy', '.json', '.pb'].includes(path.extname(file))) {
    throw unsuitedTo(file, `its name does not end in ${FORMATS}`);
  }
}

const unsuitedTo = (file: string, reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB824', { file, reason }));

/** Writes tensors by name, in the format of the file's name. Throws DiagnosticError BB882, BB824. */
export function writeTensors(file: string, tensors: ReadonlyMap<string, DataValue>): void {
  const pieces = encodeTensors(file, tensors);
  try {
    writeFileSync(file, Buffer.concat(pieces));
  } catch (error) {
    throw new DiagnosticError(diagnostic('BB882', { file, reason: fileReason(error) }));
  }
}

function encodeTensors(file: string, tensors: ReadonlyMap<string, DataValue>): readonly Uint8Array[] {
  checkFormat(file);
  const unsuited = (reason: string): DiagnosticError => unsuitedTo(file, reason);
  const format = path.extname(file);
  const nested = format === '.json' || format === '.pb';
  for (const [name, value] of tensors) {
    if ((!nested && !isTensor(value)) || !tensorsOf(value).every(({ dtype }) => nested || npyHas(dtype)))
      throw unsuited(`${name} is ${formatType(typeOfData(value))}, which that format does not have`);
  }
  const array = (value: DataValue): Uint8Array => encodeNpy(value as Tensor);
  const only = (): [string, DataValue] => {
    if (tensors.size !== 1) throw unsuited(`it holds one tensor, and there are ${tensors.size}`);
    return [...tensors][0]!;
  };
  switch (format) {
    case '.npy':
      return [array(only()[1])];
    case '.pb': {
      const [name, value] = only();
      return [encodeDataValue(value, name)];
    }
    case '.json': {
      const document = Object.fromEntries([...tensors].map(([name, one]) => [name, jsonOfValue(one)]));
      return [Buffer.from(`${JSON.stringify(document)}\n`)];
    }
    default:
      return writeZip(new Map([...tensors].map(([name, value]) => [`${name}.npy`, array(value)])));
  }
}
