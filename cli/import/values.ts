// The values of a model while its source is written: what each is called, and what an op's operand looks like.

import {
  constantOf,
  formatType,
  type GraphId,
  type Model,
  type Value,
  type ValueId,
  type Weight,
} from '../../ir/index.ts';
import { array, type Code, call, declare, flat, quoted, type Statement, WIDTH } from './code.ts';
import { INLINE_BYTES, nested, type Written, written } from './literals.ts';
import type { Names } from './names.ts';
import type { AttributeAt } from './plan.ts';
import { refuse } from './refusal.ts';
import { attributeKey } from './rows.ts';

/** Longest call that stands inside another one otherwise than before its dot. */
const MAX_ARGUMENT = 40;
/** Most calls on one line; one more if all that they are given is names and numbers. */
const MAX_CALLS = 2;

/** A value that no statement has named yet: it may become part of the one expression that reads it. */
interface Pending {
  readonly code: Code;
  readonly calls: number;
  readonly block: Block;
  readonly kind: string;
}

/** What a function is handed: code of values, and of attributes by {@link attributeKey}. And what it gives. */
export interface Given {
  readonly codes: ReadonlyMap<ValueId, Code>;
  readonly attributes: ReadonlyMap<string, Code>;
  readonly results: readonly ValueId[];
}

interface State {
  readonly codes: Map<ValueId, Code>;
  readonly pending: Map<ValueId, Pending>;
  /** Values whose code was handed in. */
  readonly parameters: Set<ValueId>;
  readonly attributes: ReadonlyMap<string, Code>;
  /** What a function gives, if not only that: it is read once more than the model tells. */
  readonly results: ReadonlySet<ValueId>;
}

/** Statements of one function body. */
export interface Block {
  readonly graph: GraphId;
  readonly statements: Statement[];
  readonly indent: number;
}

export interface WriterOptions {
  /** How the module's source names the file that holds the weights; absent: all constants are written out. */
  readonly weights: string | undefined;
  /** The tensors that can be had from that file by name. */
  readonly tensors: ReadonlyMap<string, Weight>;
}

