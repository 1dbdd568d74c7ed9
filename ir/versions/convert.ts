// Conversion of a model to other opsets: each op goes from version to version of its operator, step by step,
// up or down, through the rows of steps.ts.
//
//   y = Clip<max = 6.0>(x)      opset 7
//   y = Clip(x, "", max)        opset 21, with a constant max
//
// Values keep their names and types, ops that stay the same their entries; what is added is named after what it
// stands beside. Weights are not read, but for small ones that an op is told something by.

import { type Diagnostic, diagnostic } from '../diagnostic.ts';
import {
  describeOp,
  type Graph,
  type GraphId,
  type Model,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
} from '../graph.ts';
import { newestOpset, schemaOf, schemasOf } from '../ops/schema.ts';
import { fitted } from './fit.ts';
import type { Form } from './form.ts';
import { irVersionFor } from './ir-version.ts';
import { predecessors, stepInto } from './steps.ts';
import { Refused, Workbench } from './workbench.ts';

/** Below it, operators have broadcasting of their own. */
export const OLDEST_OPSET = 7;

export interface ConversionOptions {
  /** The same model with as many types as can be inferred, for ops whose forms differ by type or rank. */
  readonly infer?: (model: Model) => Model;
  /** What is said of an op that has no form in the opset asked for, and why; by default BB230. */
  readonly refusal?: (op: Op, reason: string) => Diagnostic;
}

export interface Conversion {
  /** The same object if nothing changes; absent if an op has no form in the opset asked for. */
  readonly model?: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The model in other opsets: a version of the standard domain, or versions by domain. Domains that the model does
 * not import, and those that ONNX does not define, stay out of it. Linear in the size of the graph.
 */
export function convertModel(
  model: Model,
  opsets: number | ReadonlyMap<string, number>,
  options: ConversionOptions = {},
): Conversion {
  const asked = typeof opsets === 'number' ? new Map([['', opsets]]) : opsets;
  const diagnostics = outOfRange(model, asked);
  if (diagnostics.length > 0) return { diagnostics };
  const sources = [model.header.opsets, ...model.functions.map((fn) => fn.opsets)];
  const targets = new Map(
    [...asked].filter(([domain, version]) => sources.some((one) => (one.get(domain) ?? version) !== version)),
  );
  if (targets.size === 0) return { model, diagnostics };
  return new Converter(model, targets, options).run();
}

/**
 * Some ops of the standard domain, which are in the newest form of their operators, in the form of `opset`; the others are
 * there already, and the header says so.
 */
export function convertOps(
  model: Model,
  ops: ReadonlySet<OpId>,
  opset: number,
  options: ConversionOptions,
): Conversion {
  const isNewest = (id: OpId): boolean => {
    const { type } = model.op(id);
    return schemaOf('', type, opset)?.since === schemasOf('', type).at(-1)?.since;
  };
  if ([...ops].every(isNewest)) return { model, diagnostics: [] };
  return new Converter(model, new Map([['', opset]]), options, ops).run();
}

function outOfRange(model: Model, asked: ReadonlyMap<string, number>): Diagnostic[] {
  const at = { file: model.header.file };
  const found: Diagnostic[] = [];
  for (const [domain, target] of asked) {
    const newest = newestOpset(domain);
    const oldest = domain === '' ? OLDEST_OPSET : 1;
    const from = model.header.opsets.get(domain) ?? target;
    const known = { domain: domain === '' ? 'ai.onnx' : domain, oldest, newest: newest ?? 0 };
    for (const opset of new Set([target, from])) {
      if (newest === undefined || opset < oldest || opset > newest)
        if (target !== from || opset !== from) found.push(diagnostic('BB231', { ...known, opset }, { at }));
    }
  }
  return found;
}

class Converter {
  readonly #model: Model;
  readonly #editor: ModelEditor;
  readonly #targets: ReadonlyMap<string, number>;
  readonly #bench: Workbench;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #opsets = new Map<GraphId, ReadonlyMap<string, number>>();
  readonly #refusal: ConversionOptions['refusal'];
  readonly #newest: ReadonlySet<OpId> | undefined;

