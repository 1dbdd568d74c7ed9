// Reverse-mode differentiation: the gradients of values with respect to others, as plain ONNX ops after the forward
// ones. Each op is looked at once, from the last to the first, when the gradients of all its outputs are known; its
// rule (rules.ts) says what its inputs get, and what a value gets from several readers is summed.

import {
  type Diagnostic,
  DOMAIN,
  dependenciesOf,
  diagnostic,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  type Place,
  placeKey,
  positionOf,
  type ValueId,
} from '../../ir/index.ts';
import { type Builder, holdsFloats, NoGradient } from './builder.ts';
import { Cohorts, collectSum, crossingRules, makeAt, policyOf } from './crossings.ts';
import { recompute } from './recompute.ts';
import type { Backward, Rule, Rules } from './rule.ts';
import { constantOperators, expandedOperators, rules } from './rules.ts';

/**
 * The gradient of the sum of value · gradient over `outputs` with respect to each of `sources`; undefined where it is
 * zero. New ops are made by the builder.
 */
export function differentiate(
  builder: Builder,
  ops: readonly OpId[],
  outputs: readonly (readonly [value: ValueId, gradient: ValueId])[],
  sources: readonly ValueId[],
): { readonly of: readonly (ValueId | undefined)[]; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const backward: Backward = (inner, list, given, wanted) =>
    new Sweep(inner, backward, diagnostics).run(list, given, wanted);
  const sweep = new Sweep(builder, backward, diagnostics);
  const of = sweep.run(ops, outputs, sources);
  const results = of.flatMap((one) => one ?? []);
  builder.dropUnread(new Set([...results, ...sweep.arrivals.values()]));
  recompute(builder, ops, sweep.arrivals);
  return { of, diagnostics };
}

const whyNot = ({ domain, type }: Op): string =>
  domain === '' && expandedOperators.includes(type)
    ? 'its activations, its sizes or the parts of its sequence are not known'
    : 'there is no rule for it';

/** Parts of a gradient that members of one place have, and an op that gave one; of a written crossing its own alone. */
interface MembersParts {
  readonly op: Op;
  readonly from: Place;
  readonly parts: readonly ValueId[];
}

class Sweep {
  readonly #b: Builder;
  readonly #editor: ModelEditor;
  readonly #backward: Backward;
  readonly #diagnostics: Diagnostic[];
  /** What each value has been given so far. */
  readonly #parts = new Map<ValueId, ValueId[]>();
  /** What the members of a cohort have given to a value that is not theirs, by the broadcast that its author wrote. */
  readonly #membersParts = new Map<ValueId, Map<Op | string, MembersParts>>();
  #cohorts: Cohorts | undefined;
  #crossingRules: Rules = {};
  /** By a value: the op that gave to it last, which is the first of its readers. */
  readonly #givers = new Map<ValueId, Op>();
  /** By name of what is recomputed: the first gradient that came to it. */
  readonly arrivals = new Map<string, ValueId>();
  #current: Op | undefined;

  constructor(builder: Builder, backward: Backward, diagnostics: Diagnostic[]) {
    this.#b = builder;
    this.#editor = builder.editor;
    this.#backward = backward;
    this.#diagnostics = diagnostics;
  }

