// A graph made ready to run: values are slots of a frame, ops are steps in an order that works, each with the
// slots that nobody reads after it.
//
//   y = Add(x, w)        slots: x 0, w 1 (constant), y 2, z 3
//   z = Relu(y)     →    steps: Add [0, 1] → [2] frees 0;  Relu [2] → [3] frees 2
//
// A subgraph has slots of its own and a list of what it captures; the value is copied into its frame when it runs.
// A call of a model-local function is a step whose kernel runs the function's plan, made at the first call,
// because attributes of the call are constants inside.
// An op without a kernel is a step that refuses when it is reached; `unknownOps` finds them beforehand.

import { DiagnosticError } from '../../../ir/diagnostic.ts';
import type { OpenExternal } from '../../../ir/onnx/external.ts';
import { dtypeOfElemType } from '../../../ir/types.ts';
import { decode } from '../../../runtime/proto/codec.ts';
import {
  AttributeContext,
  type Attributes,
  type AttributeValue,
  constantOf,
  denseOf,
  GraphBytes,
  readAttributes,
} from './attributes.ts';
import { runPlan } from './execute.ts';
import { type DeclaredType, type FindKernel, Invalid, type Kernel } from './kernel.ts';
import { describeNode, domainOf, functionsOf, keyOf, opsetsOf } from './names.ts';
import {
  type FunctionProto,
  type GraphProto,
  graph as graphTable,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from './proto.ts';
import { unknownOp } from './refusal.ts';
import { sortNodes } from './sort.ts';
import type { NdArray } from './value.ts';

/** Stands where an input is omitted; outputs that nobody wants have it too. */
export const NO_SLOT = -1;

export interface Plan {
  /** Frame slots. */
  readonly slots: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** What a graph declares; functions declare nothing. */
  readonly outputTypes: readonly (DeclaredType | undefined)[];
  readonly constants: readonly (readonly [slot: number, value: NdArray])[];
  /** What a subgraph takes from the frame around it. */
  readonly captures: readonly (readonly [outer: number, inner: number])[];
  readonly steps: readonly Step[];
}
export interface Step {
  readonly op: AttributeContext;
  /** For messages: the op's name, or its type and first output. */
  readonly name: string;
  readonly kernel: Kernel;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly frees: readonly number[];
  readonly bodies: ReadonlyMap<string, Plan> | undefined;
}

const noAttributes: Attributes = new Map();

/** Recursion is no ONNX; deeper calls than this are a file that makes them. */
const MAX_CALL_DEPTH = 100;

/** What a body of ops is read in: its opsets, and the attributes of the call around it. */
interface Setting {
  readonly opsets: ReadonlyMap<string, number>;
  readonly bound: Attributes;
  readonly depth: number;
}

export class Planner {
  readonly #find: FindKernel;
  readonly #external: OpenExternal;
  readonly #model: ModelProto;
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  /** Plans of functions called without attributes: one for all calls. */
  readonly #shared = new Map<FunctionProto, Plan>();

  constructor(model: ModelProto, find: FindKernel, external: OpenExternal) {
    this.#model = model;
    this.#find = find;
    this.#external = external;
    this.#functions = functionsOf(model);
  }

  main(): Plan {
    const { graph, opsetImport } = this.#model;
    return this.#graph(graph!, { opsets: opsetsOf(opsetImport), bound: noAttributes, depth: 0 }, undefined);
  }

  #graph(graph: GraphProto, setting: Setting, parent: Scope | undefined): Plan {
    const scope = new Scope(parent);
    const inputs = graph.input.map(({ name }) => scope.define(name));
    for (const tensor of graph.initializer) scope.constant(tensor.name, constantOf(tensor, this.#external));
    for (const sparse of graph.sparseInitializer)
      scope.constant(sparse.values?.name ?? '', denseOf(sparse, this.#external));
    const names = graph.output.map(({ name }) => name);
    const plan = this.#finish(scope, graph.node, inputs, names, setting);
    return { ...plan, outputTypes: graph.output.map(declaredType) };
  }

  #function(fn: FunctionProto, attributes: Attributes, depth: number): Plan {
    if (depth > MAX_CALL_DEPTH)
      throw new Invalid(`functions call each other more than ${MAX_CALL_DEPTH} deep`);
    const known = attributes.size === 0 ? this.#shared.get(fn) : undefined;
    if (known !== undefined) return known;
    const bound = readAttributes(fn.attributeProto, noAttributes, this.#external);
    for (const [name, value] of attributes) bound.set(name, value);
    const scope = new Scope(undefined);
    const inputs = fn.input.map((name) => scope.define(name));
    const opsets = new Map([...opsetsOf(this.#model.opsetImport), ...opsetsOf(fn.opsetImport)]);
    const plan = this.#finish(scope, fn.node, inputs, fn.output, { opsets, bound, depth });
    if (attributes.size === 0) this.#shared.set(fn, plan);
    return plan;
  }

  #finish(
    scope: Scope,
    nodes: readonly NodeProto[],
    inputs: readonly number[],
    outputs: readonly string[],
    setting: Setting,
  ): Plan {
    const steps = sortNodes(nodes).flatMap((node) => this.#step(node, scope, setting));
    const outputSlots = outputs.map((name) => scope.lookup(name) ?? NO_SLOT);
    outputSlots.forEach((slot, index) => {
      if (slot === NO_SLOT) throw new Invalid(`nothing makes output ${outputs[index]}`);
    });
    return {
      slots: scope.size,
      inputs,
      outputs: outputSlots,
      outputTypes: [],
      constants: scope.constants,
      captures: scope.captures,
      steps: withFrees(steps, new Set([...outputSlots, ...scope.constants.map(([slot]) => slot)])),
    };
  }

  #step(node: NodeProto, scope: Scope, setting: Setting): Step[] {
    const domain = domainOf(node.domain);
    const attributes = readAttributes(node.attribute, setting.bound, this.#external);
    const inputs = node.input.map((name) => (name === '' ? NO_SLOT : scope.need(name, node)));
    const bodies = this.#bodies(attributes, scope, setting);
    const outputs = node.output.map((name) => (name === '' ? NO_SLOT : scope.define(name)));
    const opset = setting.opsets.get(domain) ?? 1;
    const wanted = outputs.map((slot) => slot !== NO_SLOT);
    return [
      {
        op: new AttributeContext({ domain, type: node.opType, opset, wanted }, attributes),
        name: describeNode(node),
        kernel: this.#kernel(node, opset, attributes, setting.depth),
        inputs,
        outputs,
        frees: [],
        bodies,
      },
    ];
  }

  #bodies(attributes: Attributes, scope: Scope, setting: Setting): ReadonlyMap<string, Plan> | undefined {
    let bodies: Map<string, Plan> | undefined;
    for (const [name, value] of attributes) {
      if (!(value instanceof GraphBytes)) continue;
      bodies ??= new Map();
      bodies.set(name, this.#graph(decode(graphTable, value.bytes), setting, scope));
    }
    return bodies;
  }

  #kernel(node: NodeProto, opset: number, attributes: Map<string, AttributeValue>, depth: number): Kernel {
    const fn = this.#functions.get(keyOf(node));
    if (fn === undefined) {
      const kernel = this.#find(domainOf(node.domain), node.opType, opset);
      if (kernel !== undefined) return kernel;
      const op = { domain: domainOf(node.domain), type: node.opType, opset };
      return () => {
        throw new DiagnosticError(unknownOp(op, describeNode(node)));
      };
    }
    let plan: Plan | undefined;
    return (_, ...inputs) => {
      plan ??= this.#function(fn, attributes, depth + 1);
      return runPlan(plan, inputs);
    };
  }
}

function declaredType({ type }: ValueInfoProto): DeclaredType | undefined {
  const dtype = dtypeOfElemType(type?.tensorType?.elemType ?? 0);
  const dims = type?.tensorType?.shape?.dim;
  if (dtype === undefined || dims === undefined) return undefined;
  return { dtype, dims: dims.map(({ dimValue }) => Math.max(0, Number(dimValue ?? 0n))) };
}

/** Names to slots. */
class Scope {
  readonly #parent: Scope | undefined;
  readonly #slots = new Map<string, number>();
  readonly constants: [number, NdArray][] = [];
  readonly captures: [number, number][] = [];
  size = 0;

  constructor(parent: Scope | undefined) {
    this.#parent = parent;
  }

  define(name: string): number {
    const slot = this.size++;
    this.#slots.set(name, slot);
    return slot;
  }
  /** An initializer; that of an input is its default. */
  constant(name: string, value: NdArray): void {
    this.constants.push([this.#slots.get(name) ?? this.define(name), value]);
  }
  lookup(name: string): number | undefined {
    const own = this.#slots.get(name);
    if (own !== undefined) return own;
    const outer = this.#parent?.lookup(name);
    if (outer === undefined) return undefined;
    const inner = this.define(name);
    this.captures.push([outer, inner]);
    return inner;
  }
  need(name: string, node: NodeProto): number {
    const slot = this.lookup(name);
    if (slot === undefined) throw new Invalid(`nothing makes ${name}, which ${node.opType} reads`);
    return slot;
  }
}

/** Adds to each step what is read, or made and never read, for the last time there. */
function withFrees(steps: readonly Step[], kept: ReadonlySet<number>): Step[] {
  const seen = new Set(kept);
  const result: Step[] = new Array(steps.length);
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]!;
    const frees: number[] = [];
    const captured = [...(step.bodies?.values() ?? [])].flatMap(({ captures }) =>
      captures.map(([outer]) => outer),
    );
    for (const slot of [...step.inputs, ...captured, ...step.outputs]) {
      if (slot === NO_SLOT || seen.has(slot)) continue;
      seen.add(slot);
      frees.push(slot);
    }
    result[index] = { ...step, frees };
  }
  return result;
}
