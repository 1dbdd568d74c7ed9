// Done line 5 of training: what `bbc grad` and `bbc trainstep` make of the reference models runs unchanged in
// onnxruntime-web, and ONNX's own checker accepts it.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writePieces } from '../../cli/write.ts';
import { Verdict } from '../../compiler/index.ts';
import { exportModel, formatDiagnostic } from '../../ir/index.ts';
import { checkWithPython } from '../support/check-programs.ts';
import { bytesOf, modelOfBytes, type OpenEngine, once } from '../support/converted.ts';
import { filesIn, gradientCase, gradientModel, reader } from '../support/gradients.ts';
import { projectRoot } from '../support/root.ts';
import { optimizersIn, stepOf, trainingRun } from '../support/training.ts';
import { openOnWeb } from '../support/web.ts';
import type { Line, Verification } from './verification.ts';

const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };
const shared = path.resolve(projectRoot, '../shared/gradients');

/** Models as they were run, in files, and what our full check says of them. */
class Files {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'training-'));
  readonly written: string[] = [];
  readonly refused: string[] = [];

  /** Opens models in onnxruntime-web, and keeps them. */
  readonly open: OpenEngine = (model) => {
    const file = path.join(this.folder, `${this.written.length}.onnx`);
    writePieces(file, exportModel(model).pieces);
    this.written.push(file);
    for (const one of new Verdict(modelOfBytes(path.basename(file), bytesOf(model))).full())
      if (one.severity === 'error') this.refused.push(formatDiagnostic(one));
    return openOnWeb(model);
  };
}

const verify: Line = async (cx) => {
  if (!existsSync(shared)) throw new Error('the gradient data is not beside the project');
  const names = (kind: string): string[] => readdirSync(path.join(shared, kind));
  await together(cx, 'gradients of operators', names('operators'), (name, open) =>
    gradientCase(filesIn(path.join(shared, 'operators', name)), once(open)),
  );
  await together(cx, 'gradients of models', names('models'), (name, open) =>
    gradientModel(filesIn(path.join(shared, 'models', name)), TOLERANCE, once(open)),
  );
  await together(cx, 'training steps of models', names('models'), oneStep);
  const runs = names('trajectories').flatMap((model) =>
    optimizersIn(path.join(shared, 'trajectories', model)).map((optimizer) => path.join(model, optimizer)),
  );
  await together(cx, 'training runs', runs, (name, open) => {
    const folder = path.join(shared, 'trajectories', name);
    return trainingRun(filesIn(path.dirname(folder)), path.basename(name), open, filesIn(folder));
  });
};
export default verify;

/** One step of a reference model by Adam. */
async function oneStep(name: string, open: OpenEngine): Promise<string> {
  const files = reader(filesIn(path.join(shared, 'models', name)));
  const meta = files.meta<{
    readonly inputs: readonly { readonly name: string; readonly file: string }[];
    readonly loss: string;
    readonly parameters: readonly { readonly name: string }[];
  }>();
  const step = stepOf(files.model('model.onnx'), meta, 'adam');
  const values = new Map(await once(open)(step.initial!, new Map()));
  for (const { name: input, file } of meta.inputs) values.set(input, files.tensor(file));
  const results = await once(open)(step.model!, values);
  const missing = Object.values(step.next).filter((output) => !results.has(output));
  return missing.length === 0 ? '' : `it does not give ${missing}`;
}

async function together(
  cx: Verification,
  what: string,
  names: readonly string[],
  run: (name: string, open: OpenEngine) => Promise<string>,
): Promise<void> {
  const outcome = await cx.step(what, async () => {
    const files = new Files();
    mkdirSync(files.folder, { recursive: true });
    const wrong: string[] = [];
    for (const name of names) {
      const problem = await run(name, files.open).catch(String);
      if (problem !== '') wrong.push(`${name}: ${problem}`);
    }
    const told = checkWithPython(files.written);
    const python = told === undefined ? null : { version: told.version, refused: { ...told.refused } };
    rmSync(files.folder, { recursive: true });
    return { wrong, models: files.written.length, refused: files.refused, python };
  });
  const { wrong, models, refused, python } = outcome;
  for (const problem of [...wrong, ...refused, ...Object.values(python?.refused ?? {})]) cx.note(problem);
  cx.figure(
    `${what} in onnxruntime-web`,
    `${names.length - wrong.length} of ${names.length}`,
    wrong.length === 0,
  );
  cx.figure(
    `their models valid by our full check`,
    `${models - refused.length} of ${models}`,
    refused.length === 0,
  );
  if (python === null) cx.note(`${what}: models NOT CHECKED: set PYTHON to a Python that has onnx`);
  else {
    const bad = Object.keys(python.refused).length;
    cx.figure(
      `their models valid by onnx.checker ${python.version}`,
      `${models - bad} of ${models}`,
      bad === 0,
    );
  }
}
