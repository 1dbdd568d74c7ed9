// A whole training step as plain ONNX: recorded as a module that calls the model, asks for gradients and updates the
// parameters, then differentiated and simplified like any other.

import { type GradOptions, inferModel, leanStep, replaceGradients } from '../../compiler/index.ts';
import {
  type ContainerType,
  constant,
  type Environment,
  gradient,
  input,
  module,
  output,
  record,
  type Tensor,
  type Value,
} from '../../dsl/index.ts';
import type { Counter, Optimizer } from '../../dsl/optim/index.ts';
import { recorder } from '../../dsl/recorder.ts';
import { opened, splice } from '../../dsl/splice.ts';
import { factOf, toValue } from '../../dsl/value.ts';
import {
  COMPILER_METADATA,
  type Diagnostic,
  DiagnosticError,
  type Evaluator,
  hasErrors,
  type Model,
  type Value as ModelValue,
  type ValueType,
  type Weight,
} from '../../ir/index.ts';
import { withModelMetadata } from '../../ir/onnx/index.ts';
import { choose } from './choose.ts';
import { initialModel } from './initial.ts';

const infer = (model: Model): Model => inferModel(model).model;

export interface StepOptions {
  /** The output that is to become smaller: a scalar. */
  readonly loss: string;
  /** Globs over names of initializers; undefined: all of floating-point numbers that the loss depends on. */
  readonly params?: readonly string[];
  /** Of a learning rate that is a value. */
  readonly optimizer: (lr: Tensor<'float32'>) => Optimizer;
  /** The learning rate's default. */
  readonly rate: number;
  /** Of gradients; by default fast ones. */
  readonly forms?: GradOptions['forms'];
  /** What folding computes with. */
  readonly evaluate?: Evaluator;
}

export interface Step {
  /** Absent if there are errors. */
  readonly model?: Model;
  /** Without inputs; its outputs are the inputs of the first step, under their names: all but the model's own. */
  readonly initial?: Model;
  /** By the name of an input: that of the output which it is to be at the next step. */
  readonly next: Readonly<Record<string, string>>;
  readonly parameters: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The model with an input and an output more for each parameter and for what the optimiser keeps of it: the parameter
 * under its own name and `new_NAME`, its state `NAME.SLOT` and `new_NAME.SLOT`; a counter `step` and `new_step`; and an
 * input `learning_rate`. None has a default, since ONNX Runtime takes no other value for one that has; `initial` gives
 * them all. The names stand in the metadata as JSON.
 */
export function trainingStep(source: Model, options: StepOptions): Step {
  const typed = infer(source);
  const none = { next: {}, parameters: [] };
  const chosen = choose(typed, options);
  if (hasErrors(chosen.diagnostics)) return { ...none, diagnostics: chosen.diagnostics };
  const names = new Names(typed);
  const writing = new StepModule(typed, chosen.parameters, names, options);
  const problems: Diagnostic[] = [...chosen.diagnostics];
  try {
    const recorded = writing.record();
    problems.push(...recorded.diagnostics);
    const plain = replaceGradients(infer(recorded.model), options.forms);
    problems.push(...plain.diagnostics);
    if (hasErrors(problems)) return { ...none, diagnostics: problems };
    const model = leanStep(plain.model, options.evaluate);
    const parameters = chosen.parameters.map(({ name }) => name);
    const { next } = writing;
    const said = { loss: options.loss, parameters, step: names.step, learning_rate: names.rate, next };
    const editor = withDefaults(model, writing.defaults).edit();
    editor.header = withModelMetadata(model.header, COMPILER_METADATA.trainingStep, JSON.stringify(said));
    const initial = initialModel(typed.header.file, writing.initial);
    return { model: editor.finish(), initial, next, parameters, diagnostics: problems };
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return { ...none, diagnostics: [...problems, ...error.diagnostics] };
  }
}

/** Names for what the step adds, free in the model. */
class Names {
  readonly #taken: Set<string>;
  readonly step: string;
  readonly rate: string;
  constructor(model: Model) {
    this.#taken = new Set([...model.allValues()].map(({ name }) => name));
    this.step = this.free('step');
    this.rate = this.free('learning_rate');
  }
  free(wanted: string): string {
    let name = wanted;
    for (let count = 1; this.#taken.has(name); count++) name = `${wanted}_${count}`;
    this.#taken.add(name);
    return name;
  }
}

class StepModule {
  /** Defaults of the model's own inputs, by name. */
  readonly defaults = new Map<string, Weight>();
  /** What the other inputs are at the first step, by name. */
  readonly initial = new Map<string, Weight>();
  readonly next: Record<string, string> = {};
  readonly #model: Model;
  readonly #parameters: readonly ModelValue[];
  readonly #names: Names;
  readonly #options: StepOptions;

