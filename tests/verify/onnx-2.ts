// Done line 2: each file of the malformed set gets the verdict of ONNX's checker, at the right stage and for the
// right reason; conformance models and real ones are valid.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkModel, Verdict } from '../../compiler/index.ts';
import { type Diagnostic, hasErrors } from '../../ir/index.ts';
import { wrongReason } from '../support/malformed-reasons.ts';
import { importFile, onnxFiles, sharedOnnx } from '../support/onnx-files.ts';
import type { Line } from './verification.ts';

const classes = ['malformed', 'ill-typed', 'lenient', 'well-formed'] as const;
interface Listed {
  readonly file: string;
  readonly kind: string;
  readonly class: (typeof classes)[number];
  readonly stage: 'parse' | 'check' | 'inference' | null;
}

const verify: Line = async (cx) => {
  const { files } = JSON.parse(readFileSync(path.join(sharedOnnx, 'malformed/index.json'), 'utf8')) as {
    files: readonly Listed[];
  };
  const verdicts = await cx.step('malformed', () => files.map((one) => ({ ...one, ...judged(one) })));
  for (const kind of classes) {
    const all = verdicts.filter((one) => one.class === kind);
    const right = all.filter(({ wrong }) => wrong === '');
    cx.figure(kind, `${right.length} of ${all.length}`, right.length === all.length);
    for (const { file, wrong, said } of all)
      cx.note(`${wrong === '' ? '' : `${wrong}: `}${file}: ${said || 'valid'}`);
  }
  const conformance = onnxFiles(path.join(sharedOnnx, 'conformance'));
  const refused = await cx.step('conformance', () => conformance.filter((file) => hasErrors(problems(file))));
  cx.figure(
    'conformance models accepted',
    `${conformance.length - refused.length} of ${conformance.length}`,
    refused.length === 0,
  );
  for (const name of cx.modelNames) {
    const found = await cx.step(name, () =>
      said(problems(cx.model(name)).filter(({ severity }) => severity === 'error')),
    );
    cx.figure(name, found === '' ? 'valid' : found, found === '' || name === 'background_fp16');
  }
};
export default verify;

const said = (all: readonly Diagnostic[]): string =>
  all.map(({ severity, code, message }) => `${severity} ${code} ${message}`).join('; ');

function problems(file: string): readonly Diagnostic[] {
  if (!existsSync(file)) throw new Error(`${file} is not there`);
  const { model, diagnostics } = importFile(file);
  return model === undefined ? diagnostics : [...diagnostics, ...new Verdict(model).full()];
}

/** What we say of a file, and what is wrong with that, if anything. */
function judged({ file, kind: defect, class: kind, stage }: Listed): { said: string; wrong: string } {
  const at = path.join(sharedOnnx, 'malformed', file);
  const { model } = importFile(at);
  const all = problems(at);
  const refused = hasErrors(all);
  const early = model === undefined || hasErrors(checkModel(model));
  const wanted = kind === 'malformed' || kind === 'ill-typed';
  // What cannot be read has no graph to check; types come last.
  const rightStage = !refused || (stage === 'inference') === !early || kind === 'malformed';
  return {
    said: said(all),
    wrong: refused !== wanted ? 'VERDICT' : !rightStage ? 'STAGE' : wrongReason(defect, all),
  };
}
