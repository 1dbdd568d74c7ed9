// The walk that infers: over a graph in its order, into subgraphs and functions where ops hold or call them.
//
// A scope holds the facts about the values of one evaluation: the main graph with its subgraphs, or one call
// of a function with the body's subgraphs. A function's body is evaluated once for each different list of
// argument types, and what its values have in common over all calls is what is recorded for them.

import { type Diagnostic, DiagnosticError } from '../../ir/diagnostic.ts';
import {
  type Attribute,
  type GraphId,
  type Model,
  type ModelFunction,
  NO_VALUE,
  type Op,
  type Value,
  type ValueId,
} from '../../ir/graph.ts';
import { DOMAIN } from '../../ir/names.ts';
import { modelLimits } from '../../ir/onnx/limits.ts';
import { type OpSchema, schemaOf } from '../../ir/ops/schema.ts';
import { type Shape, tensorType, type ValueType } from '../../ir/types.ts';
import { controlRules } from './control.ts';
import { coreTypes } from './core.ts';
import { Contradiction, checkRank, dimOf } from './dims.ts';
import { applySignature, decidedTypes } from './element-types.ts';
import { type Known, knownOfWeight } from './known.ts';
import { Problems } from './problems.ts';
import { shapesOf } from './shapes/index.ts';
import { joinTypes, unifyTypes } from './value-types.ts';
import { propagate } from './values.ts';
import { type Facts, OpView } from './view.ts';

/** What became known of a value. */
export interface Inferred {
  readonly type: ValueType | undefined;
  readonly known?: Known | undefined;
}

export class Scope implements Facts {
  readonly types = new Map<ValueId, ValueType>();
  readonly known = new Map<ValueId, Known | undefined>();
  readonly opsets: ReadonlyMap<string, number>;
  /** The attributes of the call, for references in the function's body. */
  readonly bindings: ReadonlyMap<string, Attribute> | undefined;
  readonly #evaluator: Evaluator;

  constructor(
    evaluator: Evaluator,
    opsets: ReadonlyMap<string, number>,
    bindings?: ReadonlyMap<string, Attribute>,
  ) {
    this.#evaluator = evaluator;
    this.opsets = opsets;
    this.bindings = bindings;
  }

  typeOf(id: ValueId): ValueType | undefined {
    return this.types.get(id);
  }

  knownOf(id: ValueId): Known | undefined {
    if (!this.known.has(id)) this.known.set(id, this.#evaluator.knownOfConstant(id));
    return this.known.get(id);
  }
}

/** Loops nested deeper than this start from the weakest assumption instead of trying the strongest first. */
const MAX_TRIAL_DEPTH = 3;
/** Ops evaluated at most: bodies are evaluated again for other types, which hostile files make multiply. */
const FREE_STEPS = 50_000;
const STEPS_PER_OP = 20;

export class Evaluator {
  readonly model: Model;
  readonly problems: Problems;
  readonly #calls = new Map<string, readonly Inferred[]>();
  readonly #active = new Set<GraphId>();
  readonly #inFunctions = new Map<ValueId, ValueType | undefined>();
  readonly #graphOutputs = new Set<ValueId>();
  /** Elements of values of the main graph and the graphs in it; complete once {@link run} is done. */
  known: ReadonlyMap<ValueId, Known | undefined> = new Map();
  /** Before IR 4 every initializer had to be an input too; since then, one that is has a mere default. */
  readonly #defaultsHold: boolean;
  #trialDepth = 0;
  #steps = 0;
  readonly #stepLimit: number;

  constructor(model: Model, defaultsHold = false) {
    this.model = model;
    this.#defaultsHold = defaultsHold || model.header.irVersion < 4;
    this.#stepLimit = FREE_STEPS + STEPS_PER_OP * model.opLimit;
    this.problems = new Problems(model);
    for (const graph of model.graphs) for (const id of graph.outputs) this.#graphOutputs.add(id);
  }

