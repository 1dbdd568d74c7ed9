// Operators that few models have, in every form.

import type { Generators } from './elementwise.ts';
import { product, raw, type Sketch } from './sketch.ts';

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
  Range: (s) => {
    const end = s.line('Add', [s.x([], 'unit'), s.number(7)])[0]!;
    s.op('Range', [s.x([], 'unit'), end, s.x([], 'aboveOne')]);
  },
  CumProd: (s) => {
    const dims = s.dims(s.int(1, 3), 1, 4);
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
