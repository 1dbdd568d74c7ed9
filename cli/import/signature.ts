// What has to be equal at once for two ops to be written by the same line: as numbers, which are compared quickly.

import { type Attribute, NO_VALUE, type Op } from '../../ir/index.ts';

export class Signatures {
  readonly #numbers = new Map<string, number>();

  /** Operator, attributes but those of `open`, which inputs there are, how many outputs. Ops with graphs equal none. */
  of(op: Op, open: ReadonlySet<string> = new Set()): number {
    if (op.attributes.some(({ kind }) => kind === 'graph' || kind === 'graphs')) return this.unique();
    const attributes = op.attributes
      .map((one) => (open.has(one.name) ? `${one.name}:${one.kind}` : attributeText(one)))
      .sort();
    const inputs = op.inputs.map((id) => (id === NO_VALUE ? 0 : 1)).join('');
    return this.number(`${op.domain} ${op.type} ${inputs} ${op.outputs.length} ${attributes}`);
  }

  number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** A number that nothing else has. */
  unique(): number {
    return this.number(`unique ${this.#numbers.size}`);
  }
}

const attributeText = (attribute: Attribute): string =>
  `${attribute.name}=${
    attribute.kind === 'tensor'
      ? `${attribute.value.dtype} ${attribute.value.dims} ${attribute.value.range?.offset ?? JSON.stringify(attribute.value.proto, plain)}`
      : JSON.stringify(attribute.value, plain)
  }`;
const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? [...value] : value;
