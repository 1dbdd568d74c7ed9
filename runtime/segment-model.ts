// Makes a segment, a function of a program, a model of its own that a backend can load.

import type { Port } from '../ir/deployment.ts';
import { DOMAIN } from '../ir/names.ts';
import { dtypeOfElemType } from '../ir/types.ts';
import type { SegmentModel } from './backend.ts';
import { type LoadedBundle, partsOf } from './bundle.ts';
import { badProgram, reading } from './problem.ts';
import { decode, encode } from './proto/codec.ts';
import * as onnx from './proto/onnx.ts';
import { foldedBy } from './seat-program.ts';

interface Callee {
  readonly fn: onnx.FunctionProto;
  readonly bytes: Uint8Array;
}

const functionKey = (domain: string, name: string, overload: string): string =>
  `${domain}\n${name}\n${overload}`;

/**
 * The models of all segments that a bundle's program calls, by name. What a call passes from the program's
 * initializers becomes an initializer of the segment's model; the rest are its inputs.
 * Throws DiagnosticError BB622.
 */
export const segmentModels = (bundle: LoadedBundle): ReadonlyMap<string, SegmentModel> =>
  new Map(partsOf(bundle).flatMap((part) => reading(part, () => [...new Segments(part).models()])));

class Segments {
  readonly #bundle: LoadedBundle;
  readonly #model: onnx.ModelProto;
  readonly #functions = new Map<string, Callee>();
  readonly #weights = new Map<string, Uint8Array>();

  constructor(bundle: LoadedBundle) {
    this.#bundle = bundle;
    this.#model = decode(onnx.model, bundle.onnx);
    for (const bytes of this.#model.functions) {
      const fn = decode(onnx.fn, bytes);
      this.#functions.set(functionKey(fn.domain, fn.name, fn.overload), { fn, bytes });
    }
    for (const bytes of this.#model.graph?.initializer ?? [])
      this.#weights.set(decode(onnx.tensorHead, bytes).name, bytes);
  }

  models(): ReadonlyMap<string, SegmentModel> {
    const models = new Map<string, SegmentModel>();
    for (const call of this.#model.graph?.node ?? []) {
      if (call.domain !== DOMAIN.segment || models.has(call.opType)) continue;
      const callee = this.#functions.get(functionKey(call.domain, call.opType, call.overload));
      if (callee === undefined) throw badProgram(this.#bundle.manifest.program, `no function ${call.opType}`);
      models.set(call.opType, this.#segment(call, callee.fn));
    }
    return models;
  }

  #segment(call: onnx.NodeProto, fn: onnx.FunctionProto): SegmentModel {
    const infos = new Map(fn.valueInfo.map((bytes) => [decode(onnx.valueName, bytes).name, bytes]));
    const info = (name: string): Uint8Array => infos.get(name) ?? encode(onnx.valueName, { name });
    const initializer: Uint8Array[] = [];
    const input: Uint8Array[] = [];
    let external = false;
    // What answers are folded into is given anew with each.
    const folded = foldedBy(call);
    fn.input.forEach((name, index) => {
      const passed = call.input[index] ?? '';
      const weight = index < folded ? undefined : this.#weights.get(passed);
      if (weight !== undefined) {
        external ||= decode(onnx.tensorHead, weight).dataLocation === onnx.EXTERNAL;
        initializer.push(renamed(weight, name));
      } else if (passed !== '') input.push(info(name));
    });
    const output = fn.output.filter((_, index) => (call.output[index] ?? '') !== '').map(info);
    const callees = this.#calledBy(fn);
    // Types of inner values stay behind: a backend that knew more shapes than it infers itself from the uncut
    // graph would fuse other ops than there, and round differently.
    const graph = { node: fn.node, name: fn.name, initializer, input, output };
    const bytes = encode(onnx.segmentModel, {
      irVersion: this.#model.irVersion,
      producerName: 'bytesandbrains',
      graph,
      opsetImport: opsets([fn, ...callees.map((one) => one.fn)]),
      functions: callees.map((one) => one.bytes),
    });
    return {
      name: fn.name,
      onnx: bytes,
      weights: external ? this.#bundle.weights : undefined,
      inputs: input.map(portOf),
      outputs: output.map(portOf),
    };
  }

  /** Functions that `fn` calls, directly or not, in the order of the program. */
  #calledBy(fn: onnx.FunctionProto): Callee[] {
    if (this.#functions.size === this.#segmentCount()) return [];
    const called = new Set<Callee>();
    const open = [...fn.node];
    for (let bytes = open.pop(); bytes !== undefined; bytes = open.pop()) {
      const { domain, opType, overload, attribute } = decode(onnx.calls, bytes);
      for (const { g, graphs } of attribute.map((one) => decode(onnx.attributeGraphs, one)))
        for (const graph of [...g, ...graphs]) open.push(...decode(onnx.graphNodes, graph).node);
      const callee = this.#functions.get(functionKey(domain, opType, overload));
      if (callee === undefined || called.has(callee)) continue;
      called.add(callee);
      open.push(...callee.fn.node);
    }
    return [...this.#functions.values()].filter((one) => called.has(one));
  }

  #segmentCount(): number {
    return [...this.#functions.values()].filter(({ fn }) => fn.domain === DOMAIN.segment).length;
  }
}

/** A tensor under another name: of a field that is there twice, the last one counts. */
function renamed(tensor: Uint8Array, name: string): Uint8Array {
  const suffix = encode(onnx.tensorHead, { name });
  const bytes = new Uint8Array(tensor.length + suffix.length);
  bytes.set(tensor);
  bytes.set(suffix, tensor.length);
  return bytes;
}

function opsets(functions: readonly onnx.FunctionProto[]) {
  const versions = new Map<string, number>();
  for (const { domain, version } of functions.flatMap((one) => one.opsetImport))
    versions.set(domain === 'ai.onnx' ? '' : domain, version);
  for (const callee of functions.slice(1)) if (!versions.has(callee.domain)) versions.set(callee.domain, 1);
  return [...versions].map(([domain, version]) => ({ domain, version }));
}

function portOf(bytes: Uint8Array): Port {
  const { name, type } = decode(onnx.valueInfo, bytes);
  const tensor = type?.tensorType;
  const dims = tensor?.shape?.dim.map(({ dimValue, dimParam }) =>
    dimValue !== undefined && dimValue >= 0n ? Number(dimValue) : dimParam === '' ? null : dimParam,
  );
  return { name, dtype: (tensor && dtypeOfElemType(tensor.elemType)) ?? null, shape: dims ?? null };
}