  /** Types of all values, as far as they can be known. */
  run(): ReadonlyMap<ValueId, ValueType> {
    const scope = new Scope(this, this.model.header.opsets);
    for (const id of this.model.mainGraph.inputs) this.problems.untyped(this.model.value(id));
    this.evaluateGraph(this.model.main, scope);
    this.known = scope.known;
    const types = scope.types;
    for (const [id, type] of this.#inFunctions) if (type !== undefined) types.set(id, type);
    return types;
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.problems.list;
  }

  /** Evaluates a graph; `inputs` are what is known of its inputs, in order. Returns what is known of its outputs. */
  evaluateGraph(
    id: GraphId,
    scope: Scope,
    inputs: readonly (Inferred | undefined)[] = [],
  ): readonly Inferred[] {
    const graph = this.model.graph(id);
    if (this.#steps > this.#stepLimit && graph.kind !== 'main')
      return graph.outputs.map(() => ({ type: undefined }));
    for (const initializer of graph.initializers) {
      const { weight } = this.model.value(initializer);
      // A sparse one has no weight; its type is declared.
      this.#record(scope, initializer, { type: weight && tensorType(weight.dtype, weight.dims) });
    }
    graph.inputs.forEach((input, index) => {
      const given = inputs[index];
      // What a caller gives replaces a default, whatever the default's shape.
      this.#record(scope, input, { type: given?.type ?? scope.types.get(input), known: given?.known });
    });
    for (const op of this.model.opsOf(id)) this.#evaluateOp(op, scope);
    return graph.outputs.map((output) => ({ type: scope.typeOf(output), known: scope.knownOf(output) }));
  }

  /**
   * Runs `attempt` without keeping its problems if it returns false, for loops that look for types which stay
   * as they are. Nested trials would multiply, so deep loops are not tried: then `attempt` is not called.
   */
  trial(attempt: () => boolean): boolean {
    if (this.#trialDepth >= MAX_TRIAL_DEPTH) return false;
    this.#trialDepth++;
    const mark = this.problems.mark();
    const holds = attempt();
    if (!holds) {
      this.problems.forgetSince(mark);
      // A remembered call would not report again what was just forgotten.
      this.#calls.clear();
    }
    this.#trialDepth--;
    return holds;
  }

  /** The content of an initializer that nobody can override, if it is small. */
  knownOfConstant(id: ValueId): Known | undefined {
    const value = this.model.value(id);
    if (value.weight === undefined) return undefined;
    if (value.def.kind === 'input' && !this.#defaultsHold) return undefined;
    return this.#reading(() => knownOfWeight(value.weight!));
  }

  #reading<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      for (const problem of error.diagnostics) this.problems.add(problem);
      return undefined;
    }
  }

  /** Counts towards the limit; once it is passed, functions and graphs in ops are not followed any more. */
  #step(op: Op): void {
    if (++this.#steps === this.#stepLimit + 1)
      this.problems.limit(
        op,
        'steps to infer the types: functions and loops call one another too often',
        this.#stepLimit,
      );
  }

  #evaluateOp(op: Op, scope: Scope): void {
    this.#step(op);
    const resolved = bindAttributes(op, scope.bindings);
    let results: readonly Inferred[] = [];
    try {
      results = this.#reading(() => this.#infer(resolved, scope)) ?? [];
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error;
      this.problems.shape(op, error.message);
      results = this.#signatureOnly(resolved, scope);
    }
    op.outputs.forEach((output, index) => {
      if (output !== NO_VALUE) this.#record(scope, output, results[index] ?? { type: undefined });
    });
  }

  #infer(op: Op, scope: Scope): readonly Inferred[] {
    const fn = this.model.functionOf(op);
    if (fn !== undefined) return this.#call(fn, op, scope);
    if (op.domain === DOMAIN.core) return coreTypes(op, scope);
    const schema = schemaOf(op.domain, op.type, scope.opsets.get(op.domain) ?? 0);
    if (schema === undefined) return [];
    const view = new OpView(op, schema, scope);
    const { outputs, clashes } = applySignature(view, schema);
    for (const clash of clashes) this.problems.clash(op, clash);
    // Without what an operator requires its rule would judge what nobody wrote; check reports it.
    if (lacksAttribute(op, schema)) return outputs.map((type) => ({ type }));
    const control = controlRules.get(op.type);
    if (control !== undefined) return control(view, scope, this);
    const decided = decidedTypes(view);
    const shapes = shapesOf(view);
    const typed = outputs.map((type, index) => withShape(decided[index] ?? type, shapes[index]));
    const first = typed[0];
    const known = propagate(view, typed.map(shapeOf), first?.kind === 'tensor' ? first.dtype : undefined);
    return typed.map((type, index) => ({ type, known: known[index] }));
  }

  /** After a contradiction: element types, so that it is reported once and not again at every user. */
  #signatureOnly(op: Op, scope: Scope): readonly Inferred[] {
    const schema = schemaOf(op.domain, op.type, scope.opsets.get(op.domain) ?? 0);
    if (schema === undefined) return [];
    return applySignature(new OpView(op, schema, scope), schema).outputs.map((type) => ({ type }));
  }

