// Compiles one model in a process of its own and reports memory and time: `compile-child.js MODEL OUT PEERS`.

import path from 'node:path';
import { chainTopology, compile, writeDeployment } from '../compiler/index.ts';
import { DiagnosticError, importModel } from '../ir/index.ts';
import { writeFolder } from '../runtime/host/node-sink.ts';
import { fileSource } from '../runtime/host/node-source.ts';
import { peakBytes } from './peak.ts';
import { processorSeconds } from './processor.ts';

const [file, out, peers] = process.argv.slice(2) as [string, string, string];
const idleBytes = peakBytes();
const start = process.cpuUsage();
const { model } = importModel(fileSource(file), {
  external: (location) => fileSource(path.join(path.dirname(file), location), location),
});
const { compilation, diagnostics, ok } = compile(model!, { topology: chainTopology(Number(peers)) });
if (!ok) throw new DiagnosticError(diagnostics);
writeFolder(out, (sink) => writeDeployment(compilation, sink));
const seconds = processorSeconds(start);
process.stdout.write(JSON.stringify({ idleBytes, peakBytes: peakBytes(), seconds }));
