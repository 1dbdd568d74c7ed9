// Operators that few models have, in every form.

import type { Generators } from './elementwise.ts';
import { product, raw, real, type Sketch } from './sketch.ts';

const size = (s: Sketch): number => s.int(1, 3);

export const rarer: Generators = {
  Col2Im: (s) => {
    const axes = s.int(1, 2);
    const block = Array.from({ length: axes }, () => s.int(1, 3));
    const dilations = block.map(() => s.pick([1, 1, 2]));
    const strides = block.map(() => s.int(1, 2));
    const pads = [...block, ...block].map(() => s.int(0, 1));
    const extents = block.map((one, axis) => (one - 1) * dilations[axis]! + 1);
    const image = extents.map((one) => one + s.int(0, 3));
    const count = image.map(
      (one, axis) =>
        Math.floor((one + pads[axis]! + pads[axis + axes]! - extents[axis]!) / strides[axis]!) + 1,
    );
    const x = s.x([size(s), s.int(1, 2) * product(block), product(count)]);
    s.op('Col2Im', [x, s.list(image), s.list(block)], { dilations, strides, pads });
  },
  CenterCropPad: (s) => {
    const dims = s.dims(s.int(1, 3), 1, 5);
    const axes = s.rarely(2) ? [s.axis(dims.length)] : undefined;
    s.op('CenterCropPad', [s.x(dims), s.list((axes ?? dims).map(() => s.int(1, 6)))], { axes });
  },
  TensorScatter: (s) => {
    const [batch, length, width] = [size(s), s.int(2, 4), size(s)];
    const rows = s.int(1, 2);
    const circular = s.rarely(2);
    const at = Array.from({ length: batch }, () => s.int(0, circular ? length - 1 : length - rows));
    const axis = s.pick([undefined, 1, -2]);
    const inputs = [s.x([batch, length, width]), s.x([batch, rows, width]), s.list(at)];
    s.op('TensorScatter', inputs, { mode: circular ? 'circular' : undefined, axis });
  },
  Attention: (s) => {
    const [batch, heads, groups, length, keys, width, out] = [
      size(s),
      s.int(1, 2),
      s.int(1, 2),
      size(s),
      size(s),
      size(s),
      size(s),
    ];
    const flat = s.rarely(2);
    const [own, shared] = [heads * groups, heads];
    const laid = (rows: number, count: number, wide: number): number[] =>
      flat ? [batch, rows, count * wide] : [batch, count, rows, wide];
    const past = s.rarely() ? s.int(1, 2) : 0;
    const all = past + keys;
    const mask = s.pick([
      () => '',
      () => s.x([length, all]),
      () => s.x([batch, 1, length, all]),
      () => {
        // Of each row something is seen.
        const seen = Array.from({ length: length * all }, (_, at) => at % all === 0 || s.rarely(2));
        return s.given('bool', 'bool', [length, all], seen);
      },
    ])();
    const pasts = past > 0 ? [s.x([batch, shared, past, width]), s.x([batch, shared, past, out])] : ['', ''];
    const causal = length <= all && s.rarely() ? 1 : undefined;
    const form = {
      is_causal: causal,
      q_num_heads: flat ? own : undefined,
      kv_num_heads: flat ? shared : undefined,
      scale: s.rarely() ? real(0.3) : undefined,
      softcap: s.rarely() ? real(1.5) : undefined,
    };
    const inputs = [
      s.x(laid(length, own, width)),
      s.x(laid(keys, shared, width)),
      s.x(laid(keys, shared, out)),
      mask,
      ...pasts,
    ];
    const shown = s.rarely();
    const modes = { qk_matmul_output_mode: shown ? s.int(0, 3) : undefined };
    if (s.opset >= 24 && past === 0 && s.rarely()) {
      const lengths = Array.from({ length: batch }, () => s.int(1, keys));
      inputs.push(s.list(lengths));
    }
    while (inputs.at(-1) === '') inputs.pop();
    s.op('Attention', inputs, { ...form, ...modes }, shown ? 4 : past > 0 ? 3 : 1);
  },
  STFT: (s) => {
    const [length, step] = [s.int(2, 5), s.int(1, 3)];
    const parts = s.pick([1, 2]);
    const signal = s.x([size(s), length + s.int(0, 6), parts]);
    const window = s.rarely(2) ? s.x([length]) : '';
    s.op('STFT', [signal, s.scalar(step), window, s.scalar(length)], {
      onesided: parts === 2 || s.rarely(2) ? 0 : undefined,
    });
  },
  SplitToSequence: (s) => {
    const dims = s.dims(s.int(1, 2), 2, 5);
    const axis = s.axis(dims.length);
    const total = dims.at(axis)!;
    const split = s.pick([() => [], () => [s.scalar(2)], () => [s.list([1, total - 1])]])();
    const [parts] = s.line('SplitToSequence', [s.x(dims), ...split], {
      axis,
      keepdims: split.length > 0 ? undefined : s.pick([0, 1]),
    });
    const [more] = s.line('SequenceInsert', [
      parts!,
      s.x([2]),
      ...(s.rarely(2) ? [] : [s.scalar(s.pick([0, -1]))]),
    ]);
    const [fewer] = s.line('SequenceErase', [more!, ...(s.rarely(2) ? [] : [s.scalar(0)])]);
    s.op('SequenceAt', [fewer!, s.scalar(s.pick([0, -1]))]);
  },
  SequenceMap: (s) => {
    const parts = Array.from({ length: size(s) }, () => [size(s), 2]);
    const list = (): string =>
      s.line(
        'SequenceConstruct',
        parts.map((dims) => s.x(dims)),
      )[0]!;
    const [first, second, w] = [list(), s.rarely(2) ? list() : s.x([2]), s.x([2])];
    const body = `m (double[M, 2] a, double[N] c) => (double[M, 2] p, double[M, 2] q) { p = Mul (a, ${w}) r = Mul (p, c) q = Sin (r) }`;
    const [p, q] = s.line('SequenceMap', [first, second], { body: raw(body) }, 2);
    s.op('SequenceAt', [p!, s.scalar(s.pick([0, -1]))]);
    // Or what a loop with as many steps collects.
    if (s.rarely(2)) s.op('ConcatFromSequence', [q!], { axis: 0 });
    else {
      const steps = `l (int64 i, bool c, seq(double[K, 2]) h, double[2] k) => (bool go, seq(double[K, 2]) n, double[2] m, double[2] z) {
        go = Identity (c) part = SequenceAt (${q}, i) n = SequenceInsert (h, part) axis = Constant <value = int64[1] {0}> () sum = ReduceSum <keepdims = 0> (part, axis) m = Mul (k, sum) z = Sin (m) }`;
      const [all, , rows] = s.line(
        'Loop',
        [s.scalar(parts.length), '', first, s.x([2])],
        { body: raw(steps) },
        3,
      );
      s.made.push(rows!);
      s.op('ConcatFromSequence', [all!], { axis: 0 });
    }
  },
  OptionalGetElement: (s) => {
    const [held] = s.line('Optional', [s.x(s.dims())]);
    s.op('OptionalGetElement', [held!]);
  },
  Range: (s) => {
    const end = s.line('Add', [s.x([], 'unit'), s.number(7)])[0]!;
    s.op('Range', [s.x([], 'unit'), end, s.x([], 'aboveOne')]);
  },
  CumProd: (s) => {
    // A loop of no steps does not know the sizes of what it would give.
    const dims = s.dims(s.int(1, 3), 1, 4).map((one) => Math.max(1, one));
    const form = { exclusive: s.pick([undefined, 1]), reverse: s.pick([undefined, 1]) };
    const x = s.rarely() ? s.line('Relu', [s.x(dims)])[0]! : s.x(dims);
    const axis = s.axis(dims.length);
    s.op('CumProd', [x, s.line('Constant', [], { value: raw(`int64 {${axis}}`) })[0]!], form);
  },
  Det: (s) => {
    const n = s.int(1, 4);
    s.op('Det', [s.x([...s.dims(s.int(0, 2)), n, n])]);
  },
  GlobalLpPool: (s) => {
    s.op('GlobalLpPool', [s.x([size(s), size(s), ...s.dims(s.int(1, 2), 2)])], {
      p: s.pick([undefined, 1, 3]),
    });
  },
  MeanVarianceNormalization: (s) => {
    const axes = s.pick([undefined, [0, 2, 3], [1], [0, 1]]);
    s.op('MeanVarianceNormalization', [s.x([2, size(s), 2, s.int(2, 3)])], { axes });
  },
};
