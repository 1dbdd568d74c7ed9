// A whole model as the source of a module.

import { functionName } from '../../dsl/names.ts';
import {
  constantOf,
  dependenciesOf,
  formatType,
  type GraphId,
  type Model,
  NO_VALUE,
  type OpId,
  type Value,
  type ValueType,
  type Weight,
} from '../../ir/index.ts';
import { FunctionWriter } from './calls.ts';
import { arrow, call, declare, line, method, object, quoted, render, type Statement } from './code.ts';
import { isControl, writeControl } from './control.ts';
import { writeLoop } from './loops.ts';
import { Names } from './names.ts';
import { formOf, writeOp } from './ops.ts';
import { type Item, type Plan, planOf } from './plan.ts';
import { refuse } from './refusal.ts';
import { typeCodes } from './types.ts';
import { type Block, Values } from './values.ts';

export interface SourceOptions {
  /** The module's name. */
  readonly name: string;
  /** The model's file as the module's source names it, for weights; absent: all constants are written out. */
  readonly weights?: string;
  /** The tensors that can be had from that file by name. */
  readonly tensors: ReadonlyMap<string, Weight>;
}

/** Opsets up to this one need not be stated. */
const IMPLIED_OPSET = 21;

/** TypeScript that records `model`, which is sorted and typed. Throws DiagnosticError for what cannot be written. */
export function sourceOf(model: Model, options: SourceOptions): string {
  const taken = takenNames(model);
  const values = new Values(model, new Names(taken), {
    weights: options.weights,
    tensors: options.tensors,
  });
  const plan = planOf(model, values, neededOps(model));
  const writer = new Writer(values, plan, taken);
  const block: Block = { graph: model.main, statements: [], indent: 2 };
  for (const id of model.mainGraph.inputs) writeInput(values, block, values.value(id));
  writer.graph(block);
  for (const id of model.mainGraph.outputs) writeOutput(values, block, values.value(id));
  const opset = model.header.opsets.get('') ?? 0;
  const stated = opset > IMPLIED_OPSET ? [object([['opset', String(opset)]])] : [];
  const body = arrow('', block.statements);
  const main = call(values.use('module'), [quoted(options.name), ...stated, body]);
  const head: Statement[] = [];
  if (values.usesWeights) {
    head.push(line('', ''));
    head[0] = declare('weight', call(values.use('weights'), [quoted(options.weights!)]));
    head.push(line('', '', ''));
  }
  head.push(...values.functions);
  const imports = [...values.imports].sort((a, b) => (plainName(a) < plainName(b) ? -1 : 1));
  const list = importLine(imports);
  return `${list}\n\n${render([...head, line('export default ', main)])}`;
}

const plainName = (name: string): string => name.replace('type ', '').toLowerCase();

function importLine(names: readonly string[]): string {
  const short = `import { ${names.join(', ')} } from 'bytesandbrains';`;
  if (short.length <= 110) return short;
  return `import {\n${names.map((name) => `  ${name},\n`).join('')}} from 'bytesandbrains';`;
}

/** Names that the source uses for what is no value of the model. */
function takenNames(model: Model): Set<string> {
  const taken = new Set([
    'input',
    'output',
    'module',
    'constant',
    'weight',
    'weights',
    'sequenceOf',
    'optionalOf',
    'optionalEmpty',
  ]);
  for (const name of ['ifElse', 'loop', 'scan', 'sequenceMap', 'Tensor', '_', '_row']) taken.add(name);
  for (const value of model.allValues()) {
    for (let type: ValueType | undefined = value.type; type !== undefined; ) {
      if (type.kind === 'tensor' && type.dtype !== undefined) taken.add(type.dtype);
      type = type.kind === 'sequence' || type.kind === 'optional' ? type.elem : undefined;
    }
  }
  for (const op of model.allOps()) {
    if (isControl(op) || constantOf(op)) continue;
    const [first] = formOf(op).inputs;
    if (first === undefined || first.option !== 'single') taken.add(functionName(op.type));
  }
  return taken;
}

/** The ops that outputs need, in all graphs. */
function neededOps(model: Model): ReadonlySet<OpId> {
  const needed = new Set<OpId>();
  const pending: OpId[] = [];
  const need = (value: Value): void => {
    if (value.def.kind !== 'op' || needed.has(value.def.op)) return;
    needed.add(value.def.op);
    pending.push(value.def.op);
  };
  for (const id of model.mainGraph.outputs) need(model.value(id));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const id of dependenciesOf(model, model.op(next))) if (id !== NO_VALUE) need(model.value(id));
    for (const graph of subgraphs(model, next)) {
      for (const id of model.graph(graph).outputs) need(model.value(id));
    }
  }
  return needed;
}

const subgraphs = (model: Model, op: OpId): GraphId[] =>
  model
    .op(op)
    .attributes.flatMap((one) =>
      one.kind === 'graph' ? [one.value] : one.kind === 'graphs' ? one.value : [],
    );

/** Writes the items of a plan. */
class Writer {
  readonly #values: Values;
  readonly #plan: Plan;
  readonly #functions: FunctionWriter;

  /** `taken`: names that no variable may have. */
  constructor(values: Values, plan: Plan, taken: Set<string>) {
    this.#values = values;
    this.#plan = plan;
    this.#functions = new FunctionWriter(values, plan.functions, taken, (block, items) =>
      this.#items(block, items),
    );
  }

  graph(block: Block): void {
    this.#items(block, this.#plan.bodies.get(block.graph)!.items);
  }

  #items(block: Block, items: readonly Item[]): void {
    for (const item of items) {
      if (item.kind === 'call') this.#functions.call(block, item);
      else if (item.kind === 'loop')
        writeLoop(this.#values, block, item, (body) => this.#items(body, item.body.items));
      else if (isControl(item.op)) writeControl(this.#values, block, item.op, (body) => this.graph(body));
      else writeOp(this.#values, block, item.op);
    }
  }
}

function writeInput(values: Values, block: Block, value: Value): void {
  // With a default: a constant, as everywhere in this project.
  if (value.weight !== undefined) return;
  const name = values.name(value.id, 'input');
  const type = typeCodes(values, value.type);
  if (type === undefined)
    return refuse('BB388', { value: value.name, type: formatType(value.type) }, value.at);
  block.statements.push(declare(name, call(values.use('input'), [quoted(value.name), ...type])));
}

function writeOutput(values: Values, block: Block, value: Value): void {
  const type = typeCodes(values, value.type);
  if (type === undefined)
    return refuse('BB388', { value: value.name, type: formatType(value.type) }, value.at);
  const before = `output(${quoted(value.name)}, );`.length;
  const typed = values.expression(block, [value.id], before, ([code]) =>
    value.type === undefined ? code! : method(code!, 'as', type),
  );
  block.statements.push(line('', call(values.use('output'), [quoted(value.name), typed])));
}
