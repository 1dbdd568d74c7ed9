// What enters and leaves a module.

import type { DType, ValueType } from '../ir/index.ts';
import { type ContainerType, type ShapeOr, type StatedShape, statedType } from './containers.ts';
import { type Place, placeOf } from './place.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { AnyShape, Element, Tensor, Value } from './types.ts';
import { factOf, toValue } from './value.ts';

export interface InputOptions<P extends string> {
  /** Where it enters. Default: the place of the `on` around, else the topology's first peer. */
  readonly at?: Place<P>;
  /**
   * Whether it must never leave its class: the compiler refuses that it does. `bbc lint` follows what is computed
   * from it too, up to a `declassify`.
   */
  readonly private?: boolean;
}

/**
 * Declares an input of the module. Dimensions are sizes, names, or null: `input('x', float32, ['N', 784])`. Without a
 * shape it may have any; what is no plain tensor has a type of its own: `input('xs', sequenceOf(float32))`.
 * Fails (BB309) if the name is taken.
 */
export function input<
  const D extends DType,
  const S extends StatedShape | undefined = undefined,
  const P extends string = 'any',
>(name: string, dtype: D, shape?: S, options?: InputOptions<P>): Value<D, ShapeOr<S>, P>;
export function input<const E extends Element, const P extends string = 'any'>(
  name: string,
  type: ContainerType<E>,
  options?: InputOptions<P>,
): Value<E, AnyShape, P>;
export function input(
  name: string,
  of: DType | ContainerType,
  first?: StatedShape | InputOptions<string>,
  second?: InputOptions<string>,
): Value {
  const shape = Array.isArray(first) ? (first as StatedShape) : undefined;
  const options =
    second ?? (shape === undefined ? (first as InputOptions<string> | undefined) : undefined) ?? {};
  const owner = recorder('input');
  return owner.call(input, () => {
    claim(owner, name);
    const wrong = shape?.find((dim) => typeof dim === 'number' && !(Number.isSafeInteger(dim) && dim >= 0));
    if (wrong !== undefined && wrong !== null)
      fail(owner, `a dimension of input ${name} is ${wrong}, which is no size`);
    const marks = options.private === true ? { private: true } : {};
    return toValue(addInput(owner, name, statedType(of, shape), options.at, marks), owner);
  });
}

/** An input of the main graph, at the place of the `on` around unless another is said. */
export function addInput(
  owner: Recorder,
  name: string,
  type: ValueType,
  at: Place | undefined,
  marks: { readonly private?: boolean; readonly entropy?: boolean },
): Fact {
  const place = at === undefined ? owner.place : placeOf(at);
  const cohort = owner.meet('input', [], place);
  const fact = owner.addValue(name, type, { cohort }, owner.main);
  const { inputs } = owner.mainGraph;
  owner.editor.setValue(fact.id, {
    def: { kind: 'input', index: inputs.length },
    ...(place !== undefined && { place: owner.inOpenEntry(place) }),
    ...marks,
  });
  inputs.push(fact.id);
  return fact;
}

/** Declares an output of the module. Fails (BB309) if the name is taken by another output or an input. */
export function output(name: string, value: Tensor): void {
  const owner = recorder('output');
  owner.call(output, () => {
    const { id } = factOf(value, 'output');
    const { editor, mainGraph } = owner;
    const recorded = editor.value(id);
    if (owner.graph !== mainGraph) fail(owner, `output ${name} is in the body of a control-flow op`);
    if (recorded.name === name && !mainGraph.outputs.includes(id)) {
      mainGraph.outputs.push(id);
      return;
    }
    claim(owner, name);
    // What is an input, a constant or an output already has a name of its own: the output is a copy.
    if (recorded.def.kind !== 'op' || mainGraph.outputs.includes(id)) {
      const copy = owner.addValue(name, recorded.type);
      owner.addOp({ type: 'Identity', inputs: [id], outputs: [copy.id] });
      mainGraph.outputs.push(copy.id);
      return;
    }
    owner.rename(id, name);
    mainGraph.outputs.push(id);
  });
}

/**
 * Gives a value to the application, once for each flow of the entry: an output of the module under the name, or where another
 * entry has that name already, under `entry.name`.
 * Fails (BB309) outside of entries.
 */
export function emit(name: string, value: Tensor): void {
  const owner = recorder('emit');
  owner.call(emit, () => {
    if (owner.openEntry === undefined) fail(owner, `${name} is emitted outside of an entry: use output`);
    const holder = owner.holderOf(name);
    const isTaken = holder !== undefined && owner.mainGraph.outputs.includes(holder);
    const isOthers = isTaken && owner.facts.get(holder)!.entry !== owner.openEntry;
    output(isOthers ? `${owner.openEntry}.${name}` : name, value);
  });
}

/** Makes `name` free: an op's result that happens to have it gets another one; an input or output keeps it. */
function claim(owner: Recorder, name: string): void {
  if (name === '') fail(owner, 'a name is empty');
  const holder = owner.holderOf(name);
  if (holder === undefined) return;
  const { inputs, outputs } = owner.mainGraph;
  if (inputs.includes(holder) || outputs.includes(holder)) {
    fail(owner, `the name ${name} is taken by another input or output`);
  }
  owner.displace(name);
}

function fail(owner: Recorder, reason: string): never {
  return owner.fail('BB309', { module: owner.name, reason });
}
