// ONNX bytes to a Model. Names become ids by scope: all that a graph declares first, then what its ops use, so
// that unsorted graphs read like sorted ones. Weights stay in the file; see scan.ts.

import { fromBinary } from '@bufbuild/protobuf';
import { type Diagnostic, diagnostic, hasErrors } from '../diagnostic.ts';
import { type ModelProto, ModelProtoSchema } from '../generated/onnx-ml_pb.ts';
import { type ByteSource, type GraphId, type Model, ModelEditor, type ModelHeader } from '../graph.ts';
import { readText } from '../text/read.ts';
import { isPresent } from './attributes.ts';
import type { OpenExternal } from './external.ts';
import { GraphReader, type NodePositions } from './import-graph.ts';
import { nodeOffsets } from './offsets.ts';
import { readOpsets } from './opsets.ts';
import { type Cut, CutConflict, type Skeleton, scan } from './scan.ts';
import { problemOf } from './source.ts';

export interface ImportOptions {
  /** Opens files of external data. Without it, external data is reported as missing. */
  readonly external?: OpenExternal;
}

export interface Imported {
  /** Absent if there are errors. */
  readonly model?: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a model; never throws. Memory is that of the graph: weights above 64 bytes become ranges of `source`
 * or of external files. Structure is not judged here (see the check pass): an op may use an undefined value.
 */
export function importModel(source: ByteSource, options: ImportOptions = {}): Imported {
  if (source.name.endsWith('.onnxtxt')) return importText(source, options);
  try {
    return build(source, scan(ModelProtoSchema, source, { cut: true }), options);
  } catch (error) {
    if (!(error instanceof CutConflict)) return failed(source, error);
  }
  try {
    return build(source, scan(ModelProtoSchema, source, { cut: false }), options);
  } catch (error) {
    return failed(source, error);
  }
}

function failed({ name }: ByteSource, error: unknown): Imported {
  const { reason, offset, over } = problemOf(error);
  const at = { file: name, ...(offset !== undefined && { offset }) };
  return {
    diagnostics: [over ? diagnostic('BB110', over, { at }) : diagnostic('BB101', { reason }, { at })],
  };
}

/** Reads ONNX's textual syntax; its ops know their line and column. */
function importText(source: ByteSource, options: ImportOptions): Imported {
  const text = new TextDecoder().decode(source.read(0, source.byteLength));
  const { proto, positions, diagnostics } = readText(text, source.name);
  return proto === undefined ? { diagnostics } : buildFrom(proto, source, [], options, { positions });
}

function build(source: ByteSource, { bytes, cuts, nodes }: Skeleton, options: ImportOptions): Imported {
  const proto = fromBinary(ModelProtoSchema, bytes);
  return buildFrom(proto, source, cuts, options, { offsets: nodeOffsets(proto, nodes) });
}

function buildFrom(
  proto: ModelProto,
  source: ByteSource,
  cuts: readonly Cut[],
  options: ImportOptions,
  positions: NodePositions,
): Imported {
  const { graph, functions } = proto;
  if (graph === undefined) {
    const reason = source.byteLength === 0 ? 'the file is empty' : 'it has no graph';
    return { diagnostics: [diagnostic('BB101', { reason }, { at: { file: source.name } })] };
  }
  const editor = new ModelEditor(readHeader(proto, source.name));
  const diagnostics: Diagnostic[] = [];
  const reader = new GraphReader(editor, cuts, source.name, options.external, diagnostics, positions);
  editor.main = reader.graph(graph, 'main', undefined) as GraphId;
  editor.functions = functions.map((fn) => reader.function(fn));
  if (reader.offsets.length > 0) editor.header = { ...editor.header, offsets: reader.offsets };
  return hasErrors(diagnostics) ? { diagnostics } : { model: editor.finish(), diagnostics };
}

/** Takes graph and functions out of `proto`, which becomes the residue. */
function readHeader(proto: ModelProto, file: string): ModelHeader {
  const opsets = readOpsets(proto.opsetImport);
  const { irVersion } = proto;
  delete proto.graph;
  proto.functions = [];
  if (opsets.canonical) proto.opsetImport = [];
  const plain =
    isPresent(proto, 'irVersion') &&
    BigInt(Number(irVersion)) === irVersion &&
    proto.$unknown === undefined &&
    proto.opsetImport.length === 0 &&
    !['producerName', 'producerVersion', 'domain', 'modelVersion', 'docString'].some((field) =>
      isPresent(proto, field),
    ) &&
    proto.metadataProps.length + proto.trainingInfo.length + proto.configuration.length === 0;
  return {
    irVersion: Number(irVersion),
    opsets: opsets.versions,
    file,
    ...(plain ? {} : { residue: proto }),
  };
}
