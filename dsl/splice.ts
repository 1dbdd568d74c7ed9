// Copying an imported model's graph into a recording.

import {
  Copier,
  constantOf,
  DiagnosticError,
  dependenciesOf,
  type Model,
  NO_VALUE,
  type Op,
  type Place,
  type Position,
  sortModel,
  tensorType,
  type Value,
  type ValueId,
  type Weight,
} from '../ir/index.ts';
import { newestOpset } from '../ir/ops/schema.ts';
import { convertModel } from '../ir/versions/index.ts';
import { addConstant, fromNested, type Nested } from './constant.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { checkReason } from './private.ts';
import type { Fact, Recorder } from './recorder.ts';
import { factOf, isValue } from './value.ts';
import { readModelFile } from './weights.ts';

/** A model opened once per recording. */
export interface Opened {
  readonly file: string;
  readonly model: Model;
  /** The main graph's initializers, shared by all calls. */
  readonly weights: Map<ValueId, ValueId>;
  /** The main graph's values by name. */
  readonly byName: ReadonlyMap<string, ValueId>;
}

/** Where the ops before some inner values go. */
export interface PlacedStage {
  readonly place: Place;
  readonly until: readonly string[] | undefined;
  readonly declassify: string | undefined;
}

/** Reads a model, once per recording. Fails with the reader's diagnostics. */
export function openModel(owner: Recorder, path: string): Opened {
  const key = `onnx ${path}`;
  const known = owner.once.get(key);
  if (known !== undefined) return known as Opened;
  const found = read(owner, path);
  owner.once.set(key, found);
  return found;
}

function read(owner: Recorder, path: string): Opened {
  const { model: imported, diagnostics } = readModelFile(owner, path);
  if (imported === undefined) throw new DiagnosticError(diagnostics);
  owner.diagnostics.push(...diagnostics);
  return opened(owner, path, imported);
}

/** A model that somebody has read already; once per recording. */
export function opened(owner: Recorder, path: string, imported: Model): Opened {
  // Places and positions of what follows are found op by op, in order.
  const model = meet(owner, sortModel(imported).model);
  agreeOnOpsets(owner, path, model);
  copyFunctions(owner, path, model);
  const byName = new Map<string, ValueId>();
  for (const value of model.allValues()) if (value.graph === model.main) byName.set(value.name, value.id);
  return { file: path, model, weights: new Map(), byName };
}

/**
 * ONNX has one opset per domain in a model. Where imported models differ, the highest is noted for the next attempt
 * at this recording, in which each model is converted before it is copied.
 */
function agreeOnOpsets(owner: Recorder, file: string, model: Model): void {
  const { opsets, irVersion } = model.header;
  const before = owner.imported;
  if (before === undefined) {
    owner.imported = { file, opsets, irVersion };
    return;
  }
  let ruling = before.file;
  const agreed = new Map([...before.opsets, ...opsets]);
  for (const [domain, opset] of opsets) {
    const other: number | undefined = before.opsets.get(domain);
    if (other === undefined || other === opset) continue;
    if (newestOpset(domain) === undefined) {
      owner.fail('BB311', { file, domain, opset, other: before.file, otherOpset: other });
    }
    agreed.set(domain, Math.max(opset, other));
    if (domain === '' && opset > other) ruling = file;
    owner.meeting = agreed;
  }
  owner.imported = { file: ruling, opsets: agreed, irVersion: Math.max(before.irVersion, irVersion) };
}

/** The model in the opsets at which this recording's models meet, as far as it imports their domains. */
function meet(owner: Recorder, model: Model): Model {
  const { opsets } = owner;
  if (opsets === undefined) return model;
  const { infer } = owner.environment;
  const { model: converted, diagnostics } = convertModel(model, opsets, infer === undefined ? {} : { infer });
  if (converted === undefined) throw new DiagnosticError(diagnostics);
  return converted;
}

function copyFunctions(owner: Recorder, file: string, model: Model): void {
  const { editor } = owner;
  const copies = model.functions.map((fn) => {
    if (
      editor.functions.some(
        (one) => one.domain === fn.domain && one.name === fn.name && one.overload === fn.overload,
      )
    ) {
      owner.fail('BB312', { file, reason: `another imported model defines the function ${fn.name} too` });
    }
    const graph = editor.addGraph({ kind: 'function', name: fn.name });
    new Copier(model, editor).content(fn.graph, graph);
    return { ...fn, graph };
  });
  editor.functions = [...editor.functions, ...copies];
}

export interface Splice {
  readonly inputs: unknown;
  /** Values in the place of weights, by the weights' names. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly stages: readonly PlacedStage[];
  /** Inner values to give besides the outputs. */
  readonly also: readonly string[];
}

