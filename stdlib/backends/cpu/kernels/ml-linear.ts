// Linear models and support vector machines of ai.onnx.ml, in float64.

import { Invalid, kernels, type OpContext } from '../kernel.ts';
import { rounded } from '../loops/floats.ts';
import { sigmoid } from '../loops/special.ts';
import type { NdArray } from '../value.ts';
import { labelled, labelsOf, largest, postTransform, samplesOf, scoreType } from './ml-scores.ts';

type Row = ArrayLike<number>;

function dot(a: Row, b: Row, at = 0): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n]! * (b[at + n] ?? 0);
  return sum;
}

/** Weighted sums of the features, one per row of coefficients. */
function linear(op: OpContext, sample: Float64Array): number[] {
  const coefficients = op.floats('coefficients') ?? [];
  const intercepts = op.floats('intercepts') ?? [];
  const rows = Math.floor(coefficients.length / Math.max(1, sample.length));
  return Array.from(
    { length: rows },
    (_, row) => dot(sample, coefficients, row * sample.length) + (intercepts[row] ?? 0),
  );
}

function linearClassifier(op: OpContext, x: NdArray): readonly NdArray[] {
  const labels = labelsOf(op, 'classlabels_ints');
  const transform = op.string('post_transform', 'NONE');
  const scores = samplesOf(x).map((sample) => {
    const own = linear(op, sample);
    return postTransform(own.length === 1 && labels.length === 2 ? [-own[0]!, own[0]!] : own, transform);
  });
  const threshold = transform === 'NONE' ? 0 : 0.5;
  const which = scores.map((own) => (own.length > 1 ? largest(own) : own[0]! >= threshold ? 0 : undefined));
  const dims = [scores.length, scores[0]?.length ?? 0];
  return [labelled(labels, which), rounded('float32', dims, scores.flat())];
}

function linearRegressor(op: OpContext, x: NdArray): NdArray {
  const transform = op.string('post_transform', 'NONE');
  const scores = samplesOf(x).map((sample) => postTransform(linear(op, sample), transform));
  return rounded('float32', [scores.length, op.int('targets', 1)], scores.flat());
}

/** What two vectors have in common. */
function kernelOf(op: OpContext, type: string): (a: Row, b: Row, at: number) => number {
  const [gamma = 0, coef0 = 0, degree = 0] = op.floats('kernel_params') ?? [];
  switch (type) {
    case 'LINEAR':
      return dot;
    case 'POLY':
      return (a, b, at) => (gamma * dot(a, b, at) + coef0) ** degree;
    case 'SIGMOID':
      return (a, b, at) => Math.tanh(gamma * dot(a, b, at) + coef0);
    case 'RBF':
      return (a, b, at) => {
        let sum = 0;
        for (let n = 0; n < a.length; n++) sum += (a[n]! - b[at + n]!) ** 2;
        return Math.exp(-gamma * sum);
      };
    default:
      throw new Invalid(`no kernel is called ${type}`);
  }
}

function svmRegressor(op: OpContext, x: NdArray): NdArray {
  const supports = op.int('n_supports', 0);
  const [vectors, coefficients] = [op.floats('support_vectors') ?? [], op.floats('coefficients') ?? []];
  const similar = kernelOf(op, supports > 0 ? op.string('kernel_type', 'LINEAR') : 'LINEAR');
  const shift = op.floats('rho')?.[0] ?? 0;
  const oneClass = op.int('one_class', 0) === 1;
  const scores = samplesOf(x).map((sample) => {
    let sum = shift;
    if (supports === 0) sum += similar(sample, coefficients, 0);
    for (let n = 0; n < supports; n++) sum += coefficients[n]! * similar(sample, vectors, n * sample.length);
    const score = oneClass ? (sum > 0 ? 1 : -1) : sum;
    return postTransform([score], op.string('post_transform', 'NONE'))[0]!;
  });
  return rounded('float32', [scores.length, 1], scores);
}

interface Machine {
  readonly op: OpContext;
  readonly classes: number;
  /** Support vectors of each class. */
  readonly counts: readonly number[];
  readonly rho: readonly number[];
  readonly coefficients: readonly number[];
}

