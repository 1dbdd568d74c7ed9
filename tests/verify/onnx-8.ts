// Done line 8: `bbc import` of det, rec, cls, silero and of every conformance case of ai.onnx gives source that
// type-checks and records the same graph; what it refuses, it refuses by name.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { importInto, typeCheck } from '../support/imported.ts';
import { projectRoot } from '../support/root.ts';
import type { Line, Verification } from './verification.ts';

const conformance = path.join(projectRoot, '../shared/onnx/conformance');
const REAL = ['det', 'rec', 'cls', 'silero-v5', 'silero-v6', 'silero-legacy', 'melspectrogram', 'embedding'];
const CASES_PER_STEP = 200;

interface Case {
  readonly path: string;
  readonly opset: Readonly<Record<string, number>>;
}
interface Outcome {
  readonly [key: string]: string[];
  readonly modules: string[];
  readonly refused: string[];
}

const verify: Line = async (cx) => {
  await realModels(cx);
  const { cases } = JSON.parse(readFileSync(path.join(conformance, 'index.json'), 'utf8')) as {
    cases: Case[];
  };
  const own = cases.filter(({ opset }) => Object.keys(opset).every((domain) => domain === 'ai.onnx'));
  cx.note(`${cases.length} cases, ${own.length} of ai.onnx alone`);
  const modules: string[] = [];
  const refused = new Map<string, string[]>();
  for (let at = 0; at < own.length; at += CASES_PER_STEP) {
    const outcome = await cx.step(`cases from ${at}`, () =>
      importCases(cx, own.slice(at, at + CASES_PER_STEP)),
    );
    modules.push(...outcome.modules);
    for (const one of outcome.refused) {
      const [name, reason] = one.split('\n') as [string, string];
      refused.set(reason, [...(refused.get(reason) ?? []), name]);
    }
  }
  const count = modules.length;
  cx.figure('cases that record the same graph', `${count} of ${own.length}`, count >= 0.99 * own.length);
  for (const [reason, names] of refused) cx.note(`${names.length} refused: ${reason} (${names[0]})`);
  const others = [...refused.keys()].filter((reason) => !/^BB(231|38[678])/.test(reason));
  cx.figure('refused otherwise than by name', others.length, others.length === 0);
  const { errors, instantiations } = await cx.step('types of the cases', () => ({ ...typeCheck(modules) }));
  cx.figure('of them with type errors', errors.length, errors.length === 0);
  for (const error of errors) cx.note(error);
  cx.note(`${instantiations} type instantiations`);
};
export default verify;

async function importCases(cx: Verification, cases: readonly Case[]): Promise<Outcome> {
  const [modules, refused]: [string[], string[]] = [[], []];
  for (const one of cases) {
    const file = path.join(conformance, one.path, 'model.onnx');
    const made = await importInto(path.join(cx.folder, 'cases'), file, one.path.replace('/', '-'));
    if ('module' in made) modules.push(made.module);
    else refused.push(`${one.path}\n${made.refused}`);
  }
  return { modules, refused };
}

async function realModels(cx: Verification): Promise<void> {
  for (const name of REAL) {
    const made = await importInto(path.join(cx.folder, 'real'), cx.model(name), name);
    const refused = 'refused' in made ? made.refused : undefined;
    cx.figure(`${name} records the same graph`, refused ?? 'yes', refused === undefined);
    if ('refused' in made) continue;
    const { errors, instantiations } = typeCheck([made.module]);
    const lines = readFileSync(made.module, 'utf8').split('\n').length - 1;
    const what = `${lines} lines, ${instantiations} type instantiations`;
    cx.figure(`${name} type-checks`, errors[0] ?? what, errors.length === 0);
  }
}
