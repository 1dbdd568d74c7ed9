// Functions that a model defines, written out where they are called: the rules know operators of the standard domain.
// What is called keeps its scope, within that of the call, and its line.
//
//   y = local.Gate <slope = 0.2> (x)     with Gate <slope> (a) => (b) { c = LeakyRelu <alpha: float = @slope> (a) b = Mul (c, a) }
//   c = LeakyRelu <alpha = 0.2> (x)  b = Mul (c, x)  y = Identity (b)

import { Copier } from '../../ir/copy.ts';
import {
  type Attribute,
  type GraphId,
  type Model,
  type ModelEditor,
  type ModelFunction,
  NO_VALUE,
  type Op,
  type OpId,
  subgraphsOf,
  type ValueId,
} from '../../ir/index.ts';
import { holdsFloats } from './builder.ts';

/** Functions call each other so deep at most; one that calls itself stays a call. */
const DEEPEST = 50;

/** The model with calls written out through which a gradient may pass; the same object if it has none. */
export function inlineFunctions(model: Model): Model {
  if (model.functions.length === 0) return model;
  const functionOf = (op: Op): ModelFunction | undefined => {
    const fn = model.functionOf(op);
    // With operators of another version, its ops would mean something else here.
    return fn && sameOpset(model, fn) && mayPass(op) ? fn : undefined;
  };
  // Keys and bits of random numbers are none: their functions stay short.
  const mayBeFloats = (id: ValueId): boolean => {
    const type = id === NO_VALUE ? undefined : model.value(id)?.type;
    return id !== NO_VALUE && (type === undefined || holdsFloats(type));
  };
  // What is to be recomputed is looked at op by op, for those that draw.
  const mayPass = ({ inputs, outputs, recompute }: Op): boolean =>
    recompute !== undefined || (inputs.some(mayBeFloats) && outputs.some(mayBeFloats));
  const calling = model.graphs.filter(
    ({ kind, ops }) => kind !== 'function' && ops.some((id) => functionOf(model.op(id)) !== undefined),
  );
  if (calling.length === 0) return model;
  const editor = model.edit();
  const names = new Set([...model.allValues()].map(({ name }) => name));
  const unique = (name: string): string => {
    let free = name;
    for (let count = 1; names.has(free); count++) free = `${name}_${count}`;
    names.add(free);
    return free;
  };
  const inliner = new Inliner(editor, functionOf, unique);
  for (const { id, ops } of calling)
    editor.setGraph(id, { ops: ops.flatMap((one) => inliner.expanded(one, 0)) });
  return editor.finish();
}

/** Without the functions that nobody calls any more: what they compute was written out. */
export function withoutUncalled(model: Model): Model {
  const called = new Set<ModelFunction>();
  const visit = (graph: GraphId): void => {
    for (const op of model.opsOf(graph)) {
      const fn = model.functionOf(op);
      if (fn !== undefined && !called.has(fn)) {
        called.add(fn);
        visit(fn.graph);
      }
      subgraphsOf(op).forEach(visit);
    }
  };
  visit(model.main);
  if (called.size === model.functions.length) return model;
  const editor = model.edit();
  const empty = (graph: GraphId): void => {
    for (const op of model.opsOf(graph)) {
      subgraphsOf(op).forEach(empty);
      editor.removeOp(op.id);
    }
    editor.setGraph(graph, { ops: [] });
  };
  for (const fn of model.functions) if (!called.has(fn)) empty(fn.graph);
  editor.functions = model.functions.filter((fn) => called.has(fn));
  return editor.finish();
}

const sameOpset = (model: Model, fn: ModelFunction): boolean => {
  const own = fn.opsets.get('');
  return own === undefined || own === model.header.opsets.get('');
};

class Inliner {
  readonly #editor: ModelEditor;
  readonly #functionOf: (op: Op) => ModelFunction | undefined;
  readonly #unique: (name: string) => string;

  constructor(
    editor: ModelEditor,
    functionOf: (op: Op) => ModelFunction | undefined,
    unique: (name: string) => string,
  ) {
    this.#editor = editor;
    this.#functionOf = functionOf;
    this.#unique = unique;
  }

  /** The op, or what it calls. */
  expanded(id: OpId, depth: number): readonly OpId[] {
    const op = this.#editor.op(id);
    const fn = this.#functionOf(op);
    if (fn === undefined || depth === DEEPEST) return [id];
    const body = this.#editor.graph(fn.graph);
    const copier = new Copier(this.#editor, this.#editor, [], (name) => this.#unique(`${fn.name}/${name}`));
    body.inputs.forEach((input, index) => {
      copier.bind(input, op.inputs[index] ?? NO_VALUE);
    });
    const given = new Map([...fn.defaults, ...op.attributes].map((one) => [one.name, one]));
    const ops = body.ops.flatMap((one) => {
      const copy = copier.op(one, op.graph);
      this.#settle(copy, op, fn, given);
      return this.expanded(copy, depth + 1);
    });
    const outputs = body.outputs.map((one) => copier.value(one));
    this.#editor.removeOp(id);
    const handed = op.outputs.flatMap((output, index): readonly OpId[] => {
      if (output === NO_VALUE) return [];
      const { at, scope, place, recompute } = op;
      const from = outputs[index]!;
      return [
        this.#editor.addOp(op.graph, {
          type: 'Identity',
          inputs: [from],
          outputs: [output],
          ...(at && { at }),
          ...(scope !== undefined && { scope }),
          ...(place && { place }),
          ...(recompute !== undefined && { recompute }),
        }),
      ];
    });
    return [...ops, ...handed];
  }

  /** Attributes as the call gives them, line, scope and place within its own; in subgraphs too, whose ops are where theirs is. */
  #settle(id: OpId, call: Op, fn: ModelFunction, given: ReadonlyMap<string, Attribute>): void {
    const op = this.#editor.op(id);
    const attributes = op.attributes.flatMap((one): Attribute[] => {
      if (one.kind !== 'reference') return [one];
      const value = given.get(one.value);
      return value === undefined ? [] : [{ ...value, name: one.name }];
    });
    const scope = [call.scope, op.scope ?? fn.name]
      .filter((one) => one !== undefined && one !== '')
      .join('.');
    const at = op.at ?? call.at;
    const place = op.place ?? call.place;
    const recompute = call.recompute ?? op.recompute;
    this.#editor.setOp(id, {
      attributes,
      scope,
      ...(at && { at }),
      ...(place && { place }),
      ...(recompute !== undefined && { recompute }),
    });
    const { place: _, ...around } = call;
    for (const inner of subgraphsOf(this.#editor.op(id))) {
      const { ops } = this.#editor.graph(inner);
      for (const one of ops) this.#settle(one, around, fn, given);
      this.#editor.setGraph(inner, { ops: ops.flatMap((one) => this.expanded(one, 1)) });
    }
  }
}
