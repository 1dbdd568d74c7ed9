import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkModel, Verdict } from '../../compiler/index.ts';
import { type Diagnostic, hasErrors } from '../../ir/index.ts';
import { reasons, wrongReason } from '../support/malformed-reasons.ts';
import { fixtures, importFile, onnxFiles, sharedOnnx } from '../support/onnx-files.ts';

function problemsOf(file: string): readonly Diagnostic[] {
  const { model, diagnostics } = importFile(file);
  return model === undefined ? diagnostics : checkModel(model);
}

interface Listed {
  readonly file: string;
  readonly kind: string;
  readonly class: 'malformed' | 'ill-typed' | 'lenient' | 'well-formed';
}
const { files } = JSON.parse(readFileSync(path.join(fixtures, 'malformed/index.json'), 'utf8')) as {
  files: Listed[];
};

const fullProblemsOf = (file: string): readonly Diagnostic[] => {
  const { model, diagnostics } = importFile(file);
  return model === undefined ? diagnostics : new Verdict(model).full();
};

describe("bbc check and ONNX's checker", () => {
  test('agree on every file, types included', () => {
    const refused = files.filter(({ file }) =>
      hasErrors(fullProblemsOf(path.join(fixtures, 'malformed', file))),
    );
    const wanted = files.filter(({ class: kind }) => kind === 'malformed' || kind === 'ill-typed');
    expect(refused).toEqual(wanted);
  });

  test('refuse each kind for its own reason', () => {
    const wrong = files.map(({ file, kind }) => {
      const problem = wrongReason(kind, fullProblemsOf(path.join(fixtures, 'malformed', file)));
      return problem === '' ? '' : `${kind}: ${problem}`;
    });
    expect(wrong.filter((text) => text !== '')).toEqual([]);
    const refused = files.filter(({ class: kind }) => kind === 'malformed' || kind === 'ill-typed');
    expect(refused.map(({ kind }) => kind).filter((kind) => reasons[kind] === undefined)).toEqual([]);
  });

  for (const { file, class: kind } of files) {
    if (kind !== 'malformed' && kind !== 'well-formed') continue;
    test(`agree that ${file} is ${kind}`, () => {
      const problems = problemsOf(path.join(fixtures, 'malformed', file));
      expect(hasErrors(problems)).toBe(kind === 'malformed');
      // Every problem says where.
      expect(problems.filter(({ at }) => at === undefined)).toEqual([]);
    });
  }

  test('agree that the conformance models are valid', () => {
    const full = path.join(sharedOnnx, 'conformance');
    const folder = existsSync(full) ? full : path.join(fixtures, 'conformance');
    const rejected = onnxFiles(folder).filter((file) => hasErrors(problemsOf(file)));
    expect(rejected).toEqual([]);
  }, 120_000);
});
