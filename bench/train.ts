// Training: generated steps against hand-written ones, TensorFlow.js and PyTorch, and many steps in one Scan.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Model } from '../ir/index.ts';
import { cnn, mlp, type Network } from './digits.ts';
import type { Figure } from './figure.ts';
import { inPairs, type Paired } from './pairs.ts';
import { processorSeconds } from './processor.ts';
import { sizes } from './sizes.ts';
import { modelBytes } from './synthetic.ts';
import { type Data, type Other, tensorflow, torch } from './train-others.ts';
import { generatedStep, generatedSteps, handWritten } from './train-steps.ts';

const HAND_WRITTEN_LIMIT = 1.15;
/** At least fifty and ten times as fast. */
const TENSORFLOW_LIMITS = { cpu: 1 / 50, wasm: 1 / 10 } as const;
/** How long one of the two trains before the other does. */
const BLOCK_MS = 60;
const LOCAL_STEPS = 50;
/** Of 24: the square root, about, keeps least. */
const RECOMPUTED_LAYERS = 4;
const MEBIBYTE = 2 ** 20;

const cases: readonly (readonly [Network, number])[] = [
  [mlp, 32],
  [mlp, 128],
  [cnn, 32],
  [cnn, 128],
];

export async function benchTrain(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [network, batch] of cases) {
    const name = `${network.name}, batch ${batch}`;
    const data = dataFor(network, batch);
    const ours = await Stepper.of(generatedStep(network, batch), network, batch, data);
    const byHand = await Stepper.of(handWritten.get(network)!(batch), network, batch, data);
    checkClose(name, await ours.next(), await byHand.next());
    const hand = await inPairs(processorTime(ours.run), processorTime(byHand.run), {
      rounds: network === mlp ? 400 : 60,
      warmUp: 10,
    });
    figures.push(
      { name: `${name}: generated step`, value: hand.ours, unit: 'ms' },
      { name: `${name}: hand-written step`, value: hand.theirs, unit: 'ms' },
      {
        name: `${name}: generated against hand-written`,
        value: hand.ratio,
        unit: '×',
        limit: HAND_WRITTEN_LIMIT,
      },
    );
    figures.push(...(await againstOthers(name, network, ours, data)));
    await byHand.release();
    await ours.release();
  }
  for (const network of [mlp, cnn]) figures.push(...(await localSteps(network)));
  return [...figures, ...memory(), ...sizes()];
}

async function againstOthers(name: string, network: Network, ours: Stepper, data: Data): Promise<Figure[]> {
  const figures: Figure[] = [];
  const race = async (what: string, other: Other, rounds: number, limit?: number): Promise<void> => {
    // Another process tells how long it took by the clock.
    const inTime = other.isElsewhere ? (work: () => Promise<unknown>) => work : processorTime;
    const { theirs, ratio }: Paired = await inPairs(inTime(ours.run), inTime(other.step), {
      rounds,
      warmUp: 3,
      blockMs: BLOCK_MS,
    });
    other.close();
    figures.push(
      { name: `${name}: ${what}`, value: theirs, unit: 'ms' },
      {
        name: `${name}: generated against ${what}`,
        value: ratio,
        unit: '×',
        ...(limit !== undefined && { limit }),
      },
    );
  };
  if (network === mlp) {
    for (const [backend, rounds] of [
      ['cpu', 15],
      ['wasm', 40],
    ] as const) {
      const other = await tensorflow(backend, network.parameters, data);
      await other.step();
      checkClose(`${name}, TensorFlow.js ${backend}`, await ours.next(), other.read!());
      await race(`TensorFlow.js ${backend}`, other, rounds, TENSORFLOW_LIMITS[backend]);
    }
  }
  const other = await torch(network.name, data.labels.length);
  if (other === undefined) process.stderr.write(' (no torch for python3)');
  else await race('PyTorch, one thread', other, 60);
  return figures;
}

/** Of all threads of this process: what else the machine does takes none of it. */
const processorTime = (work: () => Promise<unknown>) => async (): Promise<number> => {
  const before = process.cpuUsage();
  await work();
  return processorSeconds(before) * 1000;
};

/** Noise in place of digits: steps take as long, and no two elements of a window are equal. */
function dataFor({ image, parameters }: Network, batch: number): Data {
  let state = 1;
  const noise = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state / 2 ** 31 - 1) * scale;
    });
  return {
    images: noise(batch * product(image), 1),
    labels: Array.from({ length: batch }, (_, at) => (at * 7) % 10),
    parameters: new Map(
      Object.entries(parameters).map(([name, dims]) => [
        name,
        noise(
          product(dims),
          dims.length === 1 ? 0.1 : (3 / product(dims.length === 4 ? dims.slice(1) : [dims[0]!])) ** 0.5,
        ),
      ]),
    ),
    rate: 0.01,
  };
}

const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);

type Feeds = Record<string, OrtTensor>;

/** A training step as a session on one thread. */
class Stepper {
  readonly #session: InferenceSession;
  readonly #feeds: Feeds;

  private constructor(session: InferenceSession, feeds: Feeds) {
    this.#session = session;
    this.#feeds = feeds;
  }