  constructor(model: Model, parameters: readonly ModelValue[], names: Names, options: StepOptions) {
    this.#model = model;
    this.#parameters = parameters;
    this.#names = names;
    this.#options = options;
  }

  record(): ReturnType<typeof record> {
    const { file } = this.#model.header;
    const environment: Environment = {
      file,
      open: (path) => {
        throw new Error(`a training step opens no file, and was asked for ${path}`);
      },
      locate: () => undefined,
      infer,
    };
    return record(
      module(this.#model.mainGraph.name || 'trainstep', () => this.#body()),
      environment,
    );
  }

  #body(): void {
    const { mainGraph } = this.#model;
    const { loss, optimizer: optimizerAt, rate } = this.#options;
    const ids = new Set(this.#parameters.map(({ id }) => id));
    const own = mainGraph.inputs.filter((id) => !ids.has(id)).map((id) => this.#model.value(id));
    const inputs = Object.fromEntries(own.map((one) => this.#port(one, this.defaults)));
    const parameters = Object.fromEntries(this.#parameters.map((one) => this.#port(one, this.initial)));
    const step = this.#input(this.#names.step, constant(0, 'int64')) as Counter;
    const optimizer = optimizerAt(this.#input(this.#names.rate, constant(rate)) as Tensor<'float32'>);
    const results = this.#call(inputs, parameters);
    for (const id of mainGraph.outputs) {
      const { name } = this.#model.value(id);
      output(name, results.get(name)!);
    }
    const params = this.#parameters.map(({ name }) => parameters[name] as Tensor<'float32'>);
    const gradients = gradient(results.get(loss) as Value<'float32', []>, params);
    for (const [at, { name }] of this.#parameters.entries()) {
      const param = params[at]!;
      const kept = Object.entries(optimizer.slots(param)).map(([slot, zeros]) => {
        const own = this.#names.free(`${name}.${slot}`);
        return { slot, own, value: this.#input(own, zeros) };
      });
      const slots = Object.fromEntries(kept.map(({ slot, value }) => [slot, value as typeof param]));
      const updated = optimizer.update({ param, grad: gradients[at]!, slots, step });
      this.#output(name, updated.param);
      for (const { slot, own } of kept) this.#output(own, updated.slots[slot]!);
    }
    this.#output(this.#names.step, step.add(1n));
  }

  /** An input or a parameter of the model, as an input of the step. */
  #port({ name, type, weight }: ModelValue, weights: Map<string, Weight>): readonly [string, Tensor] {
    if (weight !== undefined) weights.set(name, weight);
    return [name, inputOf(name, type)];
  }

  /** An input of the step that begins as `initial`. */
  #input(name: string, initial: Tensor): Tensor {
    const { id, type } = factOf(initial, 'trainstep');
    this.initial.set(name, recorder('trainstep').editor.value(id).weight!);
    return inputOf(name, type);
  }

  #output(name: string, value: Tensor): void {
    const own = this.#names.free(`new_${name}`);
    this.next[name] = own;
    output(own, value);
  }

  /** The model's outputs by name. */
  #call(inputs: Values, parameters: Values): ReadonlyMap<string, Tensor> {
    const owner = recorder('trainstep');
    const { file } = this.#model.header;
    const facts = owner.inScope('forward', () =>
      splice(owner, opened(owner, file, this.#model), { inputs, parameters, stages: [], also: [] }),
    );
    return new Map([...facts].map(([name, fact]) => [name, toValue(fact, owner)]));
  }
}

type Values = Readonly<Record<string, Tensor>>;

/** An input of any type. */
const inputOf = (name: string, type: ValueType | undefined): Tensor =>
  type?.kind === 'tensor' && type.dtype !== undefined
    ? input(name, type.dtype, type.dims)
    : input(name, { type } as unknown as ContainerType);

/** The model with defaults for some of its inputs, by name. */
function withDefaults(model: Model, defaults: ReadonlyMap<string, Weight>): Model {
  const editor = model.edit();
  const { inputs, initializers } = model.mainGraph;
  const added = inputs.filter((id) => defaults.has(model.value(id).name));
  for (const id of added) {
    const { name } = model.value(id);
    const { proto, ...weight } = defaults.get(name)!;
    editor.setValue(id, { weight: { ...weight, proto: { ...proto, name } } });
  }
  editor.setGraph(model.main, { initializers: [...initializers, ...added] });
  return editor.finish();
}