  /** `newest`: the ops that are not in the opset that the model states but in their newest form. */
  constructor(
    model: Model,
    targets: ReadonlyMap<string, number>,
    { infer, refusal }: ConversionOptions,
    newest?: ReadonlySet<OpId>,
  ) {
    this.#model = model;
    this.#targets = targets;
    this.#refusal = refusal;
    this.#newest = newest;
    this.#editor = model.edit();
    const opsets = convertedOpsets(model.header.opsets, targets);
    const irVersion = irVersionFor(model, opsets);
    this.#editor.header = { ...model.header, opsets, irVersion };
    this.#bench = new Workbench(model, this.#editor, irVersion, infer);
    this.#opsets.set(model.main, model.header.opsets);
    for (const fn of model.functions) this.#opsets.set(fn.graph, fn.opsets);
  }

  run(): Conversion {
    const editor = this.#editor;
    for (const graph of this.#model.graphs) this.#graph(graph);
    if (this.#diagnostics.length > 0) return { diagnostics: this.#diagnostics };
    for (const [id, head] of this.#bench.heads)
      editor.setGraph(id, { ops: [...head, ...editor.graph(id).ops] });
    const { initializers } = this.#bench;
    if (initializers.length > 0) {
      const before = editor.graph(editor.main).initializers;
      editor.setGraph(editor.main, { initializers: [...before, ...initializers] });
    }
    editor.functions = editor.functions.map((fn) => ({
      ...fn,
      opsets: convertedOpsets(fn.opsets, this.#targets),
    }));
    return { model: dropUnread(this.#model, editor.finish()), diagnostics: [] };
  }

  #graph(graph: Graph): void {
    const opsets = this.#opsetsOf(graph);
    this.#bench.enter(graph.id);
    let changed = false;
    const ops = graph.ops.flatMap((id) => {
      const op = this.#model.op(id);
      const target = this.#targets.get(op.domain);
      const from = this.#newest?.has(id) ? newestOpset('') : opsets.get(op.domain);
      if (target === undefined || from === undefined || from === target) return [id];
      const forms = this.#convert(op, from, target);
      if (forms.length === 1 && forms[0]!.id === id && isUnchanged(op, forms[0]!)) return [id];
      changed = true;
      return this.#place(op, forms);
    });
    if (changed) this.#editor.setGraph(graph.id, { ops });
  }

  #opsetsOf(graph: Graph): ReadonlyMap<string, number> {
    const known = this.#opsets.get(graph.id);
    if (known !== undefined) return known;
    const opsets = graph.parent === undefined ? new Map() : this.#opsetsOf(this.#model.graph(graph.parent));
    this.#opsets.set(graph.id, opsets);
    return opsets;
  }

  #convert(op: Op, from: number, target: number): readonly Form[] {
    if (this.#model.functionOf(op) !== undefined) return [op];
    this.#bench.target = target;
    try {
      if (target < OLDEST_OPSET) this.#checkBeyond(op, target);
      return from < target
        ? this.#up({ ...formOf(op), version: from }, target)
        : this.#down({ ...formOf(op), version: from }, target);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const domain = op.domain === '' ? 'ai.onnx' : op.domain;
      this.#diagnostics.push(
        this.#refusal?.(op, error.message) ??
          diagnostic(
            'BB230',
            { type: op.type, domain, from, to: target, reason: error.message },
            { op: describeOp(this.#model, op), at: op.at ?? { file: this.#model.header.file } },
          ),
      );
      return [op];
    }
  }

  /** Opsets that nothing is converted to have ops that have not changed since. */
  #checkBeyond(op: Op, target: number): void {
    const schemas = schemasOf(op.domain, op.type);
    if (schemaOf(op.domain, op.type, target)?.since !== schemas.at(-1)?.since)
      this.#bench.refuse(`it changed since opset ${target}`);
  }

  #up(form: Form, target: number): readonly Form[] {
    const { domain = '', type, version = target } = form;
    const next = schemasOf(domain, type).find((schema) => schema.since > version && schema.since <= target);
    if (next === undefined) return [form];
    const adapter = stepInto(domain, type, next.since).up;
    if (adapter === undefined) return this.#up({ ...form, version: next.since }, target);
    return list(adapter(form, this.#bench)).flatMap((one) =>
      // What an adapter leaves as it got it stands at the version before.
      this.#up({ ...one, version: Math.max(next.since, one.version ?? 0) }, target),
    );
  }

  #down(form: Form, target: number): readonly Form[] {
    const { domain = '', type, version = target } = form;
    const schemas = schemasOf(domain, type);
    const at = schemas.findLastIndex((schema) => schema.since <= version);
    const current = schemas[at];
    if (current === undefined || current.since <= target) return [form];
    const older = schemas[at - 1];
    const to = current.since - 1;
    if (older === undefined || older.deprecated) {
      const predecessor = predecessors[type];
      if (domain !== '' || predecessor === undefined)
        return this.#bench.refuse(`it came with opset ${current.since}`);
      return this.#downAll(predecessor(form, this.#bench), to, target);
    }
    const step = stepInto(domain, type, current.since);
    const adapter = step.repairs && this.#newest !== undefined ? undefined : step.down;
    const forms = adapter === undefined ? [form] : list(adapter(form, this.#bench));
    return this.#downAll(
      forms.map((one) => (one.type === type ? fitted(one, current, older, this.#bench) : one)),
      to,
      target,
    );
  }
  #downAll(forms: Form | readonly Form[], version: number, target: number): readonly Form[] {
    return list(forms).flatMap((one) => this.#down({ ...one, version }, target));
  }

  /** Writes forms into the graph: the one with the op's id takes its place, the others are new. */
  #place(op: Op, forms: readonly Form[]): OpId[] {
    const { id: _id, graph, name, residue: _residue, declassified, declassifiedGradient, ...around } = op;
    const results = new Set(op.outputs);
    return forms.map(({ id, type, inputs, outputs, attributes, domain = '' }) => {
      const form = { type, inputs, outputs, attributes, domain };
      const makesResult = outputs.some((output) => output !== NO_VALUE && results.has(output));
      // What may leave its class are the results and their gradients, not what is made on the way to them.
      const marks = makesResult ? { declassified, declassifiedGradient } : {};
      if (id === op.id) {
        this.#editor.setOp(id, {
          declassified: undefined,
          declassifiedGradient: undefined,
          ...form,
          ...marks,
        });
        return id;
      }
      const first = outputs.find((output) => output !== NO_VALUE);
      const named = name !== '' && first !== undefined ? this.#editor.value(first).name : '';
      return this.#editor.addOp(graph, {
        ...around,
        ...form,
        name: named,
        overload: '',
        ...marks,
      });
    });
  }
}

const list = (forms: Form | readonly Form[]): readonly Form[] =>
  Array.isArray(forms) ? forms : [forms as Form];

const formOf = ({ id, domain, type, inputs, outputs, attributes }: Op): Form => ({
  id,
  domain,
  type,
  inputs,
  outputs,
  attributes,
});

const isUnchanged = (op: Op, form: Form): boolean =>
  op.type === form.type &&
  op.inputs === form.inputs &&
  op.outputs === form.outputs &&
  op.attributes === form.attributes;

const convertedOpsets = (
  opsets: ReadonlyMap<string, number>,
  targets: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> =>
  new Map([...opsets].map(([domain, version]) => [domain, targets.get(domain) ?? version]));

/**
 * Takes out constants whose readers were told by an attribute instead, and those of steps that a later step undid;
 * what nobody read before stays.
 */
function dropUnread(before: Model, after: Model): Model {
  const isUnread = (id: ValueId): boolean =>
    after.uses(id).length === 0 && (id >= before.valueLimit || before.uses(id).length > 0);
  let editor: ModelEditor | undefined;
  for (const graph of after.graphs) {
    const weights = new Set(graph.initializers.filter((id) => isUnread(id) && !graph.inputs.includes(id)));
    const constants = new Set(
      graph.ops.filter((id) => {
        const { type, domain, outputs } = after.op(id);
        return type === 'Constant' && domain === '' && outputs.every(isUnread);
      }),
    );
    if (weights.size + constants.size === 0) continue;
    editor ??= after.edit();
    editor.setGraph(graph.id, {
      initializers: graph.initializers.filter((id) => !weights.has(id)),
      ops: graph.ops.filter((id) => !constants.has(id)),
    });
    for (const id of weights) editor.removeValue(id);
    for (const id of constants) {
      for (const output of after.op(id).outputs) editor.removeValue(output);
      editor.removeOp(id);
    }
  }
  return editor?.finish() ?? after;
}
