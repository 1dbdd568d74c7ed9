// If, Loop, Scan and SequenceMap as calls with callbacks.

import {
  type Attribute,
  findAttribute,
  formatType,
  type Graph,
  type GraphId,
  NO_VALUE,
  type Op,
  type ValueId,
  type ValueType,
} from '../../ir/index.ts';
import { type Arrow, array, arrow, type Code, call, declare, line, method, object } from './code.ts';
import { nested, written } from './literals.ts';
import { refuse } from './refusal.ts';
import type { Block, Values } from './values.ts';

/** Writes the ops of a graph into a body. */
export type WriteGraph = (block: Block) => void;

const isUsed = (values: Values, id: ValueId): boolean => id !== NO_VALUE && values.model.uses(id).length > 0;

export const isControl = (op: Op): boolean =>
  op.domain === '' && ['If', 'Loop', 'Scan', 'SequenceMap'].includes(op.type);

export function writeControl(values: Values, block: Block, op: Op, write: WriteGraph): void {
  switch (op.type) {
    case 'If':
      return writeIf(values, block, op, write);
    case 'Loop':
      return writeLoop(values, block, op, write);
    case 'Scan':
      return writeScan(values, block, op, write);
    default:
      return writeSequenceMap(values, block, op, write);
  }
}

function bodyOf(values: Values, op: Op, name: string): Graph {
  const attribute = findAttribute(op, name);
  if (attribute?.kind !== 'graph') return refuse('BB387', { op: op.type, what: `attribute ${name}` }, op.at);
  return values.model.graph(attribute.value);
}

const openBlock = (block: Block, graph: GraphId): Block => ({
  graph,
  statements: [],
  indent: block.indent + 2,
});

/** Keys and variables of an op's results: one name for both. */
const resultKeys = (values: Values, op: Op, kind: string): string[] =>
  op.outputs.map((id, index) =>
    id === NO_VALUE ? values.names.take(`unused${index}`, kind) : values.name(id, kind),
  );

function declareResults(values: Values, block: Block, op: Op, keys: readonly string[], code: Code): void {
  const used = keys.filter((_, index) => isUsed(values, op.outputs[index]!));
  block.statements.push(used.length > 0 ? declare(`{ ${used.join(', ')} }`, code) : line('', code));
}

function writeIf(values: Values, block: Block, op: Op, write: WriteGraph): void {
  const condition = values.code(op.inputs[0]!);
  const keys = resultKeys(values, op, 'branch');
  const branches = ['then_branch', 'else_branch'].map((name): Arrow => {
    const { id, outputs } = bodyOf(values, op, name);
    const body = openBlock(block, id);
    write(body);
    const given = values.expression(body, [...new Set(outputs)], 'return '.length, (codes) => {
      const codeOf = new Map([...new Set(outputs)].map((id, at) => [id, codes[at]!]));
      const results = outputs.map((id) => codeOf.get(id)!);
      return keys.length === 1 ? results[0]! : object(keys.map((key, at) => [key, results[at]!]));
    });
    return arrow('', [...body.statements, line('return ', given)]);
  });
  const code = call(values.use('ifElse'), [condition, ...branches]);
  if (keys.length === 1) block.statements.push(declare(keys[0]!, code));
  else declareResults(values, block, op, keys, code);
}

function writeLoop(values: Values, block: Block, op: Op, write: WriteGraph): void {
  const graph = bodyOf(values, op, 'body');
  const [count = NO_VALUE, proceed = NO_VALUE, ...initial] = op.inputs;
  const [index = NO_VALUE, going = NO_VALUE, ...carried] = graph.inputs;
  const state = initial.map((id, at) => stateCode(values, id, graph.outputs[at + 1]!));
  const options: [string, Code][] = [];
  if (count !== NO_VALUE) options.push(['count', countCode(values, count)]);
  if (proceed !== NO_VALUE) options.push(['while', values.code(proceed)]);
  const keys = resultKeys(values, op, 'loop');
  const body = openBlock(block, graph.id);
  const parameters = [statePattern(values, keys, carried)];
  const condition = graph.outputs[0]!;
  const goesOn = copied(values, condition) === going;
  const readsGoing = going !== NO_VALUE && values.model.uses(going).length > (goesOn ? 1 : 0);
  if (isUsed(values, index) || readsGoing) parameters.push(values.name(index, 'index'));
  if (going !== NO_VALUE && (readsGoing || goesOn)) {
    const name = values.name(going, 'going');
    if (readsGoing) parameters.push(name);
  }
  write(body);
  const results = graph.outputs.slice(1).map((id, at): [string, Code] => [keys[at]!, values.code(id)]);
  if (!goesOn) results.push(['while', values.code(condition)]);
  const callback = arrow(parameters.join(', '), [...body.statements, line('return ', object(results))]);
  const code = call(values.use('loop'), [
    object(state.map((one, at) => [keys[at]!, one])),
    object(options),
    callback,
  ]);
  declareResults(values, block, op, keys, code);
}

function countCode(values: Values, id: ValueId): Code {
  const weight = values.weightOf(id);
  const small = weight && weight.dims.length === 0 ? written(weight) : undefined;
  return small === undefined ? values.code(id) : nested(small);
}

