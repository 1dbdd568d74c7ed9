// Model-local functions of a recording: made when first called, once. Any backend runs them: they hold plain ONNX ops.

import { type Attribute, type DType, tensorType, type ValueId, type ValueType } from '../../ir/index.ts';
import { weightOf } from '../../ir/onnx/weights.ts';
import { packElements } from '../elements.ts';
import type { Fact, Recorder } from '../recorder.ts';

/** Not a domain of ours in `isOurDomain`'s sense: what is called there is defined in the model itself. */
export const RANDOM_DOMAIN = 'bytesandbrains.random';

/** What the body of a function is written with. */
export class Body {
  readonly #owner: Recorder;
  readonly #constants = new Map<string, ValueId>();

  constructor(owner: Recorder) {
    this.#owner = owner;
  }

  /** An op with one output. */
  op(type: string, inputs: readonly ValueId[], attributes: readonly Attribute[] = [], domain = ''): ValueId {
    const output = this.#owner.addValue(camel(type), undefined).id;
    const op = this.#owner.addOp({ domain, type, inputs, outputs: [output], attributes, place: null });
    if (domain === '') this.#owner.authored.push(op);
    return output;
  }

  /** A function's weights are Constant ops: it has no initializers. */
  constant(dtype: DType, elements: readonly (number | bigint)[], dims: readonly number[] = []): ValueId {
    const key = `${dtype} ${dims.join()} ${elements.join()}`;
    let known = this.#constants.get(key);
    if (known === undefined) {
      const value = weightOf({ dtype, dims, bytes: packElements(dtype, elements) });
      known = this.op('Constant', [], [{ name: 'value', kind: 'tensor', value }]);
      this.#constants.set(key, known);
    }
    return known;
  }

  cast(value: ValueId, to: number): ValueId {
    return this.op('Cast', [value], [{ name: 'to', kind: 'int', value: BigInt(to) }]);
  }
}

const camel = (type: string): string => type[0]!.toLowerCase() + type.slice(1);

/** A function with one output. */
export interface FunctionRecipe {
  /** By default that of random draws. */
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly body: (body: Body, owner: Recorder, ...inputs: ValueId[]) => ValueId;
}

/** Makes sure that the recording has the function. */
export function define(
  owner: Recorder,
  { domain = RANDOM_DOMAIN, name, inputs, body }: FunctionRecipe,
): void {
  const key = `function ${domain} ${name}`;
  if (owner.once.has(key)) return;
  owner.once.set(key, true);
  const graph = owner.inFunction(name, (open) => {
    for (const [index, input] of inputs.entries()) {
      const { id } = owner.addValue(input, undefined);
      owner.editor.setValue(id, { def: { kind: 'input', index } });
      open.inputs.push(id);
    }
    return [body(new Body(owner), owner, ...open.inputs)];
  });
  const fn = { domain, name, overload: '', graph, attributes: [], defaults: [] };
  owner.editor.functions = [...owner.editor.functions, { ...fn, opsets: new Map() }];
}

/** Calls a function from the graph being recorded. */
export function callFunction(
  owner: Recorder,
  recipe: FunctionRecipe,
  inputs: readonly Fact[],
  type: ValueType | undefined = tensorType('uint32', [null]),
): Fact {
  define(owner, recipe);
  const result = owner.addValue(owner.qualified(camel(recipe.name)), type, {
    cohort: owner.meet(recipe.name, inputs),
    declinable: inputs.some((fact) => fact.declinable),
  });
  owner.addOp({
    domain: recipe.domain ?? RANDOM_DOMAIN,
    type: recipe.name,
    inputs: inputs.map((fact) => fact.id),
    outputs: [result.id],
  });
  return result;
}
