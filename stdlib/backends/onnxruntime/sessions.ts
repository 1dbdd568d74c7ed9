// What a lane does, on whichever thread: it holds sessions and runs them one after another.

import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { type DType, isDType, type Tensor } from '../../../ir/index.ts';
import type { Answer, LoadRequest, Request, RunRequest, SessionPort, SessionPorts } from './protocol.ts';
import { crossesToJavaScript, fromOrt, type OrtTensorConstructor, toOrt } from './tensors.ts';

class MissingPackage extends Error {}

let ortPromise: Promise<typeof import('onnxruntime-node')> | undefined;
function onnxRuntime(): Promise<typeof import('onnxruntime-node')> {
  ortPromise ??= import('onnxruntime-node').catch((error: unknown) => {
    throw new MissingPackage(error instanceof Error ? error.message : String(error));
  });
  return ortPromise;
}

function sessionOptions({ weights, optimization, without }: LoadRequest): InferenceSession.SessionOptions {
  return {
    // One thread a session: the pool's threads are the parallelism, and spinning threads steal their cores.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    graphOptimizationLevel: optimization,
    extra: {
      ...(weights?.kind === 'folder' && {
        session: { model_external_initializers_file_folder_path: weights.folder },
      }),
      ...(without.length > 0 && { optimization: { disable_specified_optimizers: without.join(';') } }),
    },
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

export class Sessions {
  readonly #sessions = new Map<number, InferenceSession>();

  /** Never rejects: what goes wrong is an answer too. */
  async answer(request: Request): Promise<Answer> {
    try {
      return await this.#do(request);
    } catch (error) {
      return {
        kind: 'failed',
        message: error instanceof Error ? error.message : String(error),
        missing: error instanceof MissingPackage,
        givenBack: request.kind === 'run' ? request.giveBack : [],
      };
    }
  }

  async close(): Promise<void> {
    const open = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(open.map((session) => session.release()));
  }

  async #do(request: Request): Promise<Answer> {
    switch (request.kind) {
      case 'load':
        return { kind: 'loaded', ports: await this.#load(request) };
      case 'run':
        return { kind: 'ran', outputs: await this.#run(request), givenBack: request.giveBack };
      case 'release': {
        const session = this.#sessions.get(request.session);
        this.#sessions.delete(request.session);
        await session?.release();
        return { kind: 'released' };
      }
    }
  }

  async #load(request: LoadRequest): Promise<SessionPorts> {
    const ort = await onnxRuntime();
    const options = sessionOptions(request);
    const { model } = request;
    // Two overloads that TypeScript does not join.
    const session =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, options)
        : await ort.InferenceSession.create(model, options);
    this.#sessions.set(request.session, session);
    return { inputs: session.inputMetadata.map(portOf), outputs: session.outputMetadata.map(portOf) };
  }

  async #run(request: RunRequest): Promise<Tensor[]> {
    const session = this.#sessions.get(request.session);
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
}
