// Which version of an operator the author writes, and which one a program gets.

import { DEFAULT_OPSET } from '../ir/index.ts';
import { type OpSchema, schemaOf, schemasOf } from '../ir/ops/schema.ts';

const forms = new Map<string, OpSchema>();

/** The version of an operator that its author function has: that of the default opset, or its first if it is newer. */
export function authoredForm(type: string): OpSchema {
  let form = forms.get(type);
  if (form === undefined) {
    form = schemaOf('', type, DEFAULT_OPSET) ?? schemasOf('', type)[0]!;
    forms.set(type, form);
  }
  return form;
}
