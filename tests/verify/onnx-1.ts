// Done line 1: every tensor that ONNX's inference types has the same element type and dims at least as specific;
// the models' real outputs contradict nothing; its unit tests agree in verdict and types.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { answersOf } from '../../cli/infer/answers.ts';
import { Verdict } from '../../compiler/index.ts';
import { compareOutputs, emptyScore, load, stripped } from '../oracle/inference-score.ts';
import { type Answer, difference, type UnitLine, unitDifference } from '../support/answers.ts';
import { projectRoot } from '../support/root.ts';
import type { Line } from './verification.ts';

const shared = path.join(projectRoot, '../shared/onnx');
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)} %`;

const verify: Line = async (cx) => {
  if (!existsSync(shared)) {
    cx.figure('reference data beside the project', 'absent', false);
    return;
  }
  const cases = await cx.step('conformance', conformance);
  const { tensors, agree } = cases;
  cx.figure(
    `tensors of ${cases.models} models`,
    `${agree} of ${tensors}, ${percent(agree, tensors)}`,
    agree >= 0.995 * tensors,
  );
  for (const text of cases.rest) cx.note(text);
  cx.figure(
    'real outputs that contradict',
    `${cases.contradictions.length} of ${cases.outputs}`,
    cases.contradictions.length === 0,
  );
  for (const text of cases.contradictions) cx.note(text);
  const unit = await cx.step('unit', unitLines);
  const share = unit.lines - unit.rest.length;
  cx.figure(
    'unit tests',
    `${share} of ${unit.lines}, ${percent(share, unit.lines)}`,
    share >= 0.98 * unit.lines,
  );
  for (const text of unit.rest) cx.note(text);
};
export default verify;

function conformance() {
  const { cases } = JSON.parse(readFileSync(path.join(shared, 'shape-inference.json'), 'utf8')) as {
    cases: Record<string, { tensors: Record<string, Answer> }>;
  };
  const [rest, score] = [[] as string[], emptyScore()];
  let [tensors, agree] = [0, 0];
  for (const [name, answers] of Object.entries(cases)) {
    const folder = path.join(shared, 'conformance', name);
    const { model, diagnostics } = new Verdict(stripped(load(path.join(folder, 'model.onnx')))).types();
    for (const one of diagnostics) score.contradictions.push(`${name}: ${one.code} ${one.message}`);
    const ours = answersOf(model, []).tensors;
    for (const [tensor, answer] of Object.entries(answers.tensors)) {
      tensors++;
      const found = difference(Object.hasOwn(ours, tensor) ? ours[tensor] : undefined, answer);
      if (found === undefined) agree++;
      else rest.push(`${name}: ${tensor}: ${found}`);
    }
    compareOutputs(name, folder, model, score);
  }
  const { contradictions, outputs } = score;
  return { models: Object.keys(cases).length, tensors, agree, rest, contradictions, outputs };
}

function unitLines() {
  const lines = readFileSync(path.join(shared, 'shape-inference-unit.jsonl'), 'utf8').trimEnd().split('\n');
  const rest = lines.flatMap((text) => {
    const line = JSON.parse(text) as UnitLine;
    const found = unitDifference(line);
    return found === undefined ? [] : [`${line.id} ${line.test}: ${found}`];
  });
  return { lines: lines.length, rest };
}
