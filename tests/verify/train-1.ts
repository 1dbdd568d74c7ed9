// Done line 1 of training: gradients of operators and models, and training runs, within the tolerance of the reference, on
// ONNX Runtime and on the CPU backend; and random graphs of every operator against central differences.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { onCpu, onOnnxRuntime, openOnCpu, openOnOnnxRuntime } from '../support/converted.ts';
import { checkSeed, generators } from '../support/gradient-graphs/check.ts';
import { filesIn, gradientCase, gradientModel } from '../support/gradients.ts';
import { projectRoot } from '../support/root.ts';
import { optimizersIn, trainingRun } from '../support/training.ts';
import type { Line, Verification } from './verification.ts';

/** Graphs for each operator. */
const RANDOM_GRAPHS = 150;
const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };

/** Every model with every optimiser, a step of `bbc trainstep` after the other. */
async function trajectories(cx: Verification, folder: string): Promise<void> {
  const runs = readdirSync(folder).flatMap((model) =>
    optimizersIn(path.join(folder, model)).map((optimizer) => [model, optimizer] as const),
  );
  for (const [where, open] of [
    ['the CPU backend', openOnCpu],
    ['ONNX Runtime', openOnOnnxRuntime],
  ] as const) {
    const wrong: string[] = [];
    for (const [model, optimizer] of runs) {
      const problem = await cx.step(`${model} by ${optimizer} on ${where}`, () => {
        const run = path.join(folder, model);
        return trainingRun(filesIn(run), optimizer, open, filesIn(path.join(run, optimizer))).catch(String);
      });
      if (problem !== '') wrong.push(`${model} by ${optimizer}: ${problem}`);
    }
    for (const problem of wrong) cx.note(problem);
    cx.figure(
      `training runs on ${where}`,
      `${runs.length - wrong.length} of ${runs.length}`,
      wrong.length === 0,
    );
  }
}

const verify: Line = async (cx) => {
  const shared = path.resolve(projectRoot, '../shared/gradients');
  if (!existsSync(shared)) throw new Error('the gradient data is not beside the project');
  for (const [where, engine] of [
    ['the CPU backend', onCpu],
    ['ONNX Runtime', onOnnxRuntime],
  ] as const) {
    for (const kind of ['operators', 'models'] as const) {
      const names = readdirSync(path.join(shared, kind));
      const found = await cx.step(`${kind} on ${where}`, async () => {
        const problems: string[] = [];
        for (const name of names) {
          const files = filesIn(path.join(shared, kind, name));
          const problem = await (kind === 'operators'
            ? gradientCase(files, engine)
            : gradientModel(files, TOLERANCE, engine)
          ).catch((error: unknown) => String(error));
          if (problem !== '') problems.push(`${name}: ${problem}`);
        }
        return problems;
      });
      for (const problem of found) cx.note(problem);
      cx.figure(
        `${kind} on ${where}`,
        `${names.length - found.length} of ${names.length}`,
        found.length === 0,
      );
    }
  }
  await trajectories(cx, path.join(shared, 'trajectories'));
  const types = Object.keys(generators);
  const wrong: string[] = [];
  let compared = 0;
  for (const type of types) {
    const outcomes = await cx.step(`random graphs of ${type}`, () => {
      const each = Array.from({ length: RANDOM_GRAPHS }, (_, at) => checkSeed(type, at * 7919 + 1));
      const problems = each.flatMap(({ problem }) => (problem === '' ? [] : [problem]));
      return { problems, skipped: each.filter(({ skipped }) => skipped !== undefined).length };
    });
    wrong.push(...outcomes.problems);
    compared += RANDOM_GRAPHS - outcomes.skipped;
  }
  for (const problem of wrong) cx.note(problem);
  const all = types.length * RANDOM_GRAPHS;
  cx.figure(
    'random graphs whose gradients central differences confirm',
    `${compared - wrong.length} of ${all}`,
    wrong.length === 0,
  );
};
export default verify;
