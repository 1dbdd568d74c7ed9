// How a role is declared: its methods as data. Author functions, their types, the check of what fills a slot and the
// call at run time all read the same declaration.

import type { Port } from '../deployment.ts';
import type { DType } from '../types.ts';

/** Stands for one element type throughout a method. */
export type TypeLetter = 'T' | 'U';

/**
 * A tensor as a method states it. A dimension is a size or a name, which stands for one size throughout the method;
 * `...S`, last only, for any number of dimensions.
 */
export interface Operand {
  readonly name: string;
  readonly dtype: DType | TypeLetter;
  readonly shape: readonly (number | string)[];
}

/**
 * query: reads, gives the same for the same inputs in the same flow, and may be asked again. update: takes effect when
 * its fragment commits, gives nothing. ask: answers later, or not at all, and ends its fragment.
 */
export type MethodKind = 'query' | 'update' | 'ask';

export interface RoleMethod {
  readonly kind: MethodKind;
  readonly inputs: readonly Operand[];
  /** Words that the author may choose from, by name; the first is the default. An empty list: any text, which must be given. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** What it gives; `fields`: those of the slot, as the author declared them. */
  readonly outputs: readonly Operand[] | 'fields';
}

/** By op type. */
export type RoleMethods = Readonly<Record<string, RoleMethod>>;

/** What a protocol component offers: its own methods, and events with what they bring. */
export interface ProtocolDeclaration {
  readonly methods: RoleMethods;
  readonly events?: Readonly<Record<string, readonly Operand[]>>;
}

const isLetter = (dtype: Operand['dtype']): dtype is TypeLetter => dtype === 'T' || dtype === 'U';

/** What is known of an operand without its method's other ones: what a letter or a name stands for is open. */
export function portOf({ name, dtype, shape }: Operand): Port {
  const open = shape.some((dim) => typeof dim === 'string' && dim.startsWith('...'));
  return {
    name,
    dtype: isLetter(dtype) ? null : dtype,
    shape: open ? null : shape.map((dim) => (typeof dim === 'number' ? dim : null)),
  };
}
