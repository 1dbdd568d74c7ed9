// Recurrent layers, control flow and samplings, in every form.

import type { Generators } from './elementwise.ts';
import { raw, real, type Sketch } from './sketch.ts';

const typed = (dims: readonly number[]): string => (dims.length === 0 ? 'double' : `double[${dims}]`);
const gates = { RNN: 1, GRU: 3, LSTM: 4 };

const usual = { RNN: 1, GRU: 2, LSTM: 3 };
/** Functions of gates, with the factors that they take. */
const functions: Readonly<Record<string, readonly ('alpha' | 'beta')[]>> = {
  Tanh: [],
  Sigmoid: [],
  Relu: [],
  Softsign: [],
  Softplus: [],
  Elu: ['alpha'],
  LeakyRelu: ['alpha'],
  ThresholdedRelu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  Affine: ['alpha', 'beta'],
  ScaledTanh: ['alpha', 'beta'],
};
function activations(s: Sketch, count: number) {
  const names = Array.from({ length: count }, () => s.pick(Object.keys(functions)));
  const list = (factor: 'alpha' | 'beta'): string[] =>
    names.filter((name) => functions[name]!.includes(factor)).map(() => (s.int(2, 9) / 10).toFixed(1));
  const [alphas, betas] = [list('alpha'), list('beta')];
  return {
    activations: raw(`["${names.join('", "')}"]`),
    activation_alpha: alphas.length === 0 ? undefined : raw(`[${alphas.join(', ')}]`),
    activation_beta: betas.length === 0 ? undefined : raw(`[${betas.join(', ')}]`),
  };
}

const recurrent = (type: 'RNN' | 'GRU' | 'LSTM') => (s: Sketch) => {
  const [steps, batch, input, hidden] = [s.int(1, 3), s.int(1, 2), s.int(1, 2), s.int(1, 2)];
  const direction = s.pick([undefined, 'forward', 'reverse', 'bidirectional']);
  const count = direction === 'bidirectional' ? 2 : 1;
  const layout = s.rarely() ? 1 : undefined;
  const turned = (dims: readonly number[]): readonly number[] =>
    layout ? [dims[1]!, dims[0]!, ...dims.slice(2)] : dims;
  const all = gates[type] * hidden;
  const maybe = (make: () => string): string => (s.rarely(2) ? make() : '');
  const inputs = [
    s.x(turned([steps, batch, input])),
    s.x([count, all, input]),
    s.x([count, all, hidden]),
    maybe(() => s.x([count, 2 * all])),
    maybe(() =>
      s.given(
        'int32',
        'int32',
        [batch],
        Array.from({ length: batch }, () => s.int(1, steps)),
      ),
    ),
    maybe(() => s.x(turned([count, batch, hidden]))),
    ...(type === 'LSTM'
      ? [maybe(() => s.x(turned([count, batch, hidden]))), maybe(() => s.x([count, 3 * hidden]))]
      : []),
  ];
  const form = {
    hidden_size: hidden,
    direction,
    layout,
    linear_before_reset: type === 'GRU' && s.rarely(2) ? 1 : undefined,
    input_forget: type === 'LSTM' && s.rarely() ? 1 : undefined,
    clip: s.rarely() ? real(0.7) : undefined,
    ...(s.rarely(2) && activations(s, count * usual[type])),
  };
  s.op(type, inputs, form, type === 'LSTM' ? 3 : 2);
};

/** A loop with two states and a branch in it, of which one reads its own iteration. */
function nested(s: Sketch, dims: readonly number[], start: string, w: string): void {
  const type = typed(dims);
  const body = `l (int64 i, bool c, ${type} h, ${type} k) => (bool go, ${type} n, ${type} m, ${type} z) {
      go = Identity (c) two = Constant <value = int64 {2}> () part = Mod (i, two) zero = Constant <value = int64 {0}> () even = Equal (part, zero)
      t = If <then_branch = t () => (${type} p) { q = Mul (h, ${w}) p = Add (q, k) }, else_branch = e () => (${type} r) { r = Sin (k) }> (even)
      n = Tanh (t) m = Mul (h, t) f = CastLike (i, h) z = Mul (m, f) }`;
  s.op('Loop', [s.scalar(s.int(0, 3)), '', start, s.x(dims)], { body: raw(body) }, 3);
}

