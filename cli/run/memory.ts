// A compilation run as it would be from a folder, without one: small deployments, by the thousand.

import { type Compilation, writeDeployment } from '../../compiler/index.ts';
import { type FolderSink, memorySource, type Piece, readRange } from '../../ir/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import { sha256 } from '../../runtime/host/node-sink.ts';
import { checkManifest } from '../../runtime/manifest.ts';

export { peersOf } from '../../runtime/host/node-bundle.ts';

const bytesOf = (piece: Piece): Uint8Array => (piece instanceof Uint8Array ? piece : readRange(piece));

/** The deployment that an emitted compilation makes, all in memory. */
export function deploymentInMemory(compilation: Compilation): LoadedDeployment {
  const files = new Map<string, Uint8Array>();
  const sink: FolderSink = {
    sha256,
    write(file, pieces) {
      const bytes = Buffer.concat([...pieces].map(bytesOf));
      files.set(file, bytes);
      return { file: file.slice(file.lastIndexOf('/') + 1), bytes: bytes.length, sha256: sha256(bytes) };
    },
  };
  const plan = writeDeployment(compilation, sink);
  const bundles = Object.entries(plan.programs).map(([name, { folder }]) => {
    const manifest = checkManifest(
      JSON.parse(Buffer.from(files.get(`${folder}/manifest.json`)!).toString('utf8')),
    );
    const weights = files.get(`${folder}/weights.bin`);
    return [
      name,
      {
        manifest,
        onnx: files.get(`${folder}/program.onnx`)!,
        ...(weights && { weights: memorySource('weights.bin', weights) }),
      },
    ] as const;
  });
  return { plan, bundles: new Map(bundles) };
}
