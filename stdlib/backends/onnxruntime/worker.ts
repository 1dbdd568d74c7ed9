// One worker thread of the pool: holds sessions, runs them one after another.
//
// A run blocks its thread (ONNX Runtime's Node binding is synchronous inside), which is why there are threads.

import { parentPort } from 'node:worker_threads';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { type DType, isDType, type Tensor } from '../../../ir/index.ts';
import type {
  Answer,
  Envelope,
  LoadRequest,
  Request,
  RunRequest,
  SessionPort,
  SessionPorts,
} from './protocol.ts';
import { crossesToJavaScript, fromOrt, type OrtTensorConstructor, toOrt } from './tensors.ts';

const port = parentPort!;
const sessions = new Map<number, InferenceSession>();

class MissingPackage extends Error {}

let ortPromise: Promise<typeof import('onnxruntime-node')> | undefined;
function onnxRuntime(): Promise<typeof import('onnxruntime-node')> {
  ortPromise ??= import('onnxruntime-node').catch((error: unknown) => {
    throw new MissingPackage(error instanceof Error ? error.message : String(error));
  });
  return ortPromise;
}

function sessionOptions({ weights, optimization }: LoadRequest): InferenceSession.SessionOptions {
  return {
    // One thread a session: the pool's threads are the parallelism, and spinning threads steal their cores.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    graphOptimizationLevel: optimization,
    ...(weights?.kind === 'folder' && {
      extra: { session: { model_external_initializers_file_folder_path: weights.folder } },
    }),
    ...(weights?.kind === 'bytes' && { externalData: [{ path: weights.location, data: weights.bytes }] }),
  };
}

const portOf = (meta: InferenceSession.ValueMetadata): SessionPort =>
  meta.isTensor
    ? {
        name: meta.name,
        dtype: isDType(meta.type) && crossesToJavaScript(meta.type) ? (meta.type as DType) : null,
        shape: meta.shape,
      }
    : { name: meta.name, dtype: null, shape: [] };

async function load(request: LoadRequest): Promise<SessionPorts> {
  const ort = await onnxRuntime();
  const options = sessionOptions(request);
  const { model } = request;
  // Two overloads that TypeScript does not join.
  const session =
    typeof model === 'string'
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  sessions.set(request.session, session);
  return { inputs: session.inputMetadata.map(portOf), outputs: session.outputMetadata.map(portOf) };
}

async function run(request: RunRequest): Promise<Tensor[]> {
  const session = sessions.get(request.session);
  if (session === undefined) throw new Error('the session was released');
  const { Tensor: Constructor } = await onnxRuntime();
  const feeds: Record<string, OrtTensor> = {};
  request.inputNames.forEach((name, index) => {
    feeds[name] = toOrt(Constructor as OrtTensorConstructor, request.inputs[index]!);
  });
  const names = request.outputNames ?? session.outputNames;
  const results = await session.run(feeds, names);
  return names.map((name) => fromOrt(name, results[name]!));
}

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'load':
      return { kind: 'loaded', ports: await load(request) };
    case 'run':
      return { kind: 'ran', outputs: await run(request), givenBack: request.giveBack };
    case 'release': {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      await session?.release();
      return { kind: 'released' };
    }
  }
}

/** Outputs leave by transfer; a buffer may hold several of them but may be listed only once. */
function transferOf(body: Answer): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  if (body.kind === 'ran') for (const { bytes } of body.outputs) buffers.add(bytes.buffer as ArrayBuffer);
  if (body.kind === 'ran' || body.kind === 'failed') for (const one of body.givenBack) buffers.add(one);
  return [...buffers];
}

port.on('message', async ({ id, body: request }: Envelope<Request>) => {
  let body: Answer;
  try {
    body = await answer(request);
  } catch (error) {
    body = {
      kind: 'failed',
      message: error instanceof Error ? error.message : String(error),
      missing: error instanceof MissingPackage,
      givenBack: request.kind === 'run' ? request.giveBack : [],
    };
  }
  const reply: Envelope<Answer> = { id, body };
  port.postMessage(reply, transferOf(body));
});
