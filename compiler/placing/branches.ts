// An If whose branches have places of their own is cut inside: its branches become part of the main graph, read
// through `When`, and its results are chosen by `OrElse`.
//
//   before   y = If(c) { then: a = Relu(x)@phone, b = Neg(a)@server; else: d = Abs(x)@server }     x@phone
//   after    a = Relu(When(x, c)@phone)@phone              d = Abs(When(x, n)@server)@server     n = Not(c)@server
//            b = Neg(When(a, c)@server)@server             y = OrElse(b, d)@server
//
// A value is read through `When` at the place of its reader, wherever it comes from: `When` reads its condition
// first, so a peer that knows that a branch is not taken waits for nobody in it. The condition therefore goes to
// every place that a branch touches. Places are known only after placement, hence two steps around it.

import {
  CORE,
  type Diagnostic,
  DOMAIN,
  dependenciesOf,
  describeOp,
  diagnostic,
  type GraphId,
  type Model,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  type Place,
  placeKey,
  samePlace,
  subgraphsOf,
  type Topology,
  type Value,
  type ValueId,
} from '../../ir/index.ts';
import { dataflow } from '../dataflow.ts';
import type { Placement } from '../pass.ts';
import { replaceReads } from '../reads.ts';
import { rulesOf } from './authored.ts';

/** One branch: what runs only if `condition` is `holds`. */
interface Branch {
  readonly condition: ValueId;
  readonly holds: boolean;
  /** The branch that the If is in. */
  readonly outer: Branch | undefined;
}

/** A model whose Ifs with places inside lie open; without the conditions yet, so only `closeBranches` may run it. */
export interface Unfolded {
  readonly model: Model;
  /** The branch that an op of the main graph came from. */
  readonly branches: ReadonlyMap<OpId, Branch>;
  /** For each `OrElse` that stands for an If: the branches that its two inputs come from. */
  readonly joins: ReadonlyMap<OpId, readonly [Branch, Branch]>;
}

const isIf = ({ domain, type }: Op): boolean => domain === '' && type === 'If';

/** Opens the Ifs that have places inside. Reports BB508 for loops that do. */
export function unfoldBranches(
  model: Model,
  topology: Topology,
  report: (problem: Diagnostic) => void,
): Unfolded {
  const holders = [...model.opsOf()].filter((op) => subgraphsOf(op).length > 0);
  for (const op of holders) reportPlacesInLoops(model, op, report);
  const placeOf = statedPlaces(model, topology);
  const isOpened = (op: Op): boolean => isIf(op) && hasOtherPlaces(model, op, placeOf);
  const opened = new Set(holders.filter(isOpened));
  if (opened.size === 0) return { model, branches: new Map(), joins: new Map() };
  return new Unfolder(model, isOpened).run(opened);
}

/** The place of an op as far as its author or a rule states it. */
function statedPlaces(model: Model, topology: Topology): (op: Op) => Place | undefined {
  const rules = rulesOf(topology);
  return (op) => op.place ?? rules.find((rule) => rule.matches(op, model))?.place;
}

/** Whether an op in a branch, or in an If in it, has another place than the If. */
function hasOtherPlaces(model: Model, op: Op, placeOf: (op: Op) => Place | undefined): boolean {
  const own = placeOf(op);
  const differs = (inner: Op): boolean => {
    const place = placeOf(inner);
    if (place !== undefined && (own === undefined || !samePlace(place, own))) return true;
    return isIf(inner) && opsInside(model, inner).some(differs);
  };
  return opsInside(model, op).some(differs);
}

const opsInside = (model: Model, op: Op): Op[] => subgraphsOf(op).flatMap((graph) => [...model.opsOf(graph)]);

/** Loop, Scan and SequenceMap hold plain ops only, on one seat: places that their author wrote inside are errors. */
function reportPlacesInLoops(
  model: Model,
  op: Op,
  report: (problem: Diagnostic) => void,
  loop: Op | undefined = isIf(op) ? undefined : op,
): void {
  for (const inner of opsInside(model, op)) {
    if (loop !== undefined && inner.place !== undefined) {
      const context = {
        op: describeOp(model, inner),
        at: inner.at,
        related: [{ message: `in this ${loop.type}`, at: loop.at }],
      };
      report(diagnostic('BB508', { loop: loop.type, place: placeKey(inner.place) }, context));
    }
    reportPlacesInLoops(model, inner, report, loop ?? (isIf(inner) ? undefined : inner));
  }
}

