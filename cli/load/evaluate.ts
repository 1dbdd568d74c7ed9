// Evaluates a bundled module and gives its default export. What the author's code throws becomes a diagnostic
// at the author's line.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import * as dsl from '../../dsl/index.ts';
import * as loss from '../../dsl/loss/index.ts';
import * as nn from '../../dsl/nn/index.ts';
import * as optim from '../../dsl/optim/index.ts';
import * as random from '../../dsl/random/index.ts';
import * as ir from '../../ir/index.ts';
import { type Diagnostic, DiagnosticError, diagnostic, type Position } from '../../ir/index.ts';
import * as aggregators from '../../stdlib/aggregators/index.ts';
import * as codecs from '../../stdlib/codecs/graph.ts';
import * as privacy from '../../stdlib/privacy/index.ts';
import * as strategies from '../../stdlib/strategies/index.ts';
import { SCRIPT_NAME, type Script } from './bundle.ts';

// The very instances that this process uses, whatever copy the author's folder has installed.
const ours: Readonly<Record<string, unknown>> = {
  bytesandbrains: dsl,
  'bytesandbrains/aggregators': aggregators,
  'bytesandbrains/ir': ir,
  'bytesandbrains/nn': nn,
  'bytesandbrains/codecs': codecs,
  'bytesandbrains/loss': loss,
  'bytesandbrains/optim': optim,
  'bytesandbrains/privacy': privacy,
  'bytesandbrains/random': random,
  'bytesandbrains/strategies': strategies,
};

/** The module's default export; undefined if there is none. Throws what the module throws. */
export function evaluate(script: Script, file: string): unknown {
  const nodeRequire = createRequire(file);
  const module = { exports: {} as { default?: unknown } };
  const run = compileFunction(
    script.code,
    ['require', 'module', 'exports', '__moduleUrl', '__filename', '__dirname'],
    { filename: SCRIPT_NAME },
  );
  const require = (name: string): unknown => ours[name] ?? nodeRequire(name);
  run(require, module, module.exports, pathToFileURL(file).href, file, path.dirname(file));
  return module.exports.default;
}

/** What the author's code threw, as diagnostics: our own as they are, anything else at the author's line. */
export function thrownProblems(
  error: unknown,
  locate: (stack: string) => Position | undefined,
  file: string,
): readonly Diagnostic[] {
  if (error instanceof DiagnosticError) {
    const at = locate(error.stack ?? '') ?? { file };
    return error.diagnostics.map((one) => (one.at === undefined ? { ...one, at } : one));
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const at = (error instanceof Error && error.stack && locate(error.stack)) || { file };
  return [diagnostic('BB383', { error: text }, { at })];
}