  run(
    ops: readonly OpId[],
    outputs: readonly (readonly [ValueId, ValueId])[],
    sources: readonly ValueId[],
  ): readonly (ValueId | undefined)[] {
    const { reached, through } = this.#influencedBy(ops, sources);
    this.#lookForCohorts(ops);
    for (const [value, gradient] of outputs) this.#give(value, gradient);
    for (let at = ops.length - 1; at >= 0; at--) {
      const op = this.#editor.op(ops[at]!);
      if (!through.has(op.id)) continue;
      if (!op.outputs.some((one) => this.#hasParts(one) && reached.has(one))) continue;
      this.#through(op, reached);
    }
    return sources.map((one) => {
      const { def } = this.#editor.value(one);
      const home = def.kind === 'op' ? this.#editor.op(def.op) : this.#givers.get(one);
      if (home !== undefined) this.#b.for(home);
      return this.#total(one);
    });
  }

  /** Only the main graph has places: a body is where the op that holds it is. */
  #lookForCohorts(ops: readonly OpId[]): void {
    const { graph } = this.#b;
    if (this.#editor.graph(graph).kind !== 'main') return;
    this.#cohorts = new Cohorts(this.#editor, ops, this.#editor.graph(graph).inputs);
    this.#crossingRules = crossingRules(this.#cohorts);
  }

  /** Values that depend on some of `sources` and can have a gradient, these included, and the ops between. */
  #influencedBy(
    ops: readonly OpId[],
    sources: readonly ValueId[],
  ): { readonly reached: ReadonlySet<ValueId>; readonly through: ReadonlySet<OpId> } {
    const reached = new Set(sources);
    const through = new Set<OpId>();
    for (const id of ops) {
      const op = this.#editor.op(id);
      if (op.domain === '' && constantOperators.has(op.type)) continue;
      if (!dependenciesOf(this.#editor, op).some((value) => reached.has(value))) continue;
      through.add(id);
      for (const output of op.outputs)
        if (output !== NO_VALUE && holdsFloats(this.#b.typeOf(output))) reached.add(output);
    }
    return { reached, through };
  }

  #through(op: Op, reached: ReadonlySet<ValueId>): void {
    this.#b.for(op);
    this.#current = op;
    const known = op.domain === '' ? rules : op.domain === DOMAIN.core ? this.#crossingRules : {};
    const rule: Rule | undefined = known[op.type];
    const dy = op.outputs.map((one) => (one === NO_VALUE ? undefined : this.#total(one)));
    this.#b.for(op);
    const arrived = dy.find((one) => one !== undefined);
    if (op.recompute !== undefined && arrived !== undefined && !this.arrivals.has(op.recompute))
      this.arrivals.set(op.recompute, arrived);
    const wants = (input: number): boolean => reached.has(op.inputs[input] ?? NO_VALUE);
    try {
      if (rule === undefined) return this.#b.refuse(whyNot(op));
      const given = rule({
        op,
        b: this.#b,
        x: op.inputs,
        y: op.outputs,
        output: (index, name) => this.#outputOf(op, index, name),
        dy,
        wants,
        captured: dependenciesOf(this.#editor, op).filter(
          (one) => !op.inputs.includes(one) && reached.has(one),
        ),
        give: (value, gradient) => this.#give(value, gradient),
        backward: this.#backward,
      });
      given.forEach((gradient, input) => {
        if (gradient !== undefined && wants(input)) this.#give(op.inputs[input]!, gradient);
      });
    } catch (error) {
      if (!(error instanceof NoGradient)) throw error;
      const type = op.domain === '' ? op.type : `${op.domain}.${op.type}`;
      const where = { op: op.name || op.type, at: positionOf(this.#editor, op) };
      const args = { type, why: error.message, path: this.#pathFrom(op) };
      this.#diagnostics.push(diagnostic('BB281', args, where));
    }
  }

  /** How the gradient comes to an op: its result, those computed from it one after the other, and the last of them. */
  #pathFrom(op: Op): readonly string[] {
    const names: string[] = [];
    for (let at: Op | undefined = op; at !== undefined; ) {
      const value: ValueId | undefined = at.outputs.find((one) => this.#hasParts(one));
      if (value === undefined) break;
      names.push(this.#b.name(value));
      at = this.#givers.get(value);
    }
    return names;
  }

  #give(value: ValueId, given: ValueId): void {
    const op = this.#current;
    const gradient = op === undefined ? given : this.#declassified(value, given);
    if (op !== undefined) this.#givers.set(value, op);
    const from = op && this.#cohorts?.fromMany(op, value);
    if (op !== undefined && from !== undefined) {
      const key = policyOf(op).length > 0 ? op : placeKey(from);
      const groups = this.#membersParts.get(value) ?? new Map<Op | string, MembersParts>();
      const parts = [...(groups.get(key)?.parts ?? []), gradient];
      this.#membersParts.set(value, groups.set(key, { op, from, parts }));
      return;
    }
    const parts = this.#parts.get(value);
    if (parts === undefined) this.#parts.set(value, [gradient]);
    else parts.push(gradient);
  }

  /**
   * What is given to a value whose gradient its author has declassified: an op of its own says so, since others may be given
   * the same.
   */
  #declassified(value: ValueId, gradient: ValueId): ValueId {
    const { def } = this.#editor.value(value);
    const reason = def.kind === 'op' ? this.#editor.op(def.op).declassifiedGradient : undefined;
    if (reason === undefined) return gradient;
    const told = this.#b.op('Identity', [gradient]);
    this.#editor.setOp(this.#b.made.at(-1)!, { declassified: reason });
    return told;
  }

  /** Sums at the members what they have, collects that, and sums it. */
  #collect(value: ValueId): void {
    const groups = this.#membersParts.get(value);
    if (groups === undefined) return;
    this.#membersParts.delete(value);
    const collected = [...groups.values()].map(({ op, from, parts }) => {
      this.#b.for(op);
      const sum = this.#sum(parts);
      makeAt(this.#b, value);
      return collectSum(this.#b, sum, policyOf(op), from, this.#cohorts?.of(value));
    });
    this.#parts.set(value, [...(this.#parts.get(value) ?? []), ...collected]);
  }

  #hasParts(value: ValueId): boolean {
    return this.#parts.has(value) || this.#membersParts.has(value);
  }

  #sum(parts: readonly ValueId[]): ValueId {
    if (parts.length === 1) return parts[0]!;
    return parts.length === 2 ? this.#b.add(parts[0]!, parts[1]!) : this.#b.op('Sum', parts);
  }

  #total(value: ValueId): ValueId | undefined {
    this.#collect(value);
    const parts = this.#parts.get(value);
    if (parts === undefined || parts.length === 1) return parts?.[0];
    const sum = this.#sum(parts);
    this.#parts.set(value, [sum]);
    return sum;
  }

  #outputOf({ id, graph }: Op, index: number, name: string): ValueId {
    const outputs = [...this.#editor.op(id).outputs];
    const known = outputs[index];
    if (known) return known;
    while (outputs.length < index) outputs.push(NO_VALUE);
    const added = this.#editor.addValue(graph, {
      name: this.#b.unique(`${this.#b.name(outputs[0]!)}_${name}`),
    });
    outputs[index] = added;
    this.#editor.setOp(id, { outputs });
    return added;
  }
}
