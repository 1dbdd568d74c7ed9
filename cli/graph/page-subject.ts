// A model's ops and values as a page shows them.

import {
  attributeString,
  byteLengthOfType,
  capturesOf,
  DOMAIN,
  elementCount,
  findAttribute,
  formatType,
  type GraphId,
  type Model,
  NO_VALUE,
  type Op,
  type Position,
  tensorType,
  type Value,
  type ValueId,
  type Weight,
} from '../../ir/index.ts';
import { attributeText, weightText } from '../../ir/print.ts';
import { formatBytes } from '../output.ts';
import type { PageOp, PageValue } from './page/data.ts';

/** Gives the author's line at a position, if it is at hand. */
export type LineAt = (at: Position) => string | undefined;

/** Attributes longer than this are cut: a page is no place for tables of weights. */
const SHOWN_CHARACTERS = 400;

/** Values of one model as indices into a page's list. */
export class ValueTable {
  readonly list: PageValue[];
  readonly #model: Model;
  readonly #index = new Map<ValueId, number>();
  readonly #constants: ReadonlyMap<ValueId, Weight | undefined>;

  constructor(model: Model, list: PageValue[]) {
    this.#model = model;
    this.list = list;
    this.#constants = constantsOf(model);
  }

  isConstant(id: ValueId): boolean {
    return this.#constants.has(id) || this.#model.value(id).def.kind === 'initializer';
  }

  of(id: ValueId): number {
    if (id === NO_VALUE) return -1;
    const known = this.#index.get(id);
    if (known !== undefined) return known;
    const value = this.#model.value(id);
    const index = this.list.push(this.#shown(value)) - 1;
    this.#index.set(id, index);
    return index;
  }

  /** Makes `id` another name of a value in the list: inside a segment, what the call passes in. */
  alias(id: ValueId, index: number): void {
    this.#index.set(id, index);
  }

  #shown(value: Value): PageValue {
    const { name } = value;
    const weight = value.weight ?? this.#constants.get(value.id);
    const type = value.type ?? (weight === undefined ? undefined : tensorType(weight.dtype, weight.dims));
    const bytes = formatBytes(byteLengthOfType(type)) ?? '';
    const shown = { name, type: formatType(type), bytes };
    if (!this.isConstant(value.id)) return shown;
    // Text of larger ones would be a hash, and cost reading them.
    const few = weight !== undefined && (elementCount(weight.dims) ?? 0) <= 8;
    const text = few ? weightText(weight) : '';
    return { ...shown, constant: text.startsWith('{') ? short(text.slice(1, -1)) : 'constant' };
  }
}

/** What Constant ops make, in every graph of the model. */
function constantsOf(model: Model): Map<ValueId, Weight | undefined> {
  const found = new Map<ValueId, Weight | undefined>();
  for (const op of model.allOps()) {
    if (!isConstantOp(op)) continue;
    const attribute = findAttribute(op, 'value');
    found.set(op.outputs[0]!, attribute?.kind === 'tensor' ? attribute.value : undefined);
  }
  return found;
}

/** Constants are part of the ops that read them; a picture with them shows little else. */
export const isConstantOp = (op: Op): boolean => op.domain === '' && op.type === 'Constant';

/** An op without its place: group, peer and schedule are the caller's. */
export type BareOp = Omit<PageOp, 'group' | 'peer' | 'schedule'>;

export function bareOp(model: Model, op: Op, values: ValueTable, at: string, lineAt: LineAt): BareOp {
  const line = op.at === undefined ? undefined : lineAt(op.at)?.trim();
  const inputs = op.inputs.map((id) => values.of(id));
  return {
    kind: 'op',
    type: op.domain === '' || op.domain === 'ai.onnx' ? op.type : `${shortDomain(op.domain)}.${op.type}`,
    name: op.name,
    brief: briefOf(op, inputs, values),
    inputs,
    captures: capturesOf(model, op).map((id) => values.of(id)),
    outputs: op.outputs.map((id) => values.of(id)),
    attributes: op.attributes.map((one) => [one.name, short(attributeText(model, one))]),
    at: op.at === undefined ? at : positionText(op.at),
    ...(line === undefined || line === '' ? {} : { line: short(line) }),
    scope: scopeOf(op).join('.'),
  };
}

/** A box for an input or output of the computation. */
export function boundaryOp(kind: 'input' | 'output', index: number, values: readonly PageValue[]): BareOp {
  const { name, type } = values[index]!;
  return {
    kind,
    type: name,
    name,
    brief: type,
    inputs: kind === 'output' ? [index] : [],
    captures: [],
    outputs: kind === 'input' ? [index] : [],
    attributes: [],
    at: '',
    scope: '',
  };
}

/** The author's scopes, or those that exporters put into names: `/encoder/layer.0/MatMul`. */
export function scopeOf({ scope, name }: Op): readonly string[] {
  if (scope !== undefined && scope !== '') return scope.split('.');
  if (!name.includes('/')) return [];
  return name
    .split('/')
    .filter((part) => part !== '')
    .slice(0, -1);
}

export const opsIn = (model: Model, graph: GraphId): Op[] => [...model.opsOf(graph)];

export const short = (text: string): string =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)} …` : text;

const positionText = ({ file, line, column }: Position): string =>
  [file, line, column].filter((part) => part !== undefined).join(':');

const shortDomain = (domain: string): string => (domain === DOMAIN.core ? 'core' : domain.split('.').at(-1)!);

/** What tells one op from its neighbours at a glance: kernel, axis, target type, shape of the weight. */
function briefOf(op: Op, inputs: readonly number[], values: ValueTable): string {
  const ints = (name: string): string | undefined => {
    const attribute = findAttribute(op, name);
    if (attribute?.kind === 'ints') return attribute.value.join('×');
    return attribute?.kind === 'int' ? String(attribute.value) : undefined;
  };
  const key = attributeString(op, 'key');
  if (key !== undefined) return key;
  const perm = findAttribute(op, 'perm');
  if (perm?.kind === 'ints') return perm.value.join(' ');
  const axis = ints('axis');
  if (axis !== undefined) return `axis ${axis}`;
  const weight = inputs.slice(1).find((index) => index >= 0 && values.list[index]!.constant !== undefined);
  if (weight !== undefined) {
    const { constant, type } = values.list[weight]!;
    const dims = /\[(.*)\]$/.exec(type)?.[1]?.split(', ') ?? [];
    if (constant !== 'constant' && constant !== '' && constant!.length <= 14) return constant!;
    if (dims.length > 0 && dims.length <= 4) return dims.join('×');
  }
  return ints('kernel_shape') ?? '';
}
