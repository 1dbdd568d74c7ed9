// Functions of the file, and calls of them.
//
//   interface ConvBlock { readonly w: Tensor<'float32'>; readonly group: number }
//   const convBlock = module('convBlock', (x: Tensor<'float32'>, { w, group }: ConvBlock) => …);
//   const conv3 = convBlock(relu2, { w: weight('conv_3.w', float32, [8, 1, 3, 3]), group: 8 });

import { camelCase } from '../../dsl/names.ts';
import type { ValueId } from '../../ir/index.ts';
import { parameterAt } from '../../ir/ops/schema.ts';
import { arrow, type Code, call, declare, line, object, quoted, WIDTH } from './code.ts';
import { elementText } from './kinship.ts';
import { Names } from './names.ts';
import { attributeCode, formOf } from './ops.ts';
import type { AttributeAt, CallItem, Fn, Item } from './plan.ts';
import { attributeKey } from './rows.ts';
import type { Block, Values } from './values.ts';

/** Columns of `const name = f(`, about. */
const CALL = 34;

/** How a function of the file is called. */
interface Signature {
  readonly name: string;
  readonly inputs: readonly string[];
  /** Fields of its last parameter: constants, then attributes. */
  readonly fields: readonly string[];
  readonly results: readonly string[];
}

export class FunctionWriter {
  readonly #values: Values;
  readonly #taken: ReadonlySet<string>;
  readonly #write: (block: Block, items: readonly Item[]) => void;
  readonly #names = new Map<Fn, string>();
  readonly #written = new Map<Fn, Signature>();

  /** Adds the names of the functions to `taken`, before anything else is named. */
  constructor(
    values: Values,
    functions: readonly Fn[],
    taken: Set<string>,
    write: (block: Block, items: readonly Item[]) => void,
  ) {
    this.#values = values;
    this.#taken = taken;
    this.#write = write;
    for (const fn of functions) {
      const name = values.names.take(fn.about, 'block');
      // The type of its last parameter is called so too.
      this.#names.set(fn, taken.has(capital(name)) ? values.names.take(`${fn.about}Block`, 'block') : name);
    }
    for (const name of this.#names.values()) taken.add(name).add(capital(name));
  }

  call(block: Block, item: CallItem): void {
    const { fn, inputs, constants, attributes, outputs } = item;
    const values = this.#values;
    const name = this.#names.get(fn)!;
    const fields = this.#written.get(fn)?.fields ?? [];
    const given = [
      ...constants.map((id) => values.code(id)),
      ...attributes.map(({ op, attribute }) => attributeCode(values, op, attribute)),
    ];
    const codes: Code[] = [];
    values.expression(block, inputs, CALL, (some) => {
      codes.splice(0, codes.length, ...some);
      return call(name, some);
    });
    const signature = this.#written.get(fn) ?? this.#define(fn, name);
    const options =
      given.length === 0
        ? []
        : [object((fields.length > 0 ? fields : signature.fields).map((field, at) => [field, given[at]!]))];
    const code = call(name, [...codes, ...options]);
    if (outputs.length === 1) {
      values.result(block, outputs[0]!, code, name);
      return;
    }
    const pattern = outputs.map((id, at) => {
      const [key, own] = [signature.results[at]!, values.names.take(values.value(id).name, name)];
      values.bind(id, own);
      return key === own ? own : `${key}: ${own}`;
    });
    block.statements.push(declare(`{ ${pattern.join(', ')} }`, code));
  }

  #define(fn: Fn, name: string): Signature {
    const values = this.#values;
    const names = new Names(this.#taken);
    const inputs = fn.inputs.map((_, at) => names.take(fn.inputs.length === 1 ? 'x' : INPUT_NAMES[at]!, 'x'));
    const fields = this.#fieldsOf(fn, names);
    const types = [
      ...fn.constants.map(
        (id) => `Tensor<'${values.weightOf(id)?.dtype ?? elementText(values.value(id).type)}'>`,
      ),
      ...fn.attributes.map(({ attribute }) =>
        attribute.kind.endsWith('s') ? 'readonly number[]' : 'number',
      ),
    ];
    values.use('type Tensor');
    values.use('module');
    const type = capital(name);
    const data = inputs.map(
      (one, at) => `${one}: Tensor<'${elementText(values.value(fn.inputs[at]!).type)}'>`,
    );
    const taken = `{ ${fields.join(', ')} }: ${type}`;
    const head = (last: readonly string[]): string => [...data, ...last].join(', ');
    const fits = `const ${name} = module('${name}', (${head([taken])}) => {`.length <= WIDTH;
    const whole = fits || fields.length === 0 ? undefined : names.take('given', 'given');
    const field = (at: number): string => (whole === undefined ? fields[at]! : `${whole}.${fields[at]}`);
    const codes = new Map<ValueId, Code>(fn.inputs.map((id, at) => [id, inputs[at]!]));
    fn.constants.forEach((id, at) => {
      codes.set(id, field(at));
    });
    const attributes = new Map(
      fn.attributes.map((one, at) => [attributeKey(one), field(fn.constants.length + at)]),
    );
    const last = fields.length === 0 ? [] : [whole === undefined ? taken : `${whole}: ${type}`];
    const { body, results } = this.#body(fn, names, codes, attributes);
    if (fields.length > 0) {
      const lines = fields.map((one, at) => `  readonly ${one}: ${types[at]};\n`).join('');
      values.functions.push(line(`interface ${type} {\n${lines}}`, '', ''));
    }
    values.functions.push(declare(name, call('module', [quoted(name), arrow(head(last), body.statements)])));
    values.functions.push(line('', '', ''));
    const signature = { name, inputs, fields, results };
    this.#written.set(fn, signature);
    return signature;
  }

  #body(
    fn: Fn,
    names: Names,
    codes: ReadonlyMap<ValueId, Code>,
    attributes: ReadonlyMap<string, Code>,
  ): { body: Block; results: readonly string[] } {
    const values = this.#values;
    const body: Block = { graph: fn.body.graph, statements: [], indent: 2 };
    const keys = new Names();
    const results = fn.outputs.map((id) => keys.take(values.value(id).name, 'result'));
    values.apart(names, { codes, attributes, results: fn.outputs }, () => {
      this.#write(body, fn.body.items);
      const given = values.expression(body, fn.outputs, 'return '.length, (some) =>
        some.length === 1 ? some[0]! : object(results.map((key, at) => [key, some[at]!])),
      );
      body.statements.push(line('return ', given));
    });
    return { body, results };
  }

