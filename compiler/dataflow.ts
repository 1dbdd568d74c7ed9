// The main graph as place and cost see it: steps in execution order, what each reads (by itself and through
// its subgraphs), and which of them are constant expressions.

import {
  type Boundary,
  commonBoundary,
  dependenciesOf,
  type GraphId,
  isOurDomain,
  type Model,
  NO_VALUE,
  type Op,
  subgraphsOf,
  type ValueId,
} from '../ir/index.ts';

export interface Dataflow {
  readonly model: Model;
  /** What may go from place to place. */
  readonly boundary: Boundary;
  /** Ops of the main graph in execution order, constant expressions left out. A step is an index into it. */
  readonly steps: readonly Op[];
  /** Constant expressions of the main graph in execution order: everyone who needs one gets a copy. */
  readonly constants: readonly Op[];
  /** By OpId: the step of an op of the main graph; -1 for all others. */
  readonly stepOf: Int32Array;
  /** By ValueId: 1 for initializers, inputs with a default included, and for results of constant expressions. */
  readonly constant: Uint8Array;
  /** Values of the main graph that an op of the main graph reads, captures by its subgraphs included, once each. */
  reads(op: Op): readonly ValueId[];
}

/** Ops whose result differs from run to run, so that one copy per peer would be several values. */
const randomOps = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
]);

/** `boundary`: by default what every backend takes and gives. */
export function dataflow(model: Model, boundary = commonBoundary(['onnxruntime'])): Dataflow {
  const purity = new Purity(model);
  const read: (readonly ValueId[])[] = new Array(model.opLimit);
  const reads = (op: Op): readonly ValueId[] => {
    // Most ops have no subgraph, no omitted input and none twice: their inputs will do.
    read[op.id] ??= isPlain(op) ? op.inputs : dependenciesOf(model, op);
    return read[op.id]!;
  };
  const constant = new Uint8Array(model.valueLimit);
  // Inputs with a default count too: up to IR version 3 every weight is listed among the inputs.
  for (const id of model.mainGraph.initializers) constant[id] = 1;
  const steps: Op[] = [];
  const constants: Op[] = [];
  const stepOf = new Int32Array(model.opLimit).fill(-1);
  for (const op of model.opsOf()) {
    if (purity.ofOp(op) && reads(op).every((id) => constant[id] === 1)) {
      constants.push(op);
      for (const id of op.outputs) constant[id] = 1;
    } else {
      stepOf[op.id] = steps.length;
      steps.push(op);
    }
  }
  return { model, boundary, steps, constants, stepOf, constant, reads };
}

function isPlain({ attributes, inputs }: Op): boolean {
  for (const { kind } of attributes) if (kind === 'graph' || kind === 'graphs') return false;
  return inputs.every((id, index) => id !== NO_VALUE && inputs.indexOf(id) === index);
}

/** Whether ops compute the same wherever and however often they run. */
class Purity {
  readonly #model: Model;
  readonly #functions = new Map<GraphId, boolean>();

  constructor(model: Model) {
    this.#model = model;
  }

  ofOp(op: Op): boolean {
    const fn = this.#model.functionOf(op);
    if (fn !== undefined && !this.#ofFunction(fn.graph)) return false;
    if (fn === undefined && (isOurDomain(op.domain) || randomOps.has(op.type))) return false;
    // Dropout draws only if its third input, training mode, is there.
    if (op.type === 'Dropout' && op.domain === '' && op.inputs.length > 2) return false;
    for (const graph of subgraphsOf(op)) {
      if (!this.#model.graph(graph).ops.every((id) => this.ofOp(this.#model.op(id)))) return false;
    }
    return true;
  }

  #ofFunction(graph: GraphId): boolean {
    const known = this.#functions.get(graph);
    if (known !== undefined) return known;
    // Stands until the body is judged, so that a recursive function, which the check pass refuses, ends here.
    this.#functions.set(graph, false);
    const pure = this.#model.graph(graph).ops.every((id) => this.ofOp(this.#model.op(id)));
    this.#functions.set(graph, pure);
    return pure;
  }
}
