// How long peers compute in a simulation: the operations of a segment, by the compiler's cost model, over what the
// topology says that their class can do.

import { costModel } from '../../compiler/cost.ts';
import { inferModel } from '../../compiler/index.ts';
import { nominalModel } from '../../compiler/nominal.ts';
import {
  classesOf,
  type DataValue,
  hasErrors,
  importModel,
  isTensor,
  type Model,
  memorySource,
  type Topology,
} from '../../ir/index.ts';
import type { LoadedBundle } from '../../runtime/bundle.ts';
import type { ComputeNs } from '../../runtime/host/sim/index.ts';
import { segmentModels } from '../../runtime/segment-model.ts';

/** Of classes that state no compute, as the compiler's deadlines have it. */
const DEFAULT_FLOPS = 5e9;
/** Starting a segment takes so long, whatever is in it. */
const START_NS = 1000;

export function computeFor(topology: Topology | undefined): ComputeNs {
  const stated = new Map(topology?.classes.map((one) => [one.name, one.flops]));
  const costs = new Map<LoadedBundle, SegmentCosts>();
  return (bundle, segment, inputs) => {
    const known = costs.get(bundle) ?? new SegmentCosts(bundle);
    costs.set(bundle, known);
    const rates = classesOf(bundle.manifest).flatMap((name) => stated.get(name) ?? []);
    const rate = rates.length === 0 ? DEFAULT_FLOPS : Math.max(...rates);
    return START_NS + (known.operations(segment, inputs) / rate) * 1e9;
  };
}

/** Operations of the segments of a program, for inputs of given shapes. */
class SegmentCosts {
  readonly #models = new Map<string, Model>();
  readonly #known = new Map<string, number>();

  constructor(bundle: LoadedBundle) {
    for (const [name, { onnx, weights }] of segmentModels(bundle)) {
      const external = () => weights ?? memorySource('weights.bin', new Uint8Array());
      const { model } = importModel(memorySource(`${name}.onnx`, onnx), { external });
      if (model !== undefined) this.#models.set(name, model);
    }
  }

  operations(segment: string, inputs: readonly DataValue[]): number {
    const shapes = inputs.map((one) => (isTensor(one) ? one.dims.join() : ''));
    const key = `${segment}(${shapes.join(';')})`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const model = this.#models.get(segment);
    const operations = model === undefined ? 0 : operationsOf(model, inputs);
    this.#known.set(key, operations);
    return operations;
  }
}

function operationsOf(model: Model, inputs: readonly DataValue[]): number {
  const editor = model.edit();
  for (const [index, id] of model.mainGraph.inputs.entries()) {
    const value = inputs[index];
    const { type } = model.value(id);
    if (value !== undefined && isTensor(value) && type?.kind === 'tensor')
      editor.setValue(id, { type: { ...type, dims: value.dims } });
  }
  const { model: inferred, diagnostics } = inferModel(editor.finish());
  const sized = nominalModel(hasErrors(diagnostics) ? model : inferred);
  const { operations } = costModel(sized);
  let sum = 0;
  for (const op of sized.opsOf()) sum += operations(op);
  return sum;
}