class Unfolder {
  readonly #model: Model;
  readonly #editor: ModelEditor;
  readonly #isOpened: (op: Op) => boolean;
  readonly #branches = new Map<OpId, Branch>();
  readonly #joins = new Map<OpId, readonly [Branch, Branch]>();
  readonly #gone = new Set<GraphId>();
  readonly #names: Names;

  constructor(model: Model, isOpened: (op: Op) => boolean) {
    this.#model = model;
    this.#editor = model.edit();
    this.#isOpened = isOpened;
    this.#names = new Names(model);
  }

  run(opened: ReadonlySet<Op>): Unfolded {
    const { main, mainGraph } = this.#model;
    const ops = mainGraph.ops.flatMap((id) => {
      const op = this.#model.op(id);
      return opened.has(op) ? this.#open(op, undefined) : [id];
    });
    const initializers = [...this.#gone].flatMap((id) => this.#model.graph(id).initializers);
    for (const { id, graph, name } of this.#model.allValues())
      if (this.#gone.has(graph)) this.#editor.setValue(id, { graph: main, name: this.#names.unique(name) });
    for (const { id, parent } of this.#model.graphs)
      if (parent !== undefined && this.#gone.has(parent)) this.#editor.setGraph(id, { parent: main });
    for (const id of this.#gone)
      this.#editor.setGraph(id, { ops: [], outputs: [], initializers: [], inputs: [] });
    this.#editor.setGraph(main, { ops, initializers: [...mainGraph.initializers, ...initializers] });
    return { model: this.#editor.finish(), branches: this.#branches, joins: this.#joins };
  }

  /** The ops that stand for an If in the main graph, in order. */
  #open(op: Op, outer: Branch | undefined): OpId[] {
    const condition = op.inputs[0]!;
    const order: OpId[] = [];
    const sides = ['then_branch', 'else_branch'].map((name) => {
      const attribute = op.attributes.find((one) => one.name === name);
      if (attribute?.kind !== 'graph') throw new Error(`${op.name} has no ${name}`);
      const branch: Branch = { condition, holds: name === 'then_branch', outer };
      order.push(...this.#move(attribute.value, branch));
      return { branch, outputs: this.#model.graph(attribute.value).outputs };
    }) as [Side, Side];
    this.#editor.removeOp(op.id);
    op.outputs.forEach((output, index) => {
      if (output === NO_VALUE) return;
      const join = this.#editor.addOp(this.#model.main, {
        domain: DOMAIN.core,
        type: CORE.orElse,
        inputs: sides.map(({ outputs }) => outputs[index]!),
        outputs: [output],
        place: op.place,
        scope: op.scope,
        at: op.at,
      });
      if (outer !== undefined) this.#branches.set(join, outer);
      this.#joins.set(join, [sides[0].branch, sides[1].branch]);
      order.push(join);
    });
    return order;
  }

  #move(graph: GraphId, branch: Branch): OpId[] {
    this.#gone.add(graph);
    return [...this.#model.opsOf(graph)].flatMap((op) => {
      if (this.#isOpened(op)) return this.#open(op, branch);
      this.#editor.setOp(op.id, { graph: this.#model.main });
      this.#branches.set(op.id, branch);
      return [op.id];
    });
  }
}

interface Side {
  readonly branch: Branch;
  readonly outputs: readonly ValueId[];
}

/** Names that no value of a model has yet. */
class Names {
  readonly #used: Set<string>;
  constructor(model: Model) {
    this.#used = new Set(
      [...model.allValues()].filter(({ graph }) => graph === model.main).map((one) => one.name),
    );
  }
  unique(name: string): string {
    let free = name;
    for (let n = 1; this.#used.has(free); n++) free = `${name}.${n}`;
    this.#used.add(free);
    return free;
  }
}

/** Puts the conditions in, now that every op has a place. */
export function closeBranches(
  { model, branches, joins }: Unfolded,
  placement: Placement,
): { readonly model: Model; readonly placement: Placement } {
  if (joins.size === 0) return { model, placement };
  return new Gates(model, branches, placement).run(joins);
}

class Gates {
  readonly #model: Model;
  readonly #editor: ModelEditor;
  readonly #branches: Unfolded['branches'];
  readonly #placement: Placement;
  readonly #places: (Place | undefined)[];
  readonly #constant: Uint8Array;
  readonly #names: Names;
  readonly #order: OpId[] = [];
  readonly #made = new Map<string, ValueId>();
  /** The op whose reads are being gated: gates have its line. */
  #reader: Op | undefined;

  constructor(model: Model, branches: Unfolded['branches'], placement: Placement) {
    this.#model = model;
    this.#editor = model.edit();
    this.#branches = branches;
    this.#placement = placement;
    this.#places = [...placement.ops];
    this.#constant = dataflow(model).constant;
    this.#names = new Names(model);
  }

  run(joins: Unfolded['joins']): { readonly model: Model; readonly placement: Placement } {
    for (const op of this.#model.opsOf()) {
      this.#reader = op;
      const sides = joins.get(op.id);
      const branch = this.#branches.get(op.id);
      const place = this.#places[op.id]!;
      if (sides !== undefined) {
        const inputs = op.inputs.map((value, index) => this.#read(value, sides[index], place, true));
        this.#editor.setOp(op.id, { inputs });
      } else if (branch !== undefined && !op.outputs.every((id) => this.#constant[id] === 1)) {
        const replaced = new Map(
          dependenciesOf(this.#model, op).map((value) => [value, this.#read(value, branch, place, false)]),
        );
        replaceReads(this.#editor, this.#model, op, replaced);
      }
      this.#order.push(op.id);
    }
    this.#editor.setGraph(this.#model.main, { ops: this.#order });
    return { model: this.#editor.finish(), placement: { ...this.#placement, ops: this.#places } };
  }

  /** The value as an op in `branch` at `place` reads it. Constants are everywhere, and need no condition to be read. */
  #read(value: ValueId, branch: Branch | undefined, place: Place, constantsToo: boolean): ValueId {
    if (branch === undefined || value === NO_VALUE) return value;
    const isConstant = this.#constant[value] === 1;
    if (isConstant && !constantsToo) return value;
    const { def } = this.#model.value(value);
    const isMadeHere = def.kind === 'op' && !isConstant && samePlace(this.#places[def.op]!, place);
    // What is made here in the same branch from something is missing already where the branch is not taken; what is
    // made from nothing, as random numbers are, is there in any case.
    const known =
      isMadeHere && this.#waits(this.#model.op(def.op)) ? enclosing(this.#branches.get(def.op)) : [];
    let read = value;
    for (const one of enclosing(branch))
      if (!known.some((other) => same(one, other))) read = this.#gate(read, one, place);
    return read;
  }

  #waits(op: Op): boolean {
    return dependenciesOf(this.#model, op).some((id) => this.#constant[id] !== 1);
  }

  #gate(value: ValueId, { condition, holds, outer }: Branch, place: Place): ValueId {
    const read = this.#read(condition, outer, place, false);
    const decides = holds
      ? read
      : this.#make(place, { type: 'Not', inputs: [read] }, this.#editor.value(read), 'not');
    const when = { domain: DOMAIN.core, type: CORE.when, inputs: [value, decides] };
    return this.#make(place, when, this.#editor.value(value), 'when');
  }

  /** An op at a place whose result is like `like`; made when first asked for. */
  #make(
    place: Place,
    op: { readonly domain?: string; readonly type: string; readonly inputs: readonly ValueId[] },
    { name, type }: Value,
    suffix: string,
  ): ValueId {
    const key = `${op.type} ${op.inputs.join()} ${placeKey(place)}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const { main } = this.#model;
    const output = this.#editor.addValue(main, { name: this.#names.unique(`${name}.${suffix}`), type });
    const id = this.#editor.addOp(main, { ...op, outputs: [output], at: this.#reader?.at });
    this.#places[id] = place;
    this.#order.push(id);
    this.#made.set(key, output);
    return output;
  }
}

/** A branch and those around it, outermost first. */
function enclosing(branch: Branch | undefined): readonly Branch[] {
  return branch === undefined ? [] : [...enclosing(branch.outer), branch];
}

const same = (a: Branch, b: Branch): boolean => a.condition === b.condition && a.holds === b.holds;
