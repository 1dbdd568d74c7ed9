// From a module's source file to one script that can be evaluated, and back from a position in that script to
// the author's line. Nothing is written anywhere.

import { realpathSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { build, type Message } from 'esbuild';
import { type Diagnostic, diagnostic, type Position } from '../../ir/index.ts';

/** The name under which the script appears in stack traces. */
export const SCRIPT_NAME = 'bytesandbrains-module.cjs';
const inScript = /bytesandbrains-module\.cjs:(\d+):(\d+)/;

export interface Script {
  readonly code: string;
  /** Where the module's file is, links resolved: what positions and `onnx('…')` are relative to. */
  readonly folder: string;
  /** The author's position of the innermost frame of the bundle in a stack trace. */
  locate(stack: string): Position | undefined;
}

/**
 * Bundles a module with everything it imports, except `bytesandbrains` itself and Node's own modules: the
 * module must record with the very library that runs it. CommonJS, because such a script can be given its
 * `require`, and evaluated without a file.
 */
export async function bundle(file: string): Promise<{ script?: Script; diagnostics: readonly Diagnostic[] }> {
  const entry = realpathSync(file);
  const folder = path.dirname(entry);
  const result = await build({
    absWorkingDir: folder,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: 'external',
    // In the module's folder, so that the source map's paths are relative to it.
    outfile: path.join(folder, SCRIPT_NAME),
    external: ['bytesandbrains', 'bytesandbrains/*'],
    define: { 'import.meta.url': '__moduleUrl' },
    logLevel: 'silent',
  }).catch((error: { errors?: Message[] }) => {
    if (error.errors === undefined) throw error;
    return { errors: error.errors, outputFiles: [] };
  });
  if (result.errors.length > 0) return { diagnostics: result.errors.map(bundleProblem) };
  const output = (suffix: string): string =>
    result.outputFiles.find((one) => one.path.endsWith(suffix))?.text ?? '';
  const map = new SourceMap(JSON.parse(output('.map')) as SourceMapPayload);
  return {
    diagnostics: [],
    script: { code: output('.cjs'), folder, locate: (stack) => locate(stack, map) },
  };
}

function locate(stack: string, map: SourceMap): Position | undefined {
  const frame = inScript.exec(stack);
  if (frame === null) return undefined;
  const entry = map.findEntry(Number(frame[1]) - 1, Number(frame[2]) - 1);
  if (!('originalSource' in entry)) return undefined;
  return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

function bundleProblem({ text, location }: Message): Diagnostic {
  if (location === null) return diagnostic('BB381', { reason: text });
  return diagnostic(
    'BB381',
    { reason: text },
    {
      at: { file: location.file, line: location.line, column: location.column + 1 },
      excerpt: excerpt(location.lineText, location.column + 1),
    },
  );
}

/** A source line with a caret below the column (from 1); tabs stay aligned. */
export const excerpt = (line: string, column: number): string =>
  `${line}\n${line.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`;