/** Copies the model's main graph, inputs replaced; gives facts of all its outputs and of what is asked for, by name. */
export function splice(
  owner: Recorder,
  opened: Opened,
  { inputs, parameters, stages, also }: Splice,
): Map<string, Fact> {
  const { model } = opened;
  const graph = model.mainGraph;
  const given = giveInputs(owner, opened, inputs, parameters);
  const scope = owner.scope;
  const copier = new Copier(model, owner.editor, [], (name) =>
    owner.reserve(owner.holderOf(name) === undefined ? name : `${scope}.${name}`),
  );
  for (const [id, fact] of given) copier.bind(id, fact.id);
  bindWeights(owner, opened, copier, given);
  const places = placesOf(owner, opened, stages);
  const declassified = declassifiedBy(owner, opened, stages);
  for (const id of graph.ops) {
    const op = model.op(id);
    // What a Constant op holds may be given too.
    if (op.type === 'Constant' && op.outputs.some((output) => given.has(output))) continue;
    copyOp(owner, model, copier, op, places.get(id), declassified.get(id));
  }
  const names = [...graph.outputs.map((id) => model.value(id).name), ...also];
  return new Map(names.map((name) => [name, result(owner, opened, copier, name)]));
}

function result(owner: Recorder, opened: Opened, copier: Copier, name: string): Fact {
  const id = opened.byName.get(name);
  if (id === undefined || !copier.has(id))
    return owner.fail('BB312', { file: opened.file, reason: `there is no value ${name}` });
  const copy = copier.value(id);
  return owner.facts.get(copy) ?? noteCopy(owner, copy, undefined, false);
}

/** Facts of the model's inputs, from one value, a list, or a record, and of the weights that are given by name. */
function giveInputs(
  owner: Recorder,
  opened: Opened,
  inputs: unknown,
  parameters: Readonly<Record<string, unknown>>,
): Map<ValueId, Fact> {
  const { file, model } = opened;
  const ports = model.mainGraph.inputs.map((id) => model.value(id));
  // Before IR 4 every weight is an input too: only those without a default are arguments.
  const open = ports.filter((port) => port.weight === undefined);
  const byName = new Map<string, unknown>();
  if (isValue(inputs) || Array.isArray(inputs)) {
    const list: readonly unknown[] = isValue(inputs) ? [inputs] : inputs;
    if (list.length > open.length) {
      owner.fail('BB312', { file, reason: `it has ${open.length} inputs, not ${list.length}` });
    }
    for (const [index, one] of list.entries()) byName.set(open[index]!.name, one);
  } else {
    for (const [name, one] of Object.entries(inputs as object)) byName.set(name, one);
  }
  const facts = new Map<ValueId, Fact>();
  for (const [name, value] of Object.entries(parameters)) {
    const id = opened.byName.get(name);
    if (id === undefined || weightIn(model, id) === undefined) {
      owner.fail('BB312', { file, reason: `there is no parameter ${name}` });
    }
    const weight = weightIn(model, id)!;
    const port = { ...model.value(id), type: tensorType(weight.dtype, weight.dims) };
    facts.set(id, give(owner, file, 'parameter', port, value));
  }
  for (const port of ports) {
    const value = byName.get(port.name);
    if (value !== undefined) facts.set(port.id, give(owner, file, 'input', port, value));
    else if (facts.has(port.id)) continue;
    else if (port.weight === undefined)
      owner.fail('BB312', { file, reason: `input ${port.name} is missing` });
    byName.delete(port.name);
  }
  for (const name of byName.keys()) owner.fail('BB312', { file, reason: `there is no input ${name}` });
  return facts;
}

function give(owner: Recorder, file: string, what: 'input' | 'parameter', port: Value, value: unknown): Fact {
  const fact = isValue(value)
    ? factOf(value, file)
    : addConstant(owner, fromNested(owner, value as Nested, dtypeIn(port.type)));
  const [want, have] = [dtypeIn(port.type), dtypeIn(fact.type)];
  if (want !== undefined && have !== undefined && want !== have) {
    owner.fail('BB307', { op: file, reason: `${what} ${port.name} is ${have}, not ${want}` });
  }
  const [wanted, given] = [dimsIn(port.type), dimsIn(fact.type)];
  if (wanted === undefined || given === undefined) return fact;
  const clash = wanted.some(
    (dim, index) => typeof dim === 'number' && typeof given[index] === 'number' && dim !== given[index],
  );
  if (wanted.length !== given.length || clash) {
    const text = (dims: readonly unknown[]): string => `[${dims.map((dim) => dim ?? '?').join(', ')}]`;
    owner.fail('BB302', { op: file, reason: `${what} ${port.name} is ${text(given)}, not ${text(wanted)}` });
  }
  return fact;
}

/** Weights are copied at the first call. */
function bindWeights(
  owner: Recorder,
  opened: Opened,
  copier: Copier,
  given: ReadonlyMap<ValueId, Fact>,
): void {
  for (const id of opened.model.mainGraph.initializers) {
    if (!given.has(id)) copier.bind(id, copyOfWeight(owner, opened, copier, id));
  }
}

