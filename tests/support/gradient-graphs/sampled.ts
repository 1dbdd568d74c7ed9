// Operators that read between elements or over regions, and those that carry a state from call to call.

import type { Generators } from './elementwise.ts';
import { product, real, type Sketch } from './sketch.ts';

const size = (s: Sketch, to = 3): number => s.int(1, to);

/** Regions [left, top, right, bottom] of an image of this size, as numbers that count. */
function regions(s: Sketch, count: number, height: number, width: number): number[][] {
  return Array.from({ length: count }, () => {
    const [left, top] = [s.draw.real() * 0.4 * width, s.draw.real() * 0.4 * height];
    return [
      left,
      top,
      left + (2.1 + s.draw.real()) * width * 0.4,
      top + (2.1 + s.draw.real()) * height * 0.4,
    ];
  });
}

export const sampled: Generators = {
  GridSample: (s) => {
    const axes = s.opset >= 20 ? s.pick([2, 2, 3, 1]) : 2;
    const [batch, sizes] = [size(s, 2), Array.from({ length: axes }, () => size(s, 4))];
    const places = Array.from({ length: axes }, () => size(s));
    const modes = s.opset >= 20 ? ['nearest', 'linear', 'cubic'] : ['nearest', 'bilinear', 'bicubic'];
    s.op('GridSample', [s.x([batch, size(s, 2), ...sizes]), s.x([batch, ...places, axes])], {
      mode: s.pick([undefined, ...(axes === 3 ? modes.slice(0, 2) : modes)]),
      padding_mode: s.pick([undefined, 'zeros', 'border', 'reflection']),
      align_corners: s.pick([undefined, 0, 1]),
    });
  },
  DeformConv: (s) => {
    const [group, shifted] = [s.int(1, 2), s.int(1, 2)];
    const channels = 2 * size(s, 2);
    const filters = group * size(s, 2);
    const kernel = [size(s), size(s)];
    const dilations = kernel.map(() => s.pick([1, 1, 2]));
    const strides = kernel.map(() => size(s, 2));
    const pads = [...kernel, ...kernel].map(() => s.int(0, 1));
    const sizes = kernel.map((one, axis) => (one - 1) * dilations[axis]! + 1 + s.int(0, 3));
    const outer = sizes.map((one, axis) => {
      const room = one + pads[axis]! + pads[axis + 2]! - (kernel[axis]! - 1) * dilations[axis]! - 1;
      return Math.floor(room / strides[axis]!) + 1;
    });
    const batch = size(s, 2);
    const inputs = [
      s.x([batch, channels, ...sizes]),
      s.x([filters, channels / group, ...kernel]),
      s.x([batch, shifted * product(kernel) * 2, ...outer]),
      s.rarely(2) ? s.x([filters]) : '',
      s.rarely(2) ? s.x([batch, shifted * product(kernel), ...outer]) : '',
    ];
    s.op('DeformConv', inputs, { group, offset_group: shifted, dilations, strides, pads });
  },
  RoiAlign: (s) => {
    const [batch, height, width] = [size(s, 2), s.int(2, 5), s.int(2, 5)];
    const count = size(s);
    const rois = s.given('double', 'float64', [count, 4], regions(s, count, height, width).flat());
    const images = Array.from({ length: count }, () => s.int(0, batch - 1));
    s.op('RoiAlign', [s.x([batch, size(s, 2), height, width]), rois, s.list(images)], {
      coordinate_transformation_mode: s.pick([undefined, 'half_pixel', 'output_half_pixel']),
      mode: s.pick([undefined, 'avg', 'max']),
      output_height: s.pick([undefined, 1, 2]),
      output_width: s.pick([undefined, 1, 3]),
      sampling_ratio: s.pick([undefined, 1, 2]),
      spatial_scale: s.pick([undefined, real(0.5)]),
    });
  },
  MaxRoiPool: (s) => {
    const [batch, height, width] = [size(s, 2), s.int(2, 5), s.int(2, 5)];
    const count = size(s);
    const rows = regions(s, count, height, width).map((one) => [s.int(0, batch - 1), ...one.map(Math.round)]);
    // Whole numbers, as what is rounded has no gradient.
    const whole = s.given('int64', 'int64', [count, 5], rows.flat());
    const floats = s.line('Cast', [whole], { to: 11 })[0]!;
    s.op('MaxRoiPool', [s.x([batch, size(s, 2), height, width]), floats], {
      pooled_shape: [size(s, 2), size(s)],
    });
  },
  Celu: (s) => s.single('Celu', [s.x(s.dims())], [true], { alpha: s.rarely(2) ? real(0.7) : undefined }),
  DequantizeLinear: (s) => {
    const dims = s.dims(s.int(1, 3), 2);
    const axis = s.axis(dims.length);
    const block = s.opset >= 21 && s.rarely() ? s.int(1, 2) : undefined;
    const at = axis < 0 ? axis + dims.length : axis;
    const own = s.pick([[], [dims[at]!]]);
    const scales = block === undefined ? own : dims.with(at, Math.ceil(dims[at]! / block));
    const bytes = (shape: readonly number[]): string =>
      s.given(
        'int8',
        'int8',
        shape,
        Array.from({ length: product(shape) }, () => s.int(-9, 9)),
      );
    const inputs = [bytes(dims), s.x(scales), ...(s.rarely(2) ? [bytes(scales)] : [])];
    s.single('DequantizeLinear', inputs, [false, true, false], { axis, block_size: block });
  },
  RotaryEmbedding: (s) => {
    const [batch, heads, steps, pairs, rest] = [size(s, 2), size(s, 2), size(s), size(s), s.int(0, 1)];
    const wide = 2 * (pairs + rest);
    const flat = s.rarely(2);
    const given = s.rarely(2);
    const cache = given ? [4, pairs] : [batch, steps, pairs];
    const at = (): string =>
      s.indices(
        [batch, steps],
        Array.from({ length: batch * steps }, () => s.int(0, 3)),
      );
    const x = s.x(flat ? [batch, steps, heads * wide] : [batch, heads, steps, wide]);
    const inputs = [x, s.x(cache), s.x(cache), ...(given ? [at()] : [])];
    s.single('RotaryEmbedding', inputs, [true, true, true, false], {
      interleaved: s.pick([undefined, 1]),
      num_heads: flat ? heads : undefined,
      rotary_embedding_dim: rest > 0 ? 2 * pairs : undefined,
    });
  },
  LinearAttention: (s) => {
    const [batch, steps, heads, keys, values] = [size(s, 2), size(s), size(s, 2), size(s), size(s)];
    const readers = heads * size(s, 2);
    const rule = s.pick(['linear', 'gated', 'delta', 'gated_delta']);
    const past = s.rarely(2) ? s.x([batch, heads, keys, values]) : '';
    const inputs = [
      s.x([batch, steps, readers * keys]),
      s.x([batch, steps, heads * keys]),
      s.x([batch, steps, heads * values]),
      past,
      rule.includes('gated') ? s.x([batch, steps, heads * s.pick([1, keys])]) : '',
      rule.includes('delta') ? s.x([batch, steps, s.pick([1, heads])]) : '',
    ];
    const form = { q_num_heads: readers, kv_num_heads: heads, scale: s.rarely() ? real(0.3) : undefined };
    s.single(
      'LinearAttention',
      inputs,
      inputs.map(() => true),
      { ...form, update_rule: rule },
      2,
    );
  },
  CausalConvWithState: (s) => {
    const [batch, channels, kernel] = [size(s, 2), size(s), size(s)];
    const inputs = [
      s.x([batch, channels, size(s, 4)]),
      s.x([channels, 1, kernel]),
      s.rarely(2) ? s.x([channels]) : '',
      s.rarely(2) ? s.x([batch, channels, kernel - 1]) : '',
    ];
    const activation = s.pick([undefined, 'none', 'silu', 'swish']);
    s.single(
      'CausalConvWithState',
      inputs,
      inputs.map(() => true),
      { activation },
      2,
    );
  },
};
