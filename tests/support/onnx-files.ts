// ONNX files for tests: the fixtures, and the full sets beside the project where there are some.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type ByteSource,
  type Imported,
  importModel,
  memorySource,
  type Piece,
  readRange,
} from '../../ir/index.ts';
import { projectRoot } from './root.ts';

export const fixtures = path.join(projectRoot, 'tests/fixtures/onnx');
/** ONNX's own data; only on machines that have it. */
export const sharedOnnx = path.join(projectRoot, '../shared/onnx');

/** Every .onnx file below a folder, in a fixed order. */
export const onnxFiles = (folder: string): string[] =>
  existsSync(folder)
    ? (readdirSync(folder, { recursive: true }) as string[])
        .filter((file) => file.endsWith('.onnx'))
        .sort()
        .map((file) => path.join(folder, file))
    : [];

export const fileSource = (file: string): ByteSource => memorySource(path.basename(file), readFileSync(file));

/** Imports a file, or `bytes` in its stead, with the data files beside it. */
export const importFile = (file: string, bytes?: Uint8Array): Imported =>
  importModel(bytes === undefined ? fileSource(file) : memorySource(path.basename(file), bytes), {
    external: (location) => {
      const data = path.join(path.dirname(file), location);
      return existsSync(data) ? fileSource(data) : undefined;
    },
  });

export function joined(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map((piece) => (piece instanceof Uint8Array ? piece : readRange(piece))));
}