export const iterated: Generators = {
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
  If: (s) => {
    const dims = s.dims();
    if (s.rarely()) {
      // Results of different shapes, one of which only one branch computes with.
      const [a, b] = [s.x([2]), s.x([3])];
      const then = raw(`t () => (double[N] p, double[2] u) { p = Sin (${a}) u = Identity (${a}) }`);
      const otherwise = raw(`e () => (double[M] r, double[2] v) { r = Tanh (${b}) v = Mul (${a}, ${a}) }`);
      s.op('If', [s.mask([])], { then_branch: then, else_branch: otherwise }, 2);
      return;
    }
    const [a, b] = [s.x(dims), s.x(dims)];
    const then = raw(`t () => (${typed(dims)} p) { q = Sin (${a}) p = Mul (q, ${b}) }`);
    const otherwise = raw(`e () => (${typed(dims)} r) { r = Tanh (${b}) }`);
    s.op('If', [s.mask([])], { then_branch: then, else_branch: otherwise });
  },
  Loop: (s) => {
    const dims = s.dims();
    const [start, w] = [s.x(dims), s.x(dims)];
    if (s.rarely()) return nested(s, dims, start, w);
    const ends = s.rarely(2);
    const body = `l (int64 i, bool c, ${typed(dims)} h) => (bool go, ${typed(dims)} n, ${typed(dims)} z) {
      t = Mul (h, ${w}) n = Sin (t) z = Mul (t, t)
      ${ends ? `limit = Constant <value = int64 {${s.int(0, 3)}}> () go = Less (i, limit)` : 'go = Identity (c)'} }`;
    s.op('Loop', [s.scalar(s.int(0, 4)), '', start], { body: raw(body) }, 2);
  },
  Scan: (s) => {
    const row = s.dims(s.int(0, 2));
    const [steps, axis, into] = [s.int(1, 4), s.int(0, row.length), s.int(0, row.length)];
    const xs = [...row.slice(0, axis), steps, ...row.slice(axis)];
    const [first, w] = [s.x(row), s.x(row)];
    const body = `b (${typed(row)} h, ${typed(row)} x) => (${typed(row)} n, ${typed(row)} z) { a = Add (h, x) m = Mul (a, ${w}) n = Tanh (m) z = Mul (n, x) }`;
    const flag = (): readonly number[] | undefined => s.pick([undefined, [0], [1]]);
    const form = {
      scan_input_axes: s.rarely() && axis === 0 ? undefined : [axis],
      scan_output_axes: [into],
      scan_input_directions: flag(),
      scan_output_directions: flag(),
    };
    s.op('Scan', [first, s.x(xs)], { body: raw(body), num_scan_inputs: 1, ...form }, 2);
  },
  Resize: (s) => {
    const axesCount = s.pick([2, 2, 1, 3]);
    const dims = [1, s.int(1, 2), ...Array.from({ length: axesCount }, () => s.int(2, 5))];
    const spatial = dims.slice(2).map((_, axis) => axis + 2);
    const mode = s.pick([undefined, 'nearest', 'linear', ...(axesCount < 3 ? ['cubic'] : [])]);
    const coordinate = s.pick([
      undefined,
      'half_pixel',
      ...(s.opset >= 19 ? ['half_pixel_symmetric'] : []),
      'pytorch_half_pixel',
      'align_corners',
      'asymmetric',
      'tf_crop_and_resize',
    ]);
    const crops = coordinate === 'tf_crop_and_resize';
    const smooth = mode !== undefined && mode !== 'nearest';
    const axes = s.rarely()
      ? s.rarely(2)
        ? [2, ...spatial.slice(1).map((one) => one - dims.length)]
        : spatial
      : undefined;
    const policy =
      axes !== undefined && !crops ? s.pick([undefined, 'not_larger', 'not_smaller']) : undefined;
    const form = {
      mode,
      coordinate_transformation_mode: coordinate,
      nearest_mode: s.pick([undefined, 'round_prefer_ceil', 'floor', 'ceil']),
      antialias: smooth && !crops && s.rarely() ? 1 : undefined,
      exclude_outside: mode === 'cubic' && s.rarely() ? 1 : undefined,
      cubic_coeff_a: s.pick([undefined, real(-0.5)]),
      extrapolation_value: crops ? s.pick([undefined, real(0.5)]) : undefined,
    };
    const sized = policy !== undefined || s.rarely(2);
    const sizes = spatial.map(() => s.int(1, 7));
    const scales = spatial.map(() => s.pick([0.5, 0.6, 0.75, 1, 1.3, 1.5, 2]));
    const floats = (values: readonly number[]): string =>
      s.line('Constant', [], { value: raw(`float[${values.length}] {${values.join(', ')}}`) })[0]!;
    const region = (): string => {
      const count = axes === undefined ? dims.length : axes.length;
      const still = axes === undefined ? 2 : 0;
      const [low, high] = [s.pick([0, 0.1, -0.2]), s.pick([1, 0.9, 1.3])];
      const row = (value: number, rest: number): number[] =>
        Array.from({ length: count }, (_, at) => (at < still ? rest : value));
      return floats([...row(low, 0), ...row(high, 1)]);
    };
    const roi = crops ? region() : '';
    const inputs = sized
      ? [roi, '', s.list(axes ? sizes : [...dims.slice(0, 2), ...sizes])]
      : [roi, floats(axes ? scales : [1, 1, ...scales])];
    s.op('Resize', [s.x(dims), ...inputs], { ...form, axes, keep_aspect_ratio_policy: policy });
  },
  AffineGrid: (s) => {
    const axes = s.int(2, 3);
    const sizes = [s.int(1, 2), s.int(1, 2), ...Array.from({ length: axes }, () => s.int(1, 4))];
    s.op('AffineGrid', [s.x([sizes[0]!, axes, axes + 1]), s.list(sizes)], {
      align_corners: s.pick([undefined, 1]),
    });
  },
  DFT: (s) => {
    const dims = s.dims(s.int(2, 3), 2).map((size) => Math.max(size, 1));
    const part = s.pick([1, 2]);
    const whole = [...dims, part];
    const axis = s.int(0, dims.length - 1);
    const inverse = s.rarely() ? 1 : undefined;
    // Half a spectrum backwards came with opset 20.
    const half = inverse === undefined ? part === 1 : part === 2 && s.opset >= 20 && dims[axis]! > 1;
    const onesided = half && s.rarely(2) ? 1 : undefined;
    const length = s.rarely(2) ? s.scalar(s.int(2, 6)) : '';
    if (s.opset >= 20)
      s.op(
        'DFT',
        [
          s.x(whole),
          length,
          ...(s.rarely() && dims.length > 1 ? [] : [s.scalar(s.pick([axis, axis - whole.length]))]),
        ],
        { inverse, onesided },
      );
    else s.op('DFT', [s.x(whole), ...(length === '' ? [] : [length])], { axis, inverse, onesided });
  },
};