  static async of(model: Model, network: Network, batch: number, data: Data): Promise<Stepper> {
    const { Tensor } = await import('onnxruntime-node');
    const feeds: Feeds = {
      x: new Tensor('float32', data.images, [batch, ...network.image]),
      label: new Tensor('int64', BigInt64Array.from(data.labels, BigInt), [batch]),
      learning_rate: new Tensor('float32', Float32Array.of(data.rate), []),
    };
    for (const [name, dims] of Object.entries(network.parameters))
      feeds[name] = new Tensor('float32', data.parameters.get(name)!, dims);
    const session = await sessionOf(model);
    if (session.inputNames.includes('step')) feeds.step = new Tensor('int64', BigInt64Array.of(0n), []);
    return new Stepper(session, feeds);
  }

  readonly run = async (): Promise<void> => {
    await this.#session.run(this.#feeds);
  };

  /** The parameters after a step. */
  async next(): Promise<ReadonlyMap<string, Float32Array>> {
    const results = await this.#session.run(this.#feeds);
    return new Map(
      Object.entries(results)
        .filter(([name]) => name.startsWith('new_') && name !== 'new_step')
        .map(([name, value]) => [name.slice('new_'.length), value.data as Float32Array]),
    );
  }

  /** So many steps, each with the parameters of the one before. */
  async steps(count: number): Promise<void> {
    let feeds = this.#feeds;
    for (let step = 0; step < count; step++) {
      const results = await this.#session.run(feeds);
      feeds = { ...feeds };
      for (const name of Object.keys(results))
        if (name.startsWith('new_')) feeds[name.slice('new_'.length)] = results[name] as OrtTensor;
    }
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

async function sessionOf(model: Model): Promise<InferenceSession> {
  const { InferenceSession } = await import('onnxruntime-node');
  return InferenceSession.create(modelBytes(model), {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
}

/** What does not compute the same must not be compared. */
function checkClose(
  what: string,
  ours: ReadonlyMap<string, Float32Array>,
  theirs: ReadonlyMap<string, Float32Array>,
): void {
  for (const [name, values] of ours) {
    const other = theirs.get(name);
    const far = other === undefined ? 0 : values.findIndex((one, at) => !(Math.abs(one - other[at]!) < 1e-5));
    if (far >= 0) throw new Error(`${what}: ${name} after a step differs at ${far}`);
  }
}

/** Steps in one Scan, one run, against as many runs of one step. */
async function localSteps(network: Network): Promise<Figure[]> {
  const batch = 32;
  const data = dataFor(network, batch);
  const single = await Stepper.of(generatedStep(network, batch), network, batch, data);
  const { Tensor } = await import('onnxruntime-node');
  const images = new Float32Array(LOCAL_STEPS * data.images.length);
  const labels = new BigInt64Array(LOCAL_STEPS * batch);
  for (let step = 0; step < LOCAL_STEPS; step++) {
    images.set(data.images, step * data.images.length);
    labels.set(BigInt64Array.from(data.labels, BigInt), step * batch);
  }
  const feeds: Feeds = {
    xs: new Tensor('float32', images, [LOCAL_STEPS, batch, ...network.image]),
    labels: new Tensor('int64', labels, [LOCAL_STEPS, batch]),
    learning_rate: new Tensor('float32', Float32Array.of(data.rate), []),
  };
  for (const [name, dims] of Object.entries(network.parameters))
    feeds[`first_${name}`] = new Tensor('float32', data.parameters.get(name)!, dims);
  const scan = await sessionOf(generatedSteps(network, batch, LOCAL_STEPS));
  const rounds = network === mlp ? 20 : 6;
  const { ours, theirs, ratio } = await inPairs(
    () => scan.run(feeds),
    () => single.steps(LOCAL_STEPS),
    { rounds, warmUp: 1 },
  );
  await scan.release();
  await single.release();
  const name = `${network.name}, batch ${batch}: ${LOCAL_STEPS} steps`;
  return [
    { name: `${name} in one Scan`, value: ours, unit: 'ms' },
    { name: `${name} one by one`, value: theirs, unit: 'ms' },
    { name: `${name} in one Scan against one by one`, value: ratio, unit: '×' },
  ];
}

/** The peak of a step of a deep network, in processes of their own. */
function memory(): Figure[] {
  const child = fileURLToPath(new URL('./deep-child.js', import.meta.url));
  // glibc gives freed memory of this size back to the system at once; otherwise holes count, too.
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: String(MEBIBYTE / 4) };
  const measure = (
    block: number,
  ): { readonly stepBytes: number; readonly loss: number; readonly ms: number } =>
    JSON.parse(execFileSync(process.execPath, [child, String(block)], { encoding: 'utf8', env }));
  const [stored, again] = [measure(0), measure(RECOMPUTED_LAYERS)];
  if (stored.loss !== again.loss) throw new Error('recomputing changed the loss');
  return [
    { name: 'deep MLP: peak memory of a step, all stored', value: stored.stepBytes / MEBIBYTE, unit: 'MiB' },
    { name: 'deep MLP: peak memory of a step, recomputed', value: again.stepBytes / MEBIBYTE, unit: 'MiB' },
    {
      name: 'deep MLP: peak recomputed against stored',
      value: again.stepBytes / stored.stepBytes,
      unit: '×',
    },
    { name: 'deep MLP: time recomputed against stored', value: again.ms / stored.ms, unit: '×' },
  ];
}
