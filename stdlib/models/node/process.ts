// A model in a process of its own, in any language: the role model over the process's standard streams.
//
// One JSON document a line. To the process: { id, method, inputs, results }, to be answered in order by { id, outputs } or
// { id, error }. A tensor is { dtype, dims, data }, its bytes (little-endian) in base64. `results` says what must come back.
// Whatever the process writes to its standard error is kept, to be told if it ends. stdlib/models/python/ has the other end.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import {
  byteLengthOf,
  type DataValue,
  elementCount,
  isDType,
  isTensor,
  type Tensor,
} from '../../../ir/index.ts';
import type { Component, ComponentCall } from '../../../runtime/index.ts';

export interface ProcessModelOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProcessModel extends Component {
  /** Ends the process: no input any more, and after `graceMs` (default 2000) by force. */
  close(graceMs?: number): Promise<void>;
}

/** Calls that may wait for their answers. */
const MOST_OPEN = 1024;
/** Of one answer: a base64 line. */
const MOST_CHARACTERS = 2 ** 29;
const STDERR_CHARACTERS = 2000;

/** Starts the process. What it cannot do, or that it has ended, is why calls fail. */
export const processModel = (options: ProcessModelOptions): ProcessModel => new Model(options);

interface Open {
  readonly resolve: (outputs: readonly DataValue[]) => void;
  readonly reject: (error: Error) => void;
}

class Model implements ProcessModel {
  readonly role = 'model';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #open = new Map<number, Open>();
  readonly #ended: Promise<void>;
  #next = 1;
  #stderr = '';
  #over: string | undefined;

  constructor({ command: [program, ...args], cwd, env }: ProcessModelOptions) {
    this.#child = spawn(program, args, { cwd, env: env ?? process.env, stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8');
    this.#child.stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
    // A process that is gone is told of when it ends.
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(line));
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#end(`the model's process does not run: ${error.message}`);
        resolve();
      });
      this.#child.on('close', (status, signal) => {
        const said = this.#stderr.trim() === '' ? '' : `: ${this.#stderr.trim()}`;
        this.#end(`the model's process has ended (${signal ?? `status ${status}`})${said}`);
        resolve();
      });
    });
  }

  misfit(): undefined {
    return undefined;
  }

  call({ method, options, inputs, results }: ComponentCall): Promise<readonly DataValue[]> {
    if (this.#over !== undefined) return Promise.reject(new Error(this.#over));
    if (this.#open.size >= MOST_OPEN)
      return Promise.reject(new Error(`${this.#open.size} calls of the model wait`));
    const id = this.#next++;
    const request = { id, method, options, inputs: inputs.map(written), results };
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  async close(graceMs = 2000): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #end(why: string): void {
    this.#over ??= why;
    for (const { reject } of this.#open.values()) reject(new Error(this.#over));
    this.#open.clear();
  }

  #answer(line: string): void {
    let answer: { readonly id?: unknown; readonly outputs?: unknown; readonly error?: unknown };
    try {
      if (line.length > MOST_CHARACTERS) throw new Error('too long');
      answer = JSON.parse(line) ?? {};
    } catch {
      return this.#kill(`the model's process wrote no answer but ${JSON.stringify(line.slice(0, 80))}`);
    }
    const open = this.#open.get(answer.id as number);
    if (open === undefined)
      return this.#kill(`the model's process answers call ${answer.id}, which is not open`);
    this.#open.delete(answer.id as number);
    if (answer.error !== undefined)
      return open.reject(new Error(String(answer.error).slice(0, STDERR_CHARACTERS)));
    try {
      open.resolve((answer.outputs as readonly unknown[]).map(read));
    } catch (error) {
      open.reject(new Error(`the model's answer: ${error instanceof Error ? error.message : error}`));
    }
  }

  /** Whoever breaks the protocol is not trusted with another call. */
  #kill(why: string): void {
    this.#end(why);
    this.#child.kill('SIGKILL');
  }
}

function written(value: DataValue): object {
  if (!isTensor(value) || value.dtype === 'string') throw new Error('a model takes tensors of numbers');
  const { dtype, dims, bytes } = value;
  return { dtype, dims, data: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}

function read(given: unknown): Tensor {
  const { dtype, dims, data } = Object(given) as Readonly<Record<string, unknown>>;
  if (typeof dtype !== 'string' || !isDType(dtype) || dtype === 'string') throw new Error(`dtype ${dtype}`);
  if (!Array.isArray(dims) || !dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
    throw new Error(`dims ${JSON.stringify(dims)}`);
  const bytes = new Uint8Array(Buffer.from(String(data), 'base64'));
  if (bytes.length !== byteLengthOf(dtype, elementCount(dims)!))
    throw new Error(`${bytes.length} bytes for ${dtype}[${dims.join(', ')}]`);
  return { dtype, dims, bytes };
}