/** Each pair of classes has a score, and votes for one of them. */
function duel({ op, classes, counts, rho, coefficients }: Machine, sample: Float64Array) {
  const vectors = op.floats('support_vectors') ?? [];
  const total = counts.reduce((a, b) => a + b, 0);
  const starts = counts.map((_, at) => counts.slice(0, at).reduce((a, b) => a + b, 0));
  const similar = kernelOf(op, op.string('kernel_type', 'LINEAR'));
  const likeness = Float64Array.from({ length: total }, (_, n) =>
    similar(sample, vectors, n * sample.length),
  );
  const part = (row: number, of: number): number => {
    const own = likeness.subarray(starts[of], starts[of]! + counts[of]!);
    return dot(own, coefficients, row * total + starts[of]!);
  };
  const votes = new Array<number>(classes).fill(0);
  const scores: number[] = [];
  for (let i = 0; i < classes; i++) {
    for (let j = i + 1; j < classes; j++) {
      const score = rho[scores.length]! + part(j - 1, i) + part(i, j);
      votes[score > 0 ? i : j]!++;
      scores.push(score);
    }
  }
  return { votes, scores };
}

/** Probabilities of classes from those of pairs, by Wu, Lin and Weng's second method. */
function coupled(pairs: readonly (readonly number[])[]): number[] {
  const k = pairs.length;
  const q = pairs.map((row, t) =>
    row.map((_, j) =>
      j === t
        ? pairs.reduce((sum, other, i) => (i === t ? sum : sum + other[t]! ** 2), 0)
        : -pairs[j]![t]! * pairs[t]![j]!,
    ),
  );
  let p = new Array<number>(k).fill(1 / k);
  for (let round = 0; round < Math.max(100, k); round++) {
    let qp = q.map((row) => dot(row, p));
    let pqp = dot(p, qp);
    if (qp.every((one) => Math.abs(one - pqp) < 0.005 / k)) break;
    for (let t = 0; t < k; t++) {
      const step = (pqp - qp[t]!) / q[t]![t]!;
      const scale = 1 + step;
      p[t]! += step;
      pqp = (pqp + step * (step * q[t]![t]! + 2 * qp[t]!)) / scale ** 2;
      p = p.map((one) => one / scale);
      qp = qp.map((one, at) => (one + step * q[t]![at]!) / scale);
    }
  }
  return p;
}

function probabilities({ op, classes }: Machine, scores: readonly number[]): number[] {
  const [a, b] = [op.floats('prob_a') ?? [], op.floats('prob_b') ?? []];
  const pairs = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let at = 0;
  for (let i = 0; i < classes; i++) {
    for (let j = i + 1; j < classes; j++, at++) {
      const own = 1 - sigmoid(scores[at]! * a[at]! + b[at]!);
      pairs[i]![j] = Math.min(1 - 1e-7, Math.max(1e-7, own));
      pairs[j]![i] = 1 - pairs[i]![j]!;
    }
  }
  return coupled(pairs);
}

function svmClassifier(op: OpContext, x: NdArray): readonly NdArray[] {
  const labels = labelsOf(op, 'classlabels_ints');
  const machine: Machine = {
    op,
    classes: Math.max(labels.length, 1),
    counts: op.ints('vectors_per_class', []),
    rho: op.floats('rho') ?? [],
    coefficients: op.floats('coefficients') ?? [],
  };
  const pairwise = machine.counts.some((one) => one > 0);
  const probable = pairwise && (op.floats('prob_a')?.length ?? 0) > 0;
  const transform = op.string('post_transform', 'NONE');
  const which: (number | undefined)[] = [];
  const rows = samplesOf(x).map((sample) => {
    const duels = pairwise ? duel(machine, sample) : undefined;
    const plain =
      duels?.scores ??
      Array.from(
        { length: machine.classes },
        (_, row) => machine.rho[0]! + dot(sample, machine.coefficients, row * sample.length),
      );
    const scores = probable ? probabilities(machine, plain) : plain;
    which.push(chosen(machine, labels.length, duels?.votes ?? scores, probable));
    if (scores.length !== 1) return postTransform(scores, transform);
    if (transform === 'PROBIT') return postTransform(scores, transform);
    return postTransform([-scores[0]!, scores[0]!], transform);
  });
  return [labelled(labels, which), rounded(scoreType(x), [rows.length, rows[0]?.length ?? 0], rows.flat())];
}

function chosen(
  machine: Machine,
  labels: number,
  weights: readonly number[],
  probable: boolean,
): number | undefined {
  const best = largest(weights);
  if (machine.rho.length !== 1) return best;
  if (labels !== 2) return weights[best]! > 0 ? 0 : undefined;
  const positive = machine.coefficients.every((one) => one >= 0);
  return !probable && positive && weights[best]! >= 0.5 ? 1 : best;
}

export const linearModels = kernels('ai.onnx.ml', {
  LinearClassifier: linearClassifier,
  LinearRegressor: linearRegressor,
  SVMClassifier: svmClassifier,
  SVMRegressor: svmRegressor,
});