  /** Names of constants and attributes, after what the op that reads them calls them. */
  #fieldsOf(fn: Fn, names: Names): readonly string[] {
    const roles = rolesOf(fn);
    const role = ({ attribute }: AttributeAt): string => camelCase(attribute.name);
    return [
      ...fn.constants.map((id) => names.take(roles.get(id) ?? 'w', 'w')),
      ...fn.attributes.map((one) => names.take(role(one), role(one))),
    ];
  }
}

/** By value: the parameter of the first operator that reads it. */
function rolesOf(fn: Fn): ReadonlyMap<ValueId, string> {
  const roles = new Map<ValueId, string>();
  const note = (id: ValueId, role: string | undefined): void => {
    if (role !== undefined && !roles.has(id)) roles.set(id, role);
  };
  for (const item of fn.body.items) {
    if (item.kind === 'op') {
      const { inputs } = formOf(item.op);
      item.op.inputs.forEach((id, at) => {
        const name = parameterAt(inputs, at)?.name;
        note(id, ROLES[item.op.type] ?? (name === undefined ? undefined : camelCase(name)));
      });
    } else if (item.kind === 'call') {
      const inner = rolesOf(item.fn);
      item.constants.forEach((id, at) => {
        note(id, inner.get(item.fn.constants[at]!));
      });
    }
  }
  return roles;
}

/** What a constant is to operators that call both operands A and B. */
const ROLES: Readonly<Record<string, string>> = {
  Add: 'bias',
  Sub: 'shift',
  Mul: 'scale',
  Div: 'divisor',
  Pow: 'exponent',
  MatMul: 'w',
};
const INPUT_NAMES = ['x', 'y', 'z', 'u'];
const capital = (name: string): string => name[0]!.toUpperCase() + name.slice(1);