  #call(fn: ModelFunction, op: Op, scope: Scope): readonly Inferred[] {
    const inputs = op.inputs.map((id): Inferred | undefined =>
      id === NO_VALUE ? undefined : { type: scope.typeOf(id), known: scope.knownOf(id) },
    );
    if (this.#steps > this.#stepLimit) return [];
    const key = callKey(fn, op, inputs);
    const remembered = key === undefined ? undefined : this.#calls.get(key);
    if (remembered !== undefined) return remembered;
    // A function that calls itself, and one that is called too deep, is check's to report.
    if (this.#active.has(fn.graph) || this.#active.size >= modelLimits.callDepth) return [];
    this.#active.add(fn.graph);
    const defaults = fn.defaults.map((attribute) => [attribute.name, attribute] as const);
    const given = op.attributes.map((attribute) => [attribute.name, attribute] as const);
    const inner = new Scope(this, fn.opsets, new Map([...defaults, ...given]));
    const outputs = this.evaluateGraph(fn.graph, inner, inputs);
    this.#active.delete(fn.graph);
    for (const [id, type] of inner.types) {
      this.#inFunctions.set(
        id,
        this.#inFunctions.has(id) ? joinTypes(this.#inFunctions.get(id), type) : type,
      );
    }
    if (key !== undefined) this.#calls.set(key, outputs);
    return outputs;
  }

  /** Brings together what was inferred of a value and what its file declares. */
  #record(scope: Scope, id: ValueId, inferred: Inferred): void {
    const value = this.model.value(id);
    const type = this.#withDeclared(value, inferred.type);
    if (type === undefined) scope.types.delete(id);
    else scope.types.set(id, type);
    // Absent: an initializer's content is looked up when a rule asks for it.
    if (inferred.known !== undefined) scope.known.set(id, inferred.known);
    else scope.known.delete(id);
  }

  #withDeclared(value: Value, inferred: ValueType | undefined): ValueType | undefined {
    if (value.type === undefined) return inferred;
    try {
      // An output's names are its author's promise to callers; inside, the names that flow are worth more.
      return unifyTypes(inferred, value.type, this.#graphOutputs.has(value.id) ? 'second' : 'first');
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error;
      // A declaration without element type is a placeholder that some exporters write.
      if (!('dtype' in value.type && value.type.dtype === undefined))
        this.problems.declared(value, inferred!);
      return inferred;
    }
  }
}

const shapeOf = (type: ValueType | undefined): Shape => (type?.kind === 'tensor' ? type.dims : undefined);

/** Rules compute with attributes from files: what is no size cannot be known. */
function withShape(type: ValueType | undefined, computed: Shape): ValueType | undefined {
  if (computed !== undefined) checkRank(computed.length);
  const dims = computed?.map(dimOf);
  if (type === undefined) return dims && tensorType(undefined, dims);
  return type.kind === 'tensor' && dims !== undefined ? tensorType(type.dtype, dims) : type;
}

const lacksAttribute = (op: Op, schema: OpSchema): boolean =>
  schema.attributes.some(
    ({ name, required }) => required && !op.attributes.some((given) => given.name === name),
  );

/** The op with references to the function's attributes replaced by what the call gives. */
function bindAttributes(op: Op, bindings: ReadonlyMap<string, Attribute> | undefined): Op {
  if (bindings === undefined || !op.attributes.some((attribute) => attribute.kind === 'reference')) return op;
  const attributes = op.attributes.flatMap((attribute): Attribute[] => {
    if (attribute.kind !== 'reference') return [attribute];
    const bound = bindings.get(attribute.value);
    return bound === undefined ? [] : [{ ...bound, name: attribute.name }];
  });
  return { ...op, attributes };
}

/** Attributes whose text says all about them. */
const comparableKinds: ReadonlySet<Attribute['kind']> = new Set(['int', 'ints', 'float', 'floats', 'string']);

/** Equal for calls that infer alike; undefined if attributes have values that are not compared. */
function callKey(fn: ModelFunction, op: Op, inputs: readonly (Inferred | undefined)[]): string | undefined {
  const attributes: unknown[] = [];
  for (const { name, kind, value } of op.attributes) {
    if (!comparableKinds.has(kind)) return undefined;
    attributes.push([name, kind, value]);
  }
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);
  return JSON.stringify([fn.graph, inputs.map((one) => [one?.type, one?.known]), attributes], plain);
}
