// Collects what is wrong, each problem once, with the op and its position.

import { type Diagnostic, type DiagnosticContext, diagnostic, type Position } from '../../ir/diagnostic.ts';
import { type Model, NO_VALUE, type Op, positionOf, type Value } from '../../ir/graph.ts';
import { Report } from '../../ir/report.ts';
import { formatType, type ValueType } from '../../ir/types.ts';
import type { TypeClash } from './element-types.ts';

const sameElements = (a: ValueType | undefined, b: ValueType): boolean =>
  a?.kind === 'tensor' && b.kind === 'tensor' && (a.dtype ?? b.dtype) === (b.dtype ?? a.dtype);

export class Problems {
  readonly #report = new Report();
  readonly #seen = new Set<string>();
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  get list(): readonly Diagnostic[] {
    return this.#report.list;
  }

  add(problem: Diagnostic): void {
    if (this.#report.isFull(problem.code)) return;
    const key = JSON.stringify(problem);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#report.add(problem);
  }

  /** An op whose shapes or attributes contradict each other. */
  shape(op: Op, reason: string): void {
    const inputs = op.inputs.flatMap((id) => (id ? [this.#model.value(id).name] : []));
    this.add(diagnostic('BB252', { type: op.type, inputs, reason }, this.#about(op)));
  }

  /** An op at which inference gives up. */
  limit(op: Op, what: string, limit: number): void {
    this.add(diagnostic('BB110', { what, limit }, this.#about(op)));
  }

  /** An input of a type that the operator does not take, or not beside another input's. */
  clash(op: Op, clash: TypeClash): void {
    const name = (index: number): string => this.#model.value(op.inputs[index]!).name;
    const { parameter, got, other, admitted } = clash;
    const context = { ...this.#about(op), value: name(clash.index) };
    this.add(
      other === undefined
        ? diagnostic('BB250', { type: op.type, parameter, got, admitted }, context)
        : diagnostic(
            'BB251',
            { type: op.type, parameter, got, other: other.type, otherValue: name(other.index) },
            context,
          ),
    );
  }

  /** An input of the model without an element type; nothing can say what comes in. */
  untyped(value: Value): void {
    const { type } = value;
    const known = type !== undefined && !((type.kind === 'tensor' || type.kind === 'sparse') && !type.dtype);
    if (known || value.weight?.dtype !== undefined) return;
    this.add(diagnostic('BB254', {}, { value: value.name, at: this.#position(value) }));
  }

  /** A declared type that cannot be true. */
  declared(value: Value, inferred: ValueType): void {
    const texts = { declared: formatType(value.type), inferred: formatType(inferred) };
    const context = { value: value.name, at: this.#position(value) };
    // Files often have stale shapes, which every runtime takes; none takes another element type.
    this.add(diagnostic(sameElements(value.type, inferred) ? 'BB253' : 'BB255', texts, context));
  }

  mark(): number {
    return this.list.length;
  }
  forgetSince(mark: number): void {
    for (const problem of this.#report.cutTo(mark)) this.#seen.delete(JSON.stringify(problem));
  }

  #about(op: Op): DiagnosticContext {
    const made = op.outputs.find((id) => id !== NO_VALUE);
    return {
      op: op.name || op.type,
      ...(made !== undefined && { value: this.#model.value(made).name }),
      at: positionOf(this.#model, op),
    };
  }
  #position({ at, def }: Value): Position {
    if (at !== undefined) return at;
    return def.kind === 'op'
      ? positionOf(this.#model, this.#model.op(def.op))
      : { file: this.#model.header.file };
  }
}
