// Where sessions run, and the usual such place: a worker thread. Requests go in, every one is answered, also
// when the thread dies.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Answer, Envelope, Request } from './protocol.ts';

/** The thread ended while it owed answers. */
export class WorkerLost extends Error {
  constructor(reason: string) {
    super(`the backend's worker thread ended: ${reason}`);
    this.name = 'WorkerLost';
  }
}

/**
 * Compiled code has the worker beside it. Under a test runner that executes TypeScript sources, a thread could
 * not load worker.ts (Node 20 does not strip types), so it runs the built one.
 */
function workerFile(): URL {
  const beside = new URL('./worker.js', import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside;
  return new URL('../../../dist/stdlib/backends/onnxruntime/worker.js', import.meta.url);
}

export interface Lane {
  /** Whether it has ended; its sessions went with it. */
  readonly lost: boolean;
  /** Whether what is sent must be copied or given away. */
  readonly transfers: boolean;
  /** Rejects with {@link WorkerLost}, or DataCloneError if a buffer of `transfer` cannot be transferred. */
  call(body: Request, transfer?: readonly ArrayBuffer[]): Promise<Answer>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class ThreadLane implements Lane {
  readonly transfers = true;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #lost: WorkerLost | undefined;

  constructor(file: URL = workerFile()) {
    this.#worker = new Worker(file);
    // An idle thread must not keep the process alive; one that owes an answer must.
    this.#worker.unref();
    this.#worker.on('message', ({ id, body }: Envelope<Answer>) => {
      const pending = this.#pending.get(id);
      this.#forget(id);
      pending?.resolve(body);
    });
    this.#worker.on('messageerror', (error) => this.#lose(error.message));
    this.#worker.on('error', (error) => this.#lose(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', (code) => this.#lose(`exit code ${code}`));
  }

  get lost(): boolean {
    return this.#lost !== undefined;
  }

  call(body: Request, transfer: readonly ArrayBuffer[] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const id = this.#nextId++;
      const request: Envelope<Request> = { id, body };
      try {
        this.#worker.postMessage(request, transfer);
      } catch (error) {
        reject(error);
        return;
      }
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    this.#lose('it was closed');
    await this.#worker.terminate();
  }

  #forget(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
  }

  #lose(reason: string): void {
    this.#lost ??= new WorkerLost(reason);
    const owed = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of owed) reject(this.#lost);
  }
}
