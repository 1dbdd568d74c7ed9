// A Model to ONNX bytes: pieces that refer to weights instead of copying them. What a file said beyond our
// tables (see `residue` in graph.ts) is written again, so that import then export changes no message.

import {
  type FunctionProto,
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from '../generated/onnx-ml_pb.ts';
import {
  type Graph,
  type GraphId,
  type ImportedInfo,
  type Model,
  type ModelFunction,
  NO_VALUE,
  type Op,
  type Value,
  type ValueId,
  type Weight,
} from '../graph.ts';
import { MIN_IR_VERSION } from '../names.ts';
import { attributeDraft } from './attributes.ts';
import { type Draft, encode, type Piece } from './encode.ts';
import { withNames } from './gradient.ts';
import { type Entry, entriesOf, mergeEntries } from './metadata.ts';
import { domainOf, opsetDrafts } from './opsets.ts';
import { sameType, typeDraft } from './types.ts';
import { internalDraft, isExternal, weightByteLength, weightDraft } from './weights.ts';

export interface ExportOptions {
  /**
   * Where initializers of the main graph go. `keep` (the default): external ones stay in their files, which
   * the caller has to keep beside the model. `inline`: all into the model. A file: those of at least
   * `minBytes` go there, the others into the model.
   */
  readonly external?: 'keep' | 'inline' | { readonly file: string; readonly minBytes: number };
  /**
   * Which inner values get a stated type: those the file stated, or all of the main graph and functions. Default: what the
   * file stated, and of a graph that no file had, all; what was recorded with a type, such as what an event brings, is not
   * always found again by inference.
   */
  readonly valueInfo?: 'imported' | 'all';
  /** Further metadata of an op; needs IR version 10. */
  readonly metadata?: (op: Op) => readonly Entry[];
}

/** A weight's place in the external file. */
export interface ExternalWeight {
  readonly weight: Weight;
  readonly offset: number;
  readonly byteLength: number;
}

export interface Exported {
  /** The file's bytes in order, ranges not read. */
  readonly pieces: readonly Piece[];
  readonly external: readonly ExternalWeight[];
  /** Size of the external file; gaps between weights are zero bytes. */
  readonly externalBytes: number;
}

/** Encodes a model. Linear in the size of the graph; the same model gives the same bytes. */
export function exportModel(model: Model, options: ExportOptions = {}): Exported {
  const writer = new ModelWriter(model, options);
  return {
    pieces: encode(ModelProtoSchema, writer.model()),
    external: writer.external,
    externalBytes: writer.externalBytes,
  };
}

const ALIGNMENT = 64;
/** Large weights start on a page, so that they can be mapped. */
const PAGE = 4096;
const PAGE_FROM_BYTES = 1 << 16;

class ModelWriter {
  readonly external: ExternalWeight[] = [];
  externalBytes = 0;
  readonly #model: Model;
  readonly #options: ExportOptions;
  readonly #marks: boolean;

  constructor(model: Model, options: ExportOptions) {
    this.#model = model;
    this.#options = options;
    this.#marks = model.header.irVersion >= MIN_IR_VERSION;
  }

  model(): object {
    const { header, main, functions } = this.#model;
    const { residue } = header;
    return {
      ...residue,
      ...(residue !== undefined && Number(residue.irVersion) === header.irVersion
        ? {}
        : { irVersion: BigInt(header.irVersion) }),
      opsetImport: opsetDrafts(header.opsets, residue?.opsetImport),
      graph: this.#graph(main),
      functions: functions.map((fn) => this.#function(fn)),
    };
  }

  readonly #graph = (id: GraphId): Draft<GraphProto> => {
    const graph = this.#model.graph(id);
    const proto = graph.residue?.proto;
    return {
      ...proto,
      ...nameDraft('name', graph.name, proto?.name),
      node: this.#ops(graph),
      initializer: this.#initializers(graph),
      input: this.#infos(graph.inputs, graph.residue?.inputs, true),
      output: this.#infos(graph.outputs, graph.residue?.outputs, false),
      valueInfo: this.#valueInfo(graph),
    };
  };

  #function(fn: ModelFunction): Draft<FunctionProto> {
    const graph = this.#model.graph(fn.graph);
    const { residue } = fn;
    const plain = fn.attributes.slice(0, fn.attributes.length - fn.defaults.length);
    return {
      ...residue,
      ...(residue?.name === fn.name ? {} : { name: fn.name }),
      ...(residue !== undefined && domainOf(residue.domain) === fn.domain ? {} : { domain: fn.domain }),
      ...nameDraft('overload', fn.overload, residue?.overload),
      input: graph.inputs.map(this.#nameOf),
      output: graph.outputs.map(this.#nameOf),
      attribute: plain,
      attributeProto: fn.defaults.map((one) => attributeDraft(one, this.#graph)),
      node: this.#ops(graph),
      opsetImport: opsetDrafts(fn.opsets, residue?.opsetImport),
      valueInfo: this.#valueInfo(graph),
    };
  }

  #ops(graph: Graph): object[] {
    return graph.ops.map((id) => this.#op(this.#model.op(id)));
  }

  #op(op: Op): Draft<NodeProto> {
    const { residue } = op;
    const metadataProps = this.#metadata(op, residue?.metadataProps);
    const { inputs, attributes } = withNames(op, this.#nameOf);
    const lists = {
      input: inputs.map(this.#nameOf),
      output: op.outputs.map(this.#nameOf),
      attribute: attributes.map((one) => attributeDraft(one, this.#graph)),
      metadataProps,
    };
    if (residue === undefined) {
      return {
        opType: op.type,
        ...(op.name === '' ? undefined : { name: op.name }),
        ...(op.domain === '' ? undefined : { domain: op.domain }),
        ...(op.overload === '' ? undefined : { overload: op.overload }),
        ...lists,
      };
    }
    return {
      ...residue,
      ...(residue.opType === op.type ? {} : { opType: op.type }),
      ...nameDraft('name', op.name, residue.name),
      ...(domainOf(residue.domain) === op.domain ? {} : { domain: op.domain }),
      ...nameDraft('overload', op.overload, residue.overload),
      ...lists,
    };
  }

  #metadata(op: Op, file: NodeProto['metadataProps'] | undefined): object[] {
    if (!this.#marks) return file ?? [];
    const entries = entriesOf(op, this.#nameOf);
    if (this.#options.metadata !== undefined) entries.push(...this.#options.metadata(op));
    return mergeEntries(file, entries);
  }

  readonly #nameOf = (value: ValueId): string => (value === NO_VALUE ? '' : this.#model.value(value).name);

  /** Sparse ones have no weight: their messages are in the residue. */
  #initializers(graph: Graph): object[] {
    return graph.initializers.flatMap((id) => {
      const { name, weight } = this.#model.value(id);
      return weight === undefined ? [] : [this.#initializer(name, weight, graph)];
    });
  }

  #initializer(name: string, weight: Weight, graph: Graph): object {
    const { external = 'keep' } = this.#options;
    if (graph.kind === 'main' && typeof external === 'object') {
      const byteLength = weight.dtype === 'string' ? undefined : weightByteLength(weight);
      if (byteLength !== undefined && byteLength >= external.minBytes)
        return this.#moveOut(weight, name, byteLength, external.file);
    }
    if (external !== 'keep' && isExternal(weight)) return internalDraft(weight, name);
    const draft = weightDraft(weight);
    return weight.proto.name === name ? draft : { ...draft, name };
  }

  #moveOut(weight: Weight, name: string, byteLength: number, file: string): object {
    const alignment = byteLength >= PAGE_FROM_BYTES ? PAGE : ALIGNMENT;
    const offset = Math.ceil(this.externalBytes / alignment) * alignment;
    this.external.push({ weight, offset, byteLength });
    this.externalBytes = offset + byteLength;
    return {
      dims: weight.proto.dims,
      dataType: weight.proto.dataType,
      name,
      dataLocation: 1,
      externalData: [
        { key: 'location', value: file },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(byteLength) },
      ],
    };
  }

  /** The stated types of graph inputs or outputs. */
  #infos(
    values: readonly ValueId[],
    imported: readonly ImportedInfo[] | undefined,
    areInputs: boolean,
  ): Draft<ValueInfoProto>[] {
    const byValue = new Map(imported?.map((info) => [info.value, info]));
    return values.map((id, index) => {
      // By position first: one value can be two outputs, with different statements.
      const info = imported?.[index]?.value === id ? imported[index] : byValue.get(id);
      return this.#infoDraft(this.#model.value(id), info, areInputs);
    });
  }

  #infoDraft(value: Value, info: ImportedInfo | undefined, isInput: boolean): Draft<ValueInfoProto> {
    const { name, type } = value;
    const entries = isInput && this.#marks ? entriesOf(value, this.#nameOf) : [];
    const metadata =
      entries.length === 0 ? {} : { metadataProps: mergeEntries(info?.proto.metadataProps, entries) };
    if (info === undefined)
      return { name, ...(type === undefined ? {} : { type: typeDraft(type) }), ...metadata };
    return {
      ...info.proto,
      ...nameDraft('name', name, info.proto.name),
      ...(sameType(type, info.type) ? {} : { type: typeDraft(type) }),
      ...metadata,
    };
  }

  #valueInfo(graph: Graph): object[] {
    const stated = (graph.residue?.valueInfo ?? []).filter(({ value }) => this.#exists(value));
    const drafts: object[] = stated.map((info) =>
      this.#infoDraft(this.#model.value(info.value), info, false),
    );
    const { valueInfo } = this.#options;
    const all = valueInfo === undefined ? graph.residue === undefined : valueInfo === 'all';
    if (!all || (graph.kind === 'subgraph' && valueInfo === 'all')) return drafts;
    const known = new Set<ValueId>(stated.map(({ value }) => value));
    if (graph.kind !== 'function') for (const id of [...graph.inputs, ...graph.outputs]) known.add(id);
    for (const id of this.#innerValues(graph)) {
      if (id === NO_VALUE || known.has(id)) continue;
      known.add(id);
      const value = this.#model.value(id);
      if (value.type !== undefined) drafts.push({ name: value.name, type: typeDraft(value.type) });
    }
    return drafts;
  }

  *#innerValues(graph: Graph): Iterable<ValueId> {
    if (graph.kind === 'function') yield* graph.inputs;
    for (const op of this.#model.opsOf(graph.id)) yield* op.outputs;
  }

  #exists(id: ValueId): boolean {
    return id < this.#model.valueLimit && (this.#model.value(id) as Value | undefined) !== undefined;
  }
}

/** A text field that is absent if empty, unless the file wrote it so. */
const nameDraft = <Field extends string>(
  field: Field,
  name: string,
  written: string | undefined,
): { readonly [F in Field]?: string } => ((written ?? '') === name ? {} : { [field]: name }) as never;
