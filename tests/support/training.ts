// Training runs of the reference data, step by step.

import { readdirSync } from 'node:fs';
import { difference } from '../../cli/conformance/compare.ts';
import { parseOptimizer } from '../../cli/trainstep/optimizer.ts';
import { type Step, trainingStep } from '../../cli/trainstep/step.ts';
import { type DataValue, formatDiagnostic, isTensor, type Model, type Tensor } from '../../ir/index.ts';
import { cpuEvaluator } from '../../stdlib/backends/cpu/index.ts';
import type { OpenEngine } from './converted.ts';
import { type CaseFiles, reader } from './gradients.ts';

interface RunMeta {
  readonly inputs: readonly { readonly name: string; readonly file: string }[];
  readonly batches: number;
  readonly steps: number;
  readonly loss: string;
  readonly parameters: readonly { readonly name: string }[];
}
type Settings = Readonly<Record<string, number | string | boolean | readonly number[]>>;
interface OptimizerMeta {
  readonly settings: Settings;
  readonly tolerance: {
    readonly loss_rtol: number;
    readonly loss_atol: number;
    readonly parameter_rtol: number;
    readonly parameter_atol: number;
  };
  readonly files: readonly { readonly name: string; readonly final: string }[];
}

/** A run's optimiser as `--optimizer` has it. */
export function optimizerOf(
  name: string,
  { R, betas, mode, initial_accumulator_value: _, ...settings }: Settings,
): string {
  const parts = Object.entries(settings).flatMap(([key, value]) =>
    typeof value === 'number' ? [`${key}=${value}`] : value === true ? [`${key}=1`] : [],
  );
  if (typeof R === 'number') parts.push(`lr=${R}`);
  if (mode === 'nesterov') parts.push('nesterov=1');
  if (Array.isArray(betas)) parts.push(`beta1=${betas[0]}`, `beta2=${betas[1]}`);
  // PyTorch has one SGD, with and without momentum.
  if (name === 'sgd') return `sgd:${parts.filter((one) => !/^(momentum|dampening)=0$/.test(one)).join()}`;
  return `${name.startsWith('sgd_') ? 'momentum' : name}:${parts.join()}`;
}

/** The step of a model that a run trains. */
export function stepOf(
  model: Model,
  { loss, parameters }: Pick<RunMeta, 'loss' | 'parameters'>,
  optimizer: string,
): Step {
  const step = trainingStep(model, {
    loss,
    params: parameters.map(({ name }) => name),
    ...parseOptimizer(optimizer),
    evaluate: cpuEvaluator(),
  });
  if (step.model === undefined) throw new Error(step.diagnostics.map(formatDiagnostic).join('\n'));
  return step;
}

/** What is wrong with a training run of ours; '' if nothing is. */
export async function trainingRun(
  run: CaseFiles,
  optimizer: string,
  open: OpenEngine,
  results: CaseFiles,
): Promise<string> {
  const files = reader(run);
  const meta = files.meta<RunMeta>();
  const reference = reader(results);
  const { settings, tolerance, files: finals } = reference.meta<OptimizerMeta>();
  const step = stepOf(files.model('model.onnx'), meta, optimizerOf(optimizer, settings));
  const engine = await open(step.model!);
  const batches = meta.inputs.map(({ name, file }) => ({ name, rows: files.tensor(file) }));
  const expected = reference.json<{ readonly before_float64: readonly number[] }>(
    'losses.json',
  ).before_float64;
  const start = await open(step.initial!);
  const carried = tensorsOf(await start.run(new Map()));
  await start.close();
  try {
    for (let at = 0; at < meta.steps; at++) {
      const values = new Map(carried);
      for (const { name, rows } of batches) values.set(name, batchOf(rows, at % meta.batches));
      const made = await engine.run(values);
      const loss = new Float32Array((made.get(meta.loss) as Tensor).bytes.slice().buffer)[0]!;
      const want = expected[at]!;
      if (!(Math.abs(loss - want) <= tolerance.loss_atol + tolerance.loss_rtol * Math.abs(want)))
        return `loss of step ${at}: ${loss}, expected ${want}`;
      const results = tensorsOf(made);
      for (const [input, output] of Object.entries(step.next)) carried.set(input, results.get(output)!);
    }
  } finally {
    await engine.close();
  }
  for (const { name, final } of finals) {
    const problem = difference(carried.get(name)!, reference.tensor(final), {
      rtol: tolerance.parameter_rtol,
      atol: tolerance.parameter_atol,
    });
    if (problem !== undefined) return `${name} at the end: ${problem}`;
  }
  return '';
}

const tensorsOf = (values: ReadonlyMap<string, DataValue>): Map<string, Tensor> =>
  new Map([...values].filter((one): one is [string, Tensor] => isTensor(one[1])));

/** One of the batches that are stacked along the first axis. */
function batchOf({ dtype, dims, bytes }: Tensor, at: number): Tensor {
  const length = bytes.length / dims[0]!;
  return { dtype, dims: dims.slice(1), bytes: bytes.slice(at * length, (at + 1) * length) };
}

/** The optimisers of a run. */
export const optimizersIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
