// A run of like blocks as a loop over the names of their weights.

import { camelCase, functionName } from '../../dsl/names.ts';
import { type Dim, NO_VALUE, type Op, type ValueId, type ValueType } from '../../ir/index.ts';
import type { Run } from './blocks.ts';
import { array, type Code, declare, line, method, object, quoted } from './code.ts';
import { Names } from './names.ts';
import { formOf } from './ops.ts';
import type { LoopItem } from './plan.ts';
import type { Block, Values } from './values.ts';

/** More weights than this are not taken apart in the loop's head. */
const MAX_COLUMNS = 3;

/** Writes a run; `write` writes its first group into the loop's body. */
export function writeLoop(
  values: Values,
  block: Block,
  { run, group }: LoopItem,
  write: (body: Block) => void,
): void {
  const columns = columnsOf(values, run, group);
  const carried = run.carried.map((one) => {
    const last = one.made.at(-1)!;
    const type = typeCodes(values, [one.initial, ...one.made]);
    const initial = values.expression(block, [one.initial], 30, ([code]) => typed(code!, type));
    const name = values.names.take(values.value(last).name, 'state');
    block.statements.push(line(`let ${name} = `, initial));
    return { ...one, last, name, type };
  });
  const body: Block = { graph: block.graph, statements: [], indent: block.indent + 2 };
  const codes = new Map<ValueId, Code>(carried.map(({ initial, name }) => [initial, name]));
  // Many names at once are read better as parts of one thing.
  const row = columns.length > MAX_COLUMNS ? values.names.take('block', 'block') : undefined;
  for (const { id, name } of columns) {
    codes.set(id, values.byName(id, row === undefined ? name : `${row}.${name}`));
  }
  values.within(codes, () => {
    write(body);
    assign(values, body, carried);
  });
  for (const { last, name } of carried) values.bind(last, name);
  const names = (ids: readonly ValueId[], at: number): string => quoted(values.value(ids[at]!).name);
  const rows = Array.from({ length: run.count }, (_, at) =>
    columns.length === 1
      ? names(columns[0]!.ids, at)
      : object(columns.map(({ name, ids }) => [name, names(ids, at)])),
  );
  const list = columns.map(({ name }) => name).join(', ');
  const pattern = row ?? (columns.length === 1 ? list : `{ ${list} }`);
  block.statements.push({
    kind: 'block',
    before: `for (const ${pattern} of `,
    code: array(rows),
    body: body.statements,
  });
}

interface Carried {
  readonly made: readonly ValueId[];
  readonly name: string;
  readonly type: readonly Code[] | undefined;
}

const typed = (code: Code, type: readonly Code[] | undefined): Code =>
  type === undefined ? code : method(code, 'as', type);

/** Gives what is carried its next values: of several, all are made before one changes. */
function assign(values: Values, body: Block, carried: readonly Carried[]): void {
  if (carried.length === 1) {
    const [one] = carried as [Carried];
    const next = values.expression(body, [one.made[0]!], 30, ([code]) => typed(code!, one.type));
    body.statements.push(line(`${one.name} = `, next));
    return;
  }
  const next = carried.map(({ made }) => {
    const code = values.code(made[0]!);
    if (typeof code === 'string' && !carried.some(({ name }) => name === code)) return code;
    const name = values.names.take(values.value(made[0]!).name, 'next');
    body.statements.push(declare(name, code));
    return name;
  });
  carried.forEach((one, at) => {
    body.statements.push(line(`${one.name} = `, typed(next[at]!, one.type)));
  });
}

interface Column {
  readonly id: ValueId;
  readonly ids: readonly ValueId[];
  readonly name: string;
}

/** The weights that differ, each named after the op that reads it and as what. */
function columnsOf(values: Values, run: Run, group: readonly Op[]): readonly Column[] {
  // Within one thing they need to differ from each other only.
  const names = run.parameters.size > MAX_COLUMNS ? new Names() : values.names;
  return [...run.parameters].map(([id, ids]) => {
    const op = group.find(({ inputs }) => inputs.includes(id))!;
    const schema = formOf(op);
    const parameter = camelCase((schema.inputs[op.inputs.indexOf(id)] ?? schema.inputs.at(-1)!).name);
    const name = functionName(op.type) + parameter[0]!.toUpperCase() + parameter.slice(1);
    return { id, ids, name: names.take(name, name) };
  });
}

/** What values of one dtype have in common, as arguments of `as`; undefined if their dtype is not known. */
function typeCodes(values: Values, ids: readonly ValueId[]): Code[] | undefined {
  const types = ids.filter((id) => id !== NO_VALUE).map((id): ValueType | undefined => values.value(id).type);
  const [first] = types;
  if (first?.kind !== 'tensor' || first.dtype === undefined) return undefined;
  let dims: Dim[] | undefined = first.dims && [...first.dims];
  for (const type of types) {
    const other = type?.kind === 'tensor' ? type.dims : undefined;
    dims =
      other?.length === dims?.length ? dims?.map((dim, at) => (dim === other?.[at] ? dim : null)) : undefined;
  }
  const shape = dims && [
    array(
      dims.map((dim) =>
        dim === null || !isPlain(dim) ? 'null' : typeof dim === 'number' ? String(dim) : quoted(dim),
      ),
    ),
  ];
  return [values.use(first.dtype), ...(shape ?? [])];
}

/** A size, or a name as authors give it: not one that was computed. */
const isPlain = (dim: number | string): boolean => typeof dim === 'number' || /^[\w.:/]+$/.test(dim);
