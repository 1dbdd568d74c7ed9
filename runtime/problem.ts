// Diagnostics of bundles that cannot run.

import { DiagnosticError, worded } from '../ir/diagnostic.ts';
import { bundleMessages } from '../ir/messages/bundle.ts';
import type { LoadedBundle } from './bundle.ts';

const { BB620, BB621, BB622 } = bundleMessages;

export const badProgram = (program: string, reason: string, op?: string): DiagnosticError =>
  new DiagnosticError(worded('BB622', BB622, { program, reason }, op === undefined ? {} : { op }));

export const badManifest = (path: string, expected: string): DiagnosticError =>
  new DiagnosticError(worded('BB620', BB620, { path, expected }));

export const otherManifest = (version: string, known: number): DiagnosticError =>
  new DiagnosticError(worded('BB621', BB621, { version, known }));

/** What is read of a program's file. Throws DiagnosticError BB622 where it is damaged. */
export function reading<T>({ manifest }: LoadedBundle, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badProgram(manifest.program, `program.onnx is damaged: ${error.message}`);
  }
}
