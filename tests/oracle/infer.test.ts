import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  compare,
  compareOutputs,
  emptyScore,
  load,
  modelOf,
  stripped,
} from './inference-score.ts';

const shared = '../shared/onnx';
interface Fixture {
  readonly case: string;
  readonly model: string;
  readonly tensors: Record<string, Answer>;
}
const fixtures = (): Fixture[] =>
  readFileSync('tests/fixtures/inference/cases.jsonl', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Fixture);

describe('inference agrees with that of ONNX', () => {
  it('on a selection of models, at every value', () => {
    const score = emptyScore();
    for (const { case: name, model, tensors } of fixtures()) {
      compare(name, stripped(modelOf(name, Buffer.from(model, 'base64'))), tensors, score);
    }
    expect(score.contradictions).toEqual([]);
    expect(score.missing).toEqual([]);
    expect(score.values).toBeGreaterThan(200);
    expect(score.elemTypes).toBe(score.values);
  });

  it.runIf(existsSync(shared))(
    'on every conformance model, and with the data that comes out',
    () => {
      const { cases } = JSON.parse(readFileSync(`${shared}/shape-inference.json`, 'utf8')) as {
        cases: Record<string, { tensors: Record<string, Answer> }>;
      };
      const score = emptyScore();
      for (const [name, { tensors }] of Object.entries(cases)) {
        const folder = `${shared}/conformance/${name}`;
        const typed = compare(name, stripped(load(`${folder}/model.onnx`)), tensors, score);
        compareOutputs(name, folder, typed, score);
      }
      expect(score.contradictions).toEqual([]);
      expect(score.missing).toEqual([]);
      expect(score.elemTypes).toBe(score.values);
      expect(score.values).toBeGreaterThan(10_000);
      expect(score.outputs).toBeGreaterThan(1_600);
    },
    60_000,
  );
});
