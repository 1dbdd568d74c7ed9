// Writes a compiled deployment: per program program.onnx, weights.bin and manifest.json, then plan.json.
//
// Hashes form a chain: a manifest names its program's and weights', the plan names the manifests'. The
// deployment's own id, which every envelope carries, covers the plan and the manifests, so that no byte of any
// file can change unnoticed.

import {
  deploymentText,
  type FolderSink,
  type Manifest,
  type Piece,
  type Plan,
  type PlanProgram,
} from '../ir/index.ts';
import type { Bundle, Compilation } from './pass.ts';

const utf8 = new TextEncoder();

/** JSON as our files hold it: two spaces, one newline at the end, keys in the order they were set. */
export const jsonBytes = (value: unknown): Uint8Array => utf8.encode(`${JSON.stringify(value, null, 2)}\n`);

/** Writes all files of an emitted compilation to `sink`; returns the plan as written. */
export function writeDeployment(compilation: Compilation, sink: FolderSink): Plan {
  const { bundles, plan } = compilation;
  if (bundles === undefined || plan === undefined) {
    throw new Error(`a ${compilation.level} compilation cannot be written: compile it to the end`);
  }
  const unsigned = bundles.map((bundle) => ({ ...bundle.manifest, files: writeBundleFiles(bundle, sink) }));
  const programs: Record<string, PlanProgram> = {};
  bundles.forEach(({ program, ops, manifest }) => {
    const { class: className, memory, members } = manifest;
    const peers = members[className]!;
    programs[program] = {
      folder: program,
      class: className,
      peers,
      ops,
      weightBytes: memory.weightBytes,
      memory,
      manifest: '',
    };
  });
  const { version, source, objective, ...rest } = plan;
  const deployment = sink.sha256(utf8.encode(deploymentText({ ...plan, programs }, unsigned)));
  for (const { files, ...content } of unsigned) {
    const manifest: Manifest = { ...content, deployment, files };
    const written = sink.write(`${content.program}/manifest.json`, [jsonBytes(manifest)]);
    programs[content.program] = { ...programs[content.program]!, manifest: written.sha256 };
  }
  const full: Plan = { version, deployment, source, objective, programs, ...rest };
  sink.write('plan.json', [jsonBytes(full)]);
  return full;
}

function writeBundleFiles(bundle: Bundle, sink: FolderSink): Manifest['files'] {
  const program = sink.write(`${bundle.program}/program.onnx`, bundle.onnx);
  if (bundle.weights.length === 0) return { program, weights: null };
  return { program, weights: sink.write(`${bundle.program}/weights.bin`, padded(bundle.weights)) };
}

function* padded(weights: Bundle['weights']): Iterable<Piece> {
  let at = 0;
  for (const { piece, offset, byteLength } of weights) {
    if (offset > at) yield new Uint8Array(offset - at);
    yield piece;
    at = offset + byteLength;
  }
}
