// Done line 4 of training: federated algorithms against their numpy runs, parameters of every round; and averaging without a
// server, what every peer has after every round.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { elementsOf } from '../../cli/tensors/elements.ts';
import { isTensor } from '../../ir/index.ts';
import { decodeDataValue } from '../../ir/onnx/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { algorithms, deviations, type FederatedRuns } from '../support/federated.ts';
import { averaged } from '../support/gossip.ts';
import { projectRoot } from '../support/root.ts';
import type { Line } from './verification.ts';

const LIMIT = 1e-5;

const verify: Line = async (cx) => {
  const shared = path.resolve(projectRoot, '../shared/gradients/federated');
  if (!existsSync(shared)) throw new Error('the gradient data is not beside the project');
  const runs = readRuns(shared);
  for (const [where, open] of [
    ['the CPU backend', () => cpuBackend()],
    ['ONNX Runtime', () => onnxRuntimeBackend({ workers: 0 })],
  ] as const) {
    for (const name of Object.keys(algorithms)) {
      const { tolerance, rounds } = runs.algorithms[name]!;
      const found = await cx.step(`${name} on ${where}`, async () => {
        const backend = open();
        try {
          return await deviations(name, runs, backend);
        } finally {
          await backend.close();
        }
      });
      const most = Math.max(...found);
      // The limit is FedAvg's; an algorithm with a square root in its step states a wider one of its own.
      const holds = found.length === rounds.length - 1 && most <= Math.max(LIMIT, tolerance);
      cx.figure(
        `${name}, ${found.length} rounds on ${where}`,
        `off by at most ${most.toExponential(1)}`,
        holds,
      );
    }
    for (const [name, kind] of [
      ['gossip_ring', 'gossip'],
      ['push_sum', 'push-sum'],
    ] as const) {
      const { mixing, rounds } = readAveraging(shared, name);
      const most = await cx.step(`${name} on ${where}`, async () => {
        const backend = open();
        try {
          const found = await averaged(kind, mixing, backend);
          return found.length === rounds.length ? largestDifference(found.flat(2), rounds.flat(2)) : -1;
        } finally {
          await backend.close();
        }
      });
      cx.figure(
        `${name}, ${rounds.length} rounds of ${mixing.x0.length} peers without a server, on ${where}`,
        `off by at most ${most.toExponential(1)}`,
        most >= 0 && most <= LIMIT,
      );
    }
  }
};
export default verify;

const largestDifference = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? Math.max(...a.map((value, at) => Math.abs(value - b[at]!))) : -1;

/** Rounds as `averaged` gives them: what each has, divided by its weight where there are weights. */
function readAveraging(folder: string, name: string) {
  const json = <T>(file: string): T => JSON.parse(readFileSync(path.join(folder, name, file), 'utf8')) as T;
  const { W, A, steps } = json<{ W?: number[][][]; A?: number[][][]; steps: number }>('meta.json');
  const result = json<{ x0: number[][]; steps: (number[][] | { x: number[][]; w: number[] })[] }>(
    'result.json',
  );
  const rounds = result.steps.map((step) =>
    'x' in step ? step.x.map((one, peer) => one.map((value) => value / step.w[peer]!)) : step,
  );
  return { mixing: { x0: result.x0, matrices: (W ?? A)!, steps }, rounds };
}

function readRuns(folder: string): FederatedRuns {
  const json = <T>(name: string): T => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as T;
  const numbers = (name: string): number[] => {
    const value = decodeDataValue('tensor', readFileSync(path.join(folder, name)), name);
    if (!isTensor(value)) throw new Error(`${name} is no tensor`);
    return elementsOf(value).map(Number);
  };
  const { clients, parameters } = json<{
    clients: { n: number; x: string; t: string }[];
    parameters: FederatedRuns['parameters'];
  }>('meta.json');
  const algorithm = (name: string) => {
    const { tolerance } = json<{ tolerance: { float32_atol: number } }>(`${name}/meta.json`);
    const { rounds } = json<{ rounds: { params: Record<string, number[]> }[] }>(`${name}/result.json`);
    const flat = rounds.map(({ params }) => parameters.flatMap((one) => params[one.name]!));
    return { tolerance: tolerance.float32_atol, rounds: flat };
  };
  return {
    clients: clients.map(({ n, x, t }) => ({ n, x: Float32Array.from(numbers(x)), t: numbers(t) })),
    parameters,
    algorithms: Object.fromEntries(Object.keys(algorithms).map((name) => [name, algorithm(name)])),
  };
}