export class Values {
  readonly model: Model;
  names: Names;
  /** What the file imports from bytesandbrains. */
  readonly imports = new Set<string>();
  /** Functions of the file, each after those that it calls. */
  readonly functions: Statement[] = [];
  usesWeights = false;
  readonly #options: WriterOptions;
  #state: State = {
    codes: new Map(),
    pending: new Map(),
    parameters: new Set(),
    attributes: new Map(),
    results: new Set(),
  };
  readonly #literals = new Map<ValueId, string | undefined>();

  constructor(model: Model, names: Names, options: WriterOptions) {
    this.model = model;
    this.names = names;
    this.#options = options;
  }

  /** Something that the file imports. */
  use(name: string): string {
    this.imports.add(name);
    return name;
  }

  value(id: ValueId): Value {
    return this.model.value(id);
  }
  /** The constant that a value is; not one that a loop gives from a list. */
  weightOf(id: ValueId): Weight | undefined {
    if (this.#state.parameters.has(id)) return undefined;
    const { weight, def } = this.value(id);
    return weight ?? (def.kind === 'op' ? constantOf(this.model.op(def.op)) : undefined);
  }
  written(id: ValueId): Written | undefined {
    const weight = this.weightOf(id);
    return weight && written(weight);
  }

  /** Whether two constants are written alike: small, and the same. */
  sameLiteral(a: ValueId, b: ValueId): boolean {
    const [one, other] = [this.#literal(a), this.#literal(b)];
    return one !== undefined && one === other;
  }

  /** The elements of a small constant as one text. */
  #literal(id: ValueId): string | undefined {
    if (!this.#literals.has(id)) this.#literals.set(id, this.written(id)?.elements.join());
    return this.#literals.get(id);
  }

  /** Writes `body` with other code for some values: constants and carried values of a loop's first iteration. */
  within(codes: ReadonlyMap<ValueId, Code>, body: () => void): void {
    const before = [...codes.keys()].map(
      (id) => [id, this.#state.codes.get(id), this.#state.parameters.has(id)] as const,
    );
    for (const [id, code] of codes) {
      this.#state.parameters.add(id);
      this.#state.codes.set(id, code);
    }
    body();
    for (const [id, code, wasParameter] of before) {
      if (!wasParameter) this.#state.parameters.delete(id);
      if (code === undefined) this.#state.codes.delete(id);
      else this.#state.codes.set(id, code);
    }
  }

  /** Writes `body` as a function of the file, which sees nothing but what it is handed. */
  apart(names: Names, given: Given, body: () => void): void {
    const before = { names: this.names, state: this.#state };
    this.names = names;
    this.#state = {
      codes: new Map(given.codes),
      pending: new Map(),
      parameters: new Set(given.codes.keys()),
      attributes: given.attributes,
      results: new Set(given.results.length > 1 ? given.results : []),
    };
    body();
    this.names = before.names;
    this.#state = before.state;
  }
  attributeCode(one: AttributeAt): Code | undefined {
    return this.#state.attributes.get(attributeKey(one));
  }

  /** Whether a constant can be had from the file by its name. */
  hasName(id: ValueId): boolean {
    return this.#options.weights !== undefined && this.#options.tensors.has(this.value(id).name);
  }
  /** A constant of the file, by an expression for its name. */
  byName(id: ValueId, name: Code): Code {
    const { dtype, dims } = this.weightOf(id)!;
    this.usesWeights = true;
    return call('weight', [name, this.use(dtype!), array(dims.map(String))]);
  }

  /** Names a value for what follows. */
  name(id: ValueId, kind: string): string {
    const name = this.names.take(this.value(id).name, kind);
    this.#state.codes.set(id, name);
    return name;
  }
  /** From now on, `code` is the value. */
  bind(id: ValueId, code: Code): void {
    this.#state.codes.set(id, code);
  }

  /** What a call gives: a variable, or part of the expression that reads it if only one op does, in the same body. */
  result(block: Block, id: ValueId, code: Code, kind: string): void {
    const uses = this.model.uses(id);
    const [use] = uses;
    const calls = callsIn(code);
    const short = (flat(code)?.length ?? WIDTH) + block.indent + 10 <= WIDTH;
    const inside =
      uses.length === 1 &&
      !this.#state.results.has(id) &&
      (use!.kind === 'output' ? use!.graph : this.model.op(use!.op).graph) === block.graph;
    if (inside && short && calls <= maxCalls(code)) this.#state.pending.set(id, { code, calls, block, kind });
    else block.statements.push(declare(this.name(id, kind), code));
  }

  /** The code of a value; what is pending and not taken into an expression gets a statement first. */
  code(id: ValueId): Code {
    const constant = this.weightOf(id);
    if (constant !== undefined) return this.constant(id, constant);
    const pending = this.#pendingOf(id);
    if (pending !== undefined) this.#flush(id, pending);
    const code = this.#state.codes.get(id);
    if (code === undefined) throw new Error(`value ${this.value(id).name} was not written before its use`);
    return code;
  }

  /**
   * Makes an expression over operands, taking in those that are pending as long as it fits on a line; `build` is
   * called with the code of each. The first one stands before the dot.
   */
  expression(block: Block, ids: readonly ValueId[], before: number, build: (codes: Code[]) => Code): Code {
    const taken = ids.map((id, index) => {
      const pending = this.#pendingOf(id);
      if (pending === undefined || pending.block !== block) return undefined;
      const fits =
        index === 0 || ((flat(pending.code)?.length ?? WIDTH) <= MAX_ARGUMENT && pending.calls === 1);
      return fits ? pending : undefined;
    });
    const codes = (): Code[] => ids.map((id, index) => taken[index]?.code ?? this.code(id));
    for (;;) {
      const code = build(codes());
      const length = flat(code)?.length ?? WIDTH;
      if (length + block.indent + before <= WIDTH && callsIn(code) <= maxCalls(code)) break;
      // What stands before the dot goes last.
      const last = taken.findLastIndex((one) => one !== undefined);
      if (last < 0) break;
      taken[last] = undefined;
    }
    const code = build(codes());
    ids.forEach((id, index) => {
      if (taken[index] !== undefined) this.#state.pending.delete(id);
    });
    return code;
  }

  /** What a function or loop is handed is not pending in there, even if it is around it. */
  #pendingOf(id: ValueId): Pending | undefined {
    return this.#state.parameters.has(id) ? undefined : this.#state.pending.get(id);
  }
  #flush(id: ValueId, { code, block, kind }: Pending): void {
    this.#state.pending.delete(id);
    block.statements.push(declare(this.name(id, kind), code));
  }

  /** A constant as an expression of its own. */
  constant(id: ValueId, weight: Weight): Code {
    const { name } = this.value(id);
    const held = this.#options.weights === undefined ? undefined : this.#options.tensors.get(name);
    const small = written(weight, held === undefined ? Number.POSITIVE_INFINITY : INLINE_BYTES);
    if (weight.dtype === undefined)
      return refuse('BB388', { value: name, type: formatType(this.value(id).type) });
    const dtype = this.use(weight.dtype);
    if (small !== undefined) return call(this.use('constant'), [nested(small), dtype]);
    if (held === undefined) return refuse('BB387', { op: name, what: `a constant of ${weight.dtype}` });
    return this.byName(id, quoted(name));
  }
}

/** Calls on one line, those in arguments not counted. */
function callsIn(code: Code): number {
  if (typeof code === 'string' || code.kind !== 'call') return 0;
  return code.method === undefined ? 1 : 1 + callsIn(code.of);
}

const maxCalls = (code: Code): number => (isPlain(code) ? MAX_CALLS + 1 : MAX_CALLS);
const isPlain = (code: Code): boolean =>
  typeof code === 'string' ||
  (code.kind === 'call' && isPlain(code.of) && code.args.every((one) => typeof one === 'string'));
