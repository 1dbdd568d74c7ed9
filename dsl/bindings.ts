// What the letters and names in a method's declaration stand for in one call: dtypes and sizes of what it is given.

import type { DType, Operand, TypeLetter } from '../ir/index.ts';

/** What the letters and names of a method stand for in one call. */
export class Bindings {
  readonly #dtypes = new Map<string, DType>();
  readonly #dims = new Map<string, readonly (number | string | null)[]>();

  /** Takes in what is known of an operand; in words, why it does not fit. */
  bind(
    operand: Operand,
    dtype: DType | undefined,
    dims: readonly (number | string | null)[] | undefined,
  ): string | undefined {
    const wanted = isLetter(operand.dtype) ? this.#dtypes.get(operand.dtype) : operand.dtype;
    if (dtype !== undefined && wanted !== undefined && dtype !== wanted)
      return `${operand.name} is ${dtype}, not ${wanted}`;
    if (dtype !== undefined && isLetter(operand.dtype)) this.#dtypes.set(operand.dtype, dtype);
    return dims === undefined ? undefined : this.#bindDims(operand, dims);
  }

  #bindDims({ name, shape }: Operand, dims: readonly (number | string | null)[]): string | undefined {
    const last = shape.at(-1);
    const rest = typeof last === 'string' && last.startsWith('...') ? last : undefined;
    const least = rest === undefined ? shape.length : shape.length - 1;
    if (dims.length < least || (rest === undefined && dims.length > least))
      return `${name} has ${dims.length} dimensions, not ${rest === undefined ? least : `${least} or more`}`;
    for (const [axis, dim] of shape.slice(0, least).entries()) {
      const wanted = typeof dim === 'number' ? dim : this.#dims.get(dim)?.[0];
      const found = dims[axis]!;
      if (typeof wanted === 'number' && typeof found === 'number' && wanted !== found)
        return `${name} has ${found} at dimension ${axis}, not ${wanted}`;
      if (typeof dim === 'string' && typeof wanted !== 'number') this.#dims.set(dim, [found]);
    }
    if (rest === undefined) return undefined;
    const [found, before] = [dims.slice(least), this.#dims.get(rest)];
    if (before !== undefined && before.length !== found.length)
      return `${name} has ${dims.length} dimensions, not ${least + before.length}`;
    const clash = before?.find((dim, axis) => isNumber(dim) && isNumber(found[axis]) && dim !== found[axis]);
    if (clash !== undefined) return `${name} is [${dims.join(', ')}], and not of the others' shape`;
    this.#dims.set(rest, before?.map((dim, axis) => (isNumber(dim) ? dim : found[axis]!)) ?? found);
    return undefined;
  }

  /** A result's type; undefined where nothing bound it. */
  typeOf({ dtype, shape }: Operand): {
    readonly dtype: DType | undefined;
    readonly dims: readonly (number | string | null)[] | undefined;
  } {
    const dims: (number | string | null)[] = [];
    let known = true;
    for (const dim of shape) {
      if (typeof dim === 'number') dims.push(dim);
      else if (dim.startsWith('...')) {
        const rest = this.#dims.get(dim);
        if (rest === undefined) known = false;
        else dims.push(...rest);
      } else dims.push(this.#dims.get(dim)?.[0] ?? null);
    }
    return { dtype: isLetter(dtype) ? this.#dtypes.get(dtype) : dtype, dims: known ? dims : undefined };
  }
}

const isLetter = (dtype: Operand['dtype']): dtype is TypeLetter => dtype === 'T' || dtype === 'U';
const isNumber = (dim: unknown): dim is number => typeof dim === 'number';
