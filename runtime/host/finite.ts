// A loss that is NaN or infinite: found where a segment gives it, before anything is committed, and traced to the op that
// made the first such number, by running the segment once more with every value as an output.

import { type DataValue, isTensor } from '../../ir/data.ts';
import { METADATA } from '../../ir/names.ts';
import type { DType, Tensor } from '../../ir/types.ts';
import type { Backend } from '../backend.ts';
import type { LoadedBundle } from '../bundle.ts';
import { NO_SLOT, type Program } from '../instruction.ts';
import { decode, encode } from '../proto/codec.ts';
import * as onnx from '../proto/onnx.ts';
import { segmentModels } from '../segment-model.ts';

/** An output of a segment that shall be finite. */
export interface Watched {
  readonly index: number;
  readonly name: string;
}

/** Where the first number that is not finite came from. */
export interface Origin {
  /** `Log (loss_log)`; undefined: it was not found again. */
  readonly op?: string;
  /** `file:line:column` of the author. */
  readonly at?: string;
  /** It came into the segment already, as this. */
  readonly input?: string;
  /** Which of its inputs that is. */
  readonly inputIndex?: number;
}

const floats: readonly (DType | null)[] = ['float32', 'float64', 'float16', 'bfloat16'];

/** Scalars that leave a peer in a program that trains: what goes on in rounds has an entry of its own. */
export const watchedOutputs = (program: Program): ReadonlyMap<string, readonly Watched[]> =>
  leaving(program, (shape) => shape?.length === 0, true);

/** Tensors that leave a peer in a program that trains: not wrong by themselves, but perhaps why a loss elsewhere is. */
export const suspectOutputs = (program: Program): ReadonlyMap<string, readonly Watched[]> =>
  leaving(program, (shape) => shape?.length !== 0, false);

/** By segment: what it gives that is sent, or also is an output, of such a shape. */
function leaving(
  { manifest, seats }: Program,
  isMeant: (shape: readonly unknown[] | null) => boolean,
  outputsToo: boolean,
): ReadonlyMap<string, readonly Watched[]> {
  const watched = new Map<string, readonly Watched[]>();
  if (manifest.entries.every(({ name }) => name === 'main')) return watched;
  for (const { instructions, outputs } of seats) {
    const names = new Map<number, string>();
    for (const one of instructions)
      if (one.kind === 'send' && floats.includes(one.edge.dtype) && isMeant(one.edge.shape))
        names.set(one.inputs[0]!, one.edge.value);
    for (const { slot, port } of outputsToo ? outputs : [])
      if (floats.includes(port.dtype) && isMeant(port.shape)) names.set(slot, port.name);
    for (const one of instructions) {
      if (one.kind !== 'segment') continue;
      const given = one.outputs.filter((slot) => slot !== NO_SLOT);
      const found = given.flatMap((slot, index) =>
        names.has(slot) ? [{ index, name: names.get(slot)! }] : [],
      );
      if (found.length > 0) watched.set(one.segment, found);
    }
  }
  return watched;
}

/** Exponent bits, of 16-bit words from the most significant: all set in NaN and infinities alone. */
const exponents: Partial<Record<DType, readonly [bytes: number, mask: number]>> = {
  float16: [2, 0x7c00],
  bfloat16: [2, 0x7f80],
  float32: [4, 0x7f80],
  float64: [8, 0x7ff0],
};

/** Whether every number of a tensor is finite; what has no floating-point numbers is. */
function allFinite({ dtype, bytes }: Tensor): boolean {
  const known = exponents[dtype];
  if (known === undefined) return true;
  // Of the common ones every number is looked at in each round of a training.
  if (dtype === 'float32' && bytes.byteOffset % 4 === 0) {
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return numbers.every((one) => one - one === 0);
  }
  const [size, mask] = known;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = size - 2; at < bytes.length; at += size)
    if ((view.getUint16(at, true) & mask) === mask) return false;
  return true;
}

const isWrong = (value: DataValue | undefined): boolean =>
  value !== undefined && isTensor(value) && !allFinite(value);

/** The first watched output that is not finite. */
export const firstWrong = (watched: readonly Watched[], outputs: readonly DataValue[]): string | undefined =>
  watched.find(({ index }) => isWrong(outputs[index]))?.name;

/** Runs a segment once more. Never rejects: what cannot be found out is left out. */
export async function originOf(
  bundle: LoadedBundle,
  backend: Backend,
  segment: string,
  inputs: readonly DataValue[],
): Promise<Origin> {
  const source = segmentModels(bundle).get(segment)!;
  const came = inputs.findIndex(isWrong);
  if (came >= 0) return { input: source.inputs[came]!.name, inputIndex: came };
  const model = decode(onnx.segmentModel, source.onnx);
  const nodes = model.graph!.node.map((one) => decode(onnx.node, one));
  const made = nodes.flatMap((node) =>
    node.output.filter((name) => name !== '').map((name) => ({ name, node })),
  );
  const output = made.map(({ name }) => encode(onnx.valueName, { name }));
  const open = { dtype: null, shape: null };
  try {
    const loaded = await backend.load({
      ...source,
      onnx: encode(onnx.segmentModel, { ...model, graph: { ...model.graph!, output } }),
      outputs: made.map(({ name }) => ({ name, ...open })),
    });
    try {
      const values = await loaded.run(inputs);
      const first = made[values.findIndex(isWrong)];
      if (first === undefined) return {};
      const { opType, name, metadataProps } = first.node;
      const at = metadataProps.find(({ key }) => key === METADATA.at)?.value;
      return { op: `${opType} (${name || first.name})`, ...(at !== undefined && { at }) };
    } finally {
      await loaded.release();
    }
  } catch {
    return {};
  }
}