/** `{ key: name, … }` for the values that a body uses. */
function statePattern(values: Values, keys: readonly string[], ids: readonly ValueId[]): string {
  const fields = ids.flatMap((id, at) =>
    isUsed(values, id) ? [`${keys[at]}: ${values.name(id, 'state')}`] : [],
  );
  return fields.length === 0 ? '_' : `{ ${fields.join(', ')} }`;
}

/** What an Identity copies, through several. */
function copied(values: Values, id: ValueId): ValueId {
  const { def } = values.value(id);
  if (def.kind !== 'op') return id;
  const op = values.model.op(def.op);
  return op.type === 'Identity' && op.domain === '' ? copied(values, op.inputs[0]!) : id;
}

/** What a loop starts from, without the sizes that change from one iteration to the next. */
function stateCode(values: Values, initial: ValueId, next: ValueId): Code {
  const code = values.code(initial);
  const [from, to] = [typeOf(values, initial), typeOf(values, next)];
  const held = from?.kind === 'optional' ? from.elem : from;
  if (from !== undefined && to !== undefined && from.kind !== to.kind && held?.kind !== to.kind) {
    const what = `carrying ${values.value(initial).name}, ${formatType(from)} that becomes ${formatType(to)},`;
    refuse('BB387', { op: 'a loop', what });
  }
  if (from?.kind !== 'tensor' || from.dtype === undefined) return code;
  const later = to?.kind === 'tensor' ? to.dims : undefined;
  const { dims } = from;
  if (dims && later?.length === dims.length && dims.every((dim, at) => dim === later[at])) return code;
  const known = dims && later?.length === dims.length;
  const shape = known
    ? [
        array(
          dims.map((dim, at) =>
            dim !== later[at] || dim === null ? 'null' : typeof dim === 'number' ? String(dim) : `'${dim}'`,
          ),
        ),
      ]
    : [];
  return method(code, 'as', [values.use(from.dtype), ...shape]);
}

function typeOf(values: Values, id: ValueId): ValueType | undefined {
  const weight = values.weightOf(id);
  return weight ? { kind: 'tensor', dtype: weight.dtype, dims: weight.dims } : values.value(id).type;
}

const intsOf = (op: Op, name: string): readonly number[] => {
  const attribute: Attribute | undefined = findAttribute(op, name);
  return attribute?.kind === 'ints' ? attribute.value.map(Number) : [];
};

function writeScan(values: Values, block: Block, op: Op, write: WriteGraph): void {
  const graph = bodyOf(values, op, 'body');
  const count = findAttribute(op, 'num_scan_inputs');
  const rows = count?.kind === 'int' ? Number(count.value) : 0;
  const states = op.inputs.length - rows;
  const keys = resultKeys(values, op, 'scan');
  const rowKeys = graph.inputs.slice(states).map((id) => values.names.take(values.value(id).name, 'row'));
  const state = op.inputs
    .slice(0, states)
    .map((id, at): [string, Code] => [keys[at]!, stateCode(values, id, graph.outputs[at]!)]);
  const sequences = op.inputs.slice(states).map((id, at): [string, Code] => [rowKeys[at]!, values.code(id)]);
  const body = openBlock(block, graph.id);
  const carried = statePattern(values, keys, graph.inputs.slice(0, states));
  const used = graph.inputs.slice(states).flatMap((id, at) => {
    values.bind(id, rowKeys[at]!);
    return isUsed(values, id) ? [rowKeys[at]!] : [];
  });
  write(body);
  const results = graph.outputs.map((id, at): [string, Code] => [keys[at]!, values.code(id)]);
  const parameters = `${carried}, ${used.length === 0 ? '_row' : `{ ${used.join(', ')} }`}`;
  const callback = arrow(parameters, [...body.statements, line('return ', object(results))]);
  const told = [
    walks('sequences', rowKeys, intsOf(op, 'scan_input_axes'), intsOf(op, 'scan_input_directions')),
    walks(
      'results',
      keys.slice(states),
      intsOf(op, 'scan_output_axes'),
      intsOf(op, 'scan_output_directions'),
    ),
  ].flat();
  const options = told.length > 0 ? [object(told)] : [];
  const code = call(values.use('scan'), [object(state), object(sequences), callback, ...options]);
  declareResults(values, block, op, keys, code);
}

function walks(
  name: string,
  keys: readonly string[],
  axes: readonly number[],
  directions: readonly number[],
): [string, Code][] {
  const entries = keys.flatMap((key, at): [string, Code][] => {
    const said: [string, Code][] = [];
    if (axes[at]) said.push(['axis', String(axes[at])]);
    if (directions[at]) said.push(['reverse', 'true']);
    return said.length > 0 ? [[key, object(said)]] : [];
  });
  return entries.length > 0 ? [[name, object(entries)]] : [];
}

function writeSequenceMap(values: Values, block: Block, op: Op, write: WriteGraph): void {
  const graph = bodyOf(values, op, 'body');
  const [sequence, ...others] = op.inputs.map((id) => values.code(id));
  const keys = resultKeys(values, op, 'mapped');
  const body = openBlock(block, graph.id);
  const parameters = graph.inputs.map((id) => values.name(id, 'element'));
  write(body);
  const results = graph.outputs.map((id, at): [string, Code] => [keys[at]!, values.code(id)]);
  const callback = arrow(parameters.join(', '), [...body.statements, line('return ', object(results))]);
  const code = call(values.use('sequenceMap'), [sequence!, array(others), callback]);
  declareResults(values, block, op, keys, code);
}
