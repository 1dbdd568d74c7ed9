// Products, convolutions, pools, normalisations, losses, samplings: in every form.

import type { Generators } from './elementwise.ts';
import { product, real, type Sketch } from './sketch.ts';

const some = (s: Sketch, from = 1, to = 3): number => s.int(from, to);

/** Size, kernel, strides, dilations and pads of the windows of a convolution or a pool. */
function window(s: Sketch, axes = s.pick([1, 2, 2, 3])) {
  const kernel = Array.from({ length: axes }, () => some(s));
  const dilations = kernel.map(() => (s.rarely() ? 2 : 1));
  const extents = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  const strides = kernel.map(() => some(s));
  const auto_pad = s.rarely() ? s.pick(['VALID', 'SAME_UPPER', 'SAME_LOWER', 'NOTSET']) : undefined;
  const pads = [...kernel, ...kernel].map((size) => s.int(0, size - 1));
  const sizes = extents.map((extent) => extent + s.int(0, 3));
  return {
    kernel,
    sizes,
    form: {
      kernel_shape: kernel,
      auto_pad,
      pads: auto_pad === undefined && !s.rarely() ? pads : undefined,
      strides: s.rarely() ? undefined : strides,
      dilations: dilations.every((one) => one === 1) ? undefined : dilations,
    },
  };
}
const ceil = (s: Sketch) => ({ ceil_mode: s.rarely() ? 1 : undefined });

function normalized(s: Sketch, rank = s.int(2, 4)): number[] {
  return [some(s), some(s), ...Array.from({ length: rank - 2 }, () => some(s, 2))];
}
const epsilon = (s: Sketch) => ({ epsilon: s.pick([undefined, real(0.125)]) });

function einsum(s: Sketch): void {
  const sizes: Record<string, number> = { i: some(s), j: some(s), k: some(s), b: some(s), c: some(s) };
  const equation = s.pick([
    'ij,jk->ik',
    'ij,jk',
    'ij->ji',
    'ii->i',
    'ii',
    'ij->',
    'ij->i',
    'i,j->ij',
    'bij,bjk->bik',
    'ij,ij,ij->j',
    'ijk,kj->i',
    'iij->ij',
    '...ij,...jk->...ik',
    '...i->...',
    'bij,kj->bik',
    'ij,j',
    'iji->j',
    '...ij->...ji',
    'i...,i...->...',
    '...,...->...',
    '...i->i',
    'i...j,j->ij',
    '...ii->...i',
    'i...i,...->...',
    'bi...i->b...',
    '...ij,jk',
    'i...->',
  ]);
  const batch = s.dims(s.int(0, 2), 2);
  const operands = equation
    .split('->')[0]!
    .split(',')
    .map((letters) => {
      const parts = letters.match(/\.\.\.|[a-z]/g) ?? [];
      // What has no letter is broadcast.
      const own = s.rarely(4)
        ? batch.slice(s.int(0, batch.length)).map((one) => (s.rarely(2) ? 1 : one))
        : batch;
      return s.x(parts.flatMap((one) => (one === '...' ? own : [sizes[one]!])));
    });
  s.op('Einsum', operands, { equation });
}

function labels(s: Sketch, loss: 'NegativeLogLikelihoodLoss' | 'SoftmaxCrossEntropyLoss'): void {
  const dims = normalized(s, s.int(2, 4));
  const rest = [dims[0]!, ...dims.slice(2)];
  const ignored = s.rarely(2) ? s.pick([-1, 0]) : undefined;
  const classes = dims[1]!;
  const given = Array.from({ length: product(rest) }, () =>
    ignored !== undefined && s.rarely(4) ? ignored : s.int(0, classes - 1),
  );
  // A mean of nothing has no gradient.
  given[0] = classes - 1;
  if (ignored === 0 && classes === 1) return labels(s, loss);
  const weights = s.rarely(2) ? [s.line('Abs', [s.input([classes])])[0]!] : [];
  const form = { reduction: s.pick([undefined, 'mean', 'sum', 'none']), ignore_index: ignored };
  const both = loss === 'SoftmaxCrossEntropyLoss' && s.rarely(2);
  s.op(loss, [s.x(dims), s.indices(rest, given), ...weights], form, both ? 2 : 1);
}