function copyOfWeight(owner: Recorder, { model, weights }: Opened, copier: Copier, id: ValueId): ValueId {
  const known = weights.get(id);
  if (known !== undefined) return known;
  const copy = copier.declare(id, owner.main);
  const weight = weightIn(model, id);
  owner.editor.setValue(copy, {
    def: { kind: 'initializer' },
    ...(weight !== undefined && { weight, type: tensorType(weight.dtype, weight.dims) }),
  });
  owner.initializers.push(copy);
  weights.set(id, copy);
  noteCopy(owner, copy, undefined, false);
  return copy;
}

/** The tensor of an initializer, or of a Constant op. */
function weightIn(model: Model, id: ValueId): Weight | undefined {
  const { weight, def } = model.value(id);
  return weight ?? (def.kind === 'op' ? constantOf(model.op(def.op)) : undefined);
}

/**
 * What can be trained of a model, by name: tensors of floating-point numbers in its main graph, be they initializers or
 * what Constant ops hold; of those no scalars, which are settings. As values: the weights themselves.
 */
export function parametersOf(owner: Recorder, opened: Opened): Map<string, Fact> {
  const { model } = opened;
  const copier = new Copier(model, owner.editor, [], (name) =>
    owner.reserve(owner.holderOf(name) === undefined ? name : owner.qualified(name)),
  );
  const facts = new Map<string, Fact>();
  for (const [name, id] of opened.byName) {
    const weight = weightIn(model, id);
    if (weight?.dtype === undefined || !/^b?float\d+$/.test(weight.dtype)) continue;
    if (model.value(id).def.kind === 'op' && weight.dims.length === 0) continue;
    facts.set(name, owner.facts.get(copyOfWeight(owner, opened, copier, id))!);
  }
  return facts;
}

function noteCopy(owner: Recorder, id: ValueId, cohort: Place | undefined, declinable: boolean): Fact {
  const { type } = owner.editor.value(id);
  const fact: Fact = { id, type, cohort, declinable, entry: owner.openEntry };
  owner.adopt(fact);
  return fact;
}

function copyOp(
  owner: Recorder,
  model: Model,
  copier: Copier,
  op: Op,
  stage: Place | undefined,
  declassify: string | undefined,
): void {
  const { graph } = owner;
  for (const input of op.inputs) {
    if (!copier.has(input))
      owner.fail('BB312', {
        file: model.header.file,
        reason: `nothing makes value ${model.value(input).name}`,
      });
  }
  const at: Position | undefined = op.at ?? owner.site?.at;
  const place = stage ?? op.place ?? owner.place;
  const facts = op.inputs.map((id) => owner.facts.get(copier.value(id))).filter((fact) => fact !== undefined);
  const cohort = owner.meet(op.name || op.type, facts, place);
  const name = owner.opNames.has(op.name) ? `${owner.scope}.${op.name}` : op.name;
  if (name !== '') owner.opNames.add(name);
  const id = copier.op(op.id, graph.id, {
    name,
    scope: op.scope === undefined ? owner.scope : `${owner.scope}.${op.scope}`,
    ...(owner.recomputed !== undefined && { recompute: owner.recomputed }),
    ...(at !== undefined && { at }),
    ...(place !== undefined && graph.id === owner.main && { place: owner.inOpenEntry(place) }),
    // Who made the model cannot speak for whom this module's inputs belong to.
    declassified: declassify,
    declassifiedGradient: undefined,
  });
  graph.ops.push(id);
  const declinable = facts.some((fact) => fact.declinable);
  for (const output of owner.editor.op(id).outputs) {
    if (output !== NO_VALUE) noteCopy(owner, output, cohort, declinable);
  }
}

/** The place of each op that a stage claims: the ops its values need, as far as no earlier stage has them. */
function placesOf(owner: Recorder, opened: Opened, stages: readonly PlacedStage[]): Map<Op['id'], Place> {
  const { model, byName, file } = opened;
  const places = new Map<Op['id'], Place>();
  for (const { place, until } of stages) {
    if (until === undefined) {
      for (const op of model.mainGraph.ops) if (!places.has(op)) places.set(op, place);
      continue;
    }
    const pending = until.map((name) => {
      const id = byName.get(name);
      return id ?? owner.fail('BB312', { file, reason: `there is no inner value ${name}` });
    });
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { def } = model.value(next);
      if (def.kind !== 'op' || places.has(def.op)) continue;
      places.set(def.op, place);
      pending.push(...needsOf(model, model.op(def.op)));
    }
  }
  return places;
}

/** The ops that make the values at which a declassified stage ends, with the author's reason. */
function declassifiedBy(
  owner: Recorder,
  { model, byName }: Opened,
  stages: readonly PlacedStage[],
): Map<Op['id'], string> {
  const reasons = new Map<Op['id'], string>();
  for (const { until = [], declassify } of stages) {
    if (declassify === undefined) continue;
    checkReason(owner, declassify);
    for (const name of until) {
      const { def } = model.value(byName.get(name)!);
      if (def.kind === 'op') reasons.set(def.op, declassify);
    }
  }
  return reasons;
}

const needsOf = (model: Model, op: Op): readonly ValueId[] =>
  dependenciesOf(model, op).filter((id) => model.value(id).graph === model.main);