export const products: Generators = {
  Gemm: (s) => {
    const [m, k, n] = [some(s), some(s), some(s)];
    const [transA, transB] = [s.rarely(2), s.rarely(2)];
    const c = s.pick([[], [n], [1, n], [m, 1], [m, n], [1], undefined]);
    const form = {
      transA: transA || undefined,
      transB: transB || undefined,
      alpha: s.pick([undefined, real(0.5)]),
      beta: s.pick([undefined, real(1.5)]),
    };
    s.op(
      'Gemm',
      [s.x(transA ? [k, m] : [m, k]), s.x(transB ? [n, k] : [k, n]), ...(c ? [s.x(c)] : [])],
      form,
    );
  },
  MatMul: (s) => {
    const [m, k, n] = [s.dims(1)[0]!, s.dims(1)[0]!, s.dims(1)[0]!];
    const batch = s.dims(s.int(0, 2), 1, 3);
    const side = (matrix: number[], vector: number[]): number[] => {
      if (s.rarely(5)) return vector;
      return [
        ...batch.slice(s.rarely() ? s.int(0, batch.length) : 0).map((size) => (s.rarely() ? 1 : size)),
        ...matrix,
      ];
    };
    s.op('MatMul', [s.x(side([m, k], [k])), s.x(side([k, n], [k]))]);
  },
  Einsum: einsum,
  Conv: (s) => {
    const { kernel, sizes, form } = window(s);
    const group = some(s, 1, 2);
    const [inner, outer] = [some(s, 1, 2), group * some(s, 1, 2)];
    const bias = s.rarely(2) ? [s.x([outer])] : [];
    const given = {
      ...form,
      kernel_shape: s.rarely(2) ? undefined : kernel,
      group: group === 1 ? undefined : group,
    };
    s.op(
      'Conv',
      [s.x([some(s, 1, 2), inner * group, ...sizes]), s.x([outer, inner, ...kernel]), ...bias],
      given,
    );
  },
  ConvTranspose: (s) => {
    const { kernel, form } = window(s);
    const group = some(s, 1, 2);
    const [inner, outer] = [group * some(s, 1, 2), some(s, 1, 2)];
    const sizes = kernel.map(() => some(s, 2, 4));
    const bias = s.rarely(2) ? [s.x([outer * group])] : [];
    const steps = kernel.map((_, axis) => Math.max(form.strides?.[axis] ?? 1, form.dilations?.[axis] ?? 1));
    const padding = s.rarely() ? steps.map((one) => s.int(0, one - 1)) : undefined;
    // The size may be said instead; with SAME, what of the padding is left over comes first or last.
    const reach = kernel.map((size, axis) => (size - 1) * (form.dilations?.[axis] ?? 1) + 1);
    const full = sizes.map(
      (size, axis) => (form.strides?.[axis] ?? 1) * (size - 1) + reach[axis]! + (padding?.[axis] ?? 0),
    );
    const asked = s.rarely(4) ? full.map((size) => Math.max(1, size - s.int(0, 2))) : undefined;
    const given = {
      ...form,
      output_shape: asked,
      pads: asked !== undefined ? undefined : s.rarely(2) ? form.pads?.map(() => 0) : form.pads,
      output_padding: padding,
      group: group === 1 ? undefined : group,
    };
    s.op(
      'ConvTranspose',
      [s.x([some(s, 1, 2), inner, ...sizes]), s.x([inner, outer, ...kernel]), ...bias],
      given,
    );
  },
  AveragePool: (s) => {
    const { sizes, form } = window(s);
    const dilations = s.opset >= 19 ? form.dilations : undefined;
    s.op('AveragePool', [s.x([some(s, 1, 2), some(s, 1, 2), ...sizes])], {
      ...form,
      dilations,
      ...ceil(s),
      count_include_pad: s.pick([undefined, 1]),
    });
  },
  LpPool: (s) => {
    const { sizes, form } = window(s);
    s.op('LpPool', [s.x([some(s, 1, 2), some(s, 1, 2), ...sizes])], {
      ...form,
      ...ceil(s),
      p: s.pick([undefined, 1, 2, 3]),
    });
  },
  MaxPool: (s) => {
    const { sizes, form } = window(s);
    const [count, order] = [s.int(1, 2), s.pick([undefined, 0, 1])];
    s.op(
      'MaxPool',
      [s.x([some(s, 1, 2), some(s, 1, 2), ...sizes])],
      { ...form, ...ceil(s), storage_order: order },
      count,
      count - 1,
    );
  },
  MaxUnpool: (s) => {
    const axes = s.int(1, 2);
    const steps = Array.from({ length: axes }, () => some(s, 1, 2));
    const pads = s.rarely() ? [...steps, ...steps].map((one) => s.int(0, one - 1)) : undefined;
    const sizes = steps.map(
      (one, axis) => one * some(s) + one - (pads?.[axis] ?? 0) - (pads?.[axis + axes] ?? 0),
    );
    const form = { kernel_shape: steps, strides: steps, pads };
    const [pooled, places] = s.line('MaxPool', [s.input([1, 2, ...sizes])], form, 2);
    // As many as were pooled.
    const values = s.line('Mul', [s.line('Sin', [pooled!])[0]!, s.x([])])[0]!;
    const whole = s.rarely(2) ? [s.list([1, 2, ...sizes])] : [];
    s.op('MaxUnpool', [values, places!, ...whole], form);
  },
  BatchNormalization: (s) => {
    const dims = normalized(s);
    const channels = [dims[1]!];
    const training = s.rarely(2);
    const inputs = [s.x(dims), s.x(channels), s.x(channels), s.x(channels), s.x(channels, 'positive')];
    s.op(
      'BatchNormalization',
      inputs,
      { ...epsilon(s), training_mode: training || undefined, momentum: s.pick([undefined, real(0.75)]) },
      training && s.rarely(2) ? 3 : 1,
    );
  },
  LayerNormalization: (s) => {
    const dims = normalized(s);
    const axis = s.axis(dims.length);
    const own = dims.slice(axis);
    const bias = s.rarely(2) ? [s.x(own)] : [];
    s.op(
      'LayerNormalization',
      [s.x(dims), s.x(own), ...bias],
      { axis: axis === -1 ? undefined : axis, stash_type: 11, ...epsilon(s) },
      s.rarely() ? 3 : 1,
    );
  },
  RMSNormalization: (s) => {
    const dims = normalized(s);
    const axis = s.axis(dims.length);
    s.op('RMSNormalization', [s.x(dims), s.x(dims.slice(axis))], {
      axis: axis === -1 ? undefined : axis,
      stash_type: 11,
      ...epsilon(s),
    });
  },
  InstanceNormalization: (s) => {
    const dims = normalized(s, s.int(3, 4));
    s.op('InstanceNormalization', [s.x(dims), s.x([dims[1]!]), s.x([dims[1]!])], epsilon(s));
  },
  GroupNormalization: (s) => {
    const groups = some(s, 1, 2);
    const dims = [some(s), groups * some(s, 1, 2), ...s.dims(s.int(1, 2), 2)];
    const scale = s.opset >= 21 ? dims[1]! : groups;
    s.op('GroupNormalization', [s.x(dims), s.x([scale]), s.x([scale])], {
      num_groups: groups,
      ...(s.opset >= 21 && { stash_type: 11 }),
      ...epsilon(s),
    });
  },
  LRN: (s) =>
    void s.op('LRN', [s.x(normalized(s, 4))], {
      size: some(s, 1, 4),
      alpha: s.pick([undefined, real(0.5)]),
      beta: s.pick([undefined, real(0.5)]),
      bias: s.pick([undefined, real(1.5)]),
    }),
  NegativeLogLikelihoodLoss: (s) => labels(s, 'NegativeLogLikelihoodLoss'),
  SoftmaxCrossEntropyLoss: (s) => labels(s, 'SoftmaxCrossEntropyLoss'),
};
