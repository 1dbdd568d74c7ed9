// Operators that move elements about, in every form.

import type { Generators } from './elementwise.ts';
import { product, raw, type Sketch } from './sketch.ts';

/** Indices into an axis of this size, some of them counted from the end. */
const indices = (s: Sketch, dims: readonly number[], size: number): string =>
  s.indices(
    dims,
    Array.from({ length: product(dims) }, () => s.int(-size, size - 1)),
  );
/** Each once. */
function shuffled(s: Sketch, count: number): number[] {
  const list = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = s.int(0, at);
    [list[at], list[other]] = [list[other]!, list[at]!];
  }
  return list;
}
const full = (s: Sketch, rank: number): number[] => Array.from({ length: rank }, () => s.int(1, 4));

const reductions = ['none', 'add', 'mul', 'max', 'min'];

export const movement: Generators = {
  Reshape: (s) => {
    const dims = full(s, s.int(0, 4));
    const wanted = s.pick([[-1], [product(dims)], [1, -1], [...dims, 1], [...dims].reverse()]);
    s.op('Reshape', [s.x(dims), s.list(wanted)], { allowzero: s.pick([undefined, 1]) });
  },
  Flatten: (s) => {
    const dims = s.dims();
    s.op('Flatten', [s.x(dims)], {
      axis: dims.length === 0 ? 0 : s.pick([undefined, s.int(-dims.length, dims.length)]),
    });
  },
  Squeeze: (s) => {
    const dims = s.dims(s.int(1, 3), 2);
    const at = s.int(0, dims.length);
    dims.splice(at, 0, 1);
    s.op('Squeeze', [s.x(dims), ...(s.rarely() ? [] : [s.list([s.pick([at, at - dims.length])])])]);
  },
  Unsqueeze: (s) => {
    const dims = s.dims(s.int(0, 3));
    s.op('Unsqueeze', [s.x(dims), s.list(s.pick([[0], [-1], [0, -1], [dims.length]]))]);
  },
  Transpose: (s) => {
    const dims = s.dims();
    s.op('Transpose', [s.x(dims)], {
      perm: s.rarely() || dims.length === 0 ? undefined : shuffled(s, dims.length),
    });
  },
  Concat: (s) => {
    const dims = s.dims(s.int(1, 4));
    const axis = s.axis(dims.length);
    const parts = Array.from({ length: s.int(1, 4) }, () =>
      dims.with(axis < 0 ? axis + dims.length : axis, s.int(0, 3)),
    );
    s.op(
      'Concat',
      parts.map((one) => s.x(one)),
      { axis },
    );
  },
  Split: (s) => {
    const dims = s.dims(s.int(1, 3));
    const axis = s.axis(dims.length);
    const sizes = Array.from({ length: s.int(1, 4) }, () => s.int(0, 3));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const at = axis < 0 ? axis + dims.length : axis;
    if (s.rarely()) {
      const count = s.int(1, 4);
      s.op('Split', [s.x(dims.with(at, s.int(count, 9)))], { axis, num_outputs: count }, count);
    } else s.op('Split', [s.x(dims.with(at, total)), s.list(sizes)], { axis }, sizes.length);
  },
  Expand: (s) => {
    const whole = s.dims();
    const from = whole.slice(s.int(0, whole.length)).map((size) => (s.rarely() ? 1 : size));
    s.op('Expand', [
      s.x(from),
      s.list(s.rarely() ? whole.map((size, at) => (at < whole.length - from.length ? size : 1)) : whole),
    ]);
  },
  Tile: (s) => {
    const dims = s.dims(s.int(1, 4));
    s.op('Tile', [s.x(dims), s.list(dims.map(() => s.int(s.rarely(9) ? 0 : 1, 3)))]);
  },
  Pad: (s) => {
    const dims = s.dims(s.int(1, 3), 3);
    const mode = s.pick([undefined, 'constant', 'reflect', 'edge', 'wrap']);
    const constant = mode === undefined || mode === 'constant';
    const axes = s.opset >= 18 && s.rarely() ? [s.axis(dims.length)] : undefined;
    const pads = Array.from({ length: 2 * (axes ?? dims).length }, () => s.int(constant ? -1 : 0, 2));
    const value = constant && s.rarely(2) ? s.x([]) : '';
    s.op('Pad', [s.x(dims), s.list(pads), value, ...(axes ? [s.list(axes)] : [])], { mode });
  },
  Slice: (s) => {
    const dims = s.dims(s.int(1, 3), 2, 5);
    const axes = s.rarely(2) ? dims.map((_, at) => at) : [s.axis(dims.length)];
    const steps = axes.map(() => s.pick([1, 2, -1, -2]));
    const [low, high] = [() => s.int(-6, 1), () => s.int(2, 9)];
    const starts = steps.map((step) => (step > 0 ? low() : high()));
    const ends = steps.map((step) => (step > 0 ? high() : low()));
    const rest = s.rarely() && axes.length === dims.length ? [] : [s.list(axes), s.list(steps)];
    s.op('Slice', [s.x(dims), s.list(starts), s.list(ends), ...rest]);
  },
  Compress: (s) => {
    const dims = s.dims(s.int(1, 3));
    const axis = s.rarely(2) ? undefined : s.axis(dims.length);
    const length = axis === undefined ? product(dims) : dims.at(axis)!;
    s.op('Compress', [s.x(dims), s.mask([s.int(0, length)])], { axis });
  },
  Gather: (s) => {
    const dims = full(s, s.int(1, 3));
    const axis = s.axis(dims.length);
    s.op('Gather', [s.x(dims), indices(s, s.dims(s.int(0, 2)), dims.at(axis)!)], {
      axis: s.pick([axis, axis]),
    });
  },
  GatherElements: (s) => {
    const dims = full(s, s.int(1, 3));
    const axis = s.axis(dims.length);
    const at = axis < 0 ? axis + dims.length : axis;
    const from = dims.map((size, index) => (index === at ? s.int(1, 4) : s.int(1, size)));
    s.op('GatherElements', [s.x(dims), indices(s, from, dims[at]!)], { axis });
  },
  GatherND: (s) => {
    const dims = full(s, s.int(1, 4));
    const batch = s.rarely() ? s.int(0, dims.length - 1) : 0;
    const depth = s.int(1, dims.length - batch);
    const rows = s.int(1, 3);
    const shape = [...dims.slice(0, batch), rows, depth];
    const count = product(shape) / depth;
    const values = Array.from({ length: count }, () =>
      dims.slice(batch, batch + depth).map((size) => s.int(-size, size - 1)),
    );
    s.op('GatherND', [s.x(dims), s.indices(shape, values.flat())], {
      batch_dims: batch === 0 ? undefined : batch,
    });
  },
  ScatterElements: (s) => {
    const dims = full(s, s.int(1, 3));
    const axis = s.axis(dims.length);
    const at = axis < 0 ? axis + dims.length : axis;
    const reduction = s.pick(reductions);
    const count = s.int(1, dims[at]!);
    const from = dims.map((size, index) => (index === at ? count : s.int(1, size)));
    // Without a reduction, each place once.
    const inner = product(from.slice(at + 1));
    const values = Array.from({ length: product(from) / count }, () =>
      shuffled(s, dims[at]!).slice(0, count),
    );
    const each = Array.from({ length: product(from) }, (_, index) => {
      const place = Math.floor(index / inner) % count;
      return values[Math.floor(index / (inner * count)) * inner + (index % inner)]![place]!;
    });
    const some = reduction === 'none' ? each : each.map(() => s.int(-dims[at]!, dims[at]! - 1));
    s.op('ScatterElements', [s.x(dims), s.indices(from, some), s.x(from)], { axis, reduction });
  },
  ScatterND: (s) => {
    const dims = full(s, s.int(1, 3));
    const depth = s.int(1, dims.length);
    const reduction = s.pick(reductions);
    const places = product(dims.slice(0, depth));
    const count = s.int(1, places);
    const chosen =
      reduction === 'none'
        ? shuffled(s, places).slice(0, count)
        : Array.from({ length: count }, () => s.int(0, places - 1));
    const rows = chosen.flatMap((place) => {
      const row: number[] = [];
      for (let at = depth - 1, rest = place; at >= 0; at--) {
        row.unshift(rest % dims[at]!);
        rest = Math.floor(rest / dims[at]!);
      }
      return row;
    });
    s.op('ScatterND', [s.x(dims), s.indices([count, depth], rows), s.x([count, ...dims.slice(depth)])], {
      reduction,
    });
  },
  TopK: (s) => {
    const dims = full(s, s.int(1, 3));
    const axis = s.axis(dims.length);
    const form = {
      axis: axis === -1 ? undefined : axis,
      largest: s.pick([undefined, 0, 1]),
      sorted: s.pick([undefined, 1]),
    };
    s.op('TopK', [s.x(dims), s.list([s.int(1, dims.at(axis)!)])], form, 2, 1);
  },
  ReverseSequence: (s) => {
    const dims = full(s, s.int(2, 4));
    const time = s.int(0, 1);
    const lengths = Array.from({ length: dims[1 - time]! }, () => s.int(1, dims[time]!));
    s.op('ReverseSequence', [s.x(dims), s.list(lengths)], { time_axis: time, batch_axis: 1 - time });
  },
  Trilu: (s) => {
    const dims = s.dims(s.int(2, 4));
    s.op('Trilu', [s.x(dims), ...(s.rarely() ? [] : [s.scalar(s.int(-2, 2))])], {
      upper: s.pick([undefined, 0, 1]),
    });
  },
  DepthToSpace: (s) => {
    const size = s.int(1, 2);
    const dims = [s.int(1, 2), size * size * s.int(1, 2), s.int(1, 3), s.int(1, 3)];
    s.op('DepthToSpace', [s.x(dims)], { blocksize: size, mode: s.pick([undefined, 'DCR', 'CRD']) });
  },
  SpaceToDepth: (s) => {
    const size = s.int(1, 2);
    s.op('SpaceToDepth', [s.x([s.int(1, 2), s.int(1, 2), size * s.int(1, 2), size * s.int(1, 2)])], {
      blocksize: size,
    });
  },
  OneHot: (s) => {
    const depth = s.int(1, 4);
    const dims = s.dims(s.int(0, 2));
    const axis = s.int(-dims.length - 1, dims.length);
    s.op(
      'OneHot',
      [
        s.indices(
          dims,
          Array.from({ length: product(dims) }, () => s.int(-depth, depth)),
        ),
        s.scalar(depth),
        s.x([2]),
      ],
      { axis: axis === -1 ? undefined : axis },
    );
  },
  ConcatFromSequence: (s) => {
    const dims = full(s, s.int(1, 3));
    const [sequence] = s.line(
      'SequenceConstruct',
      Array.from({ length: s.int(1, 3) }, () => s.x(dims)),
    );
    s.op('ConcatFromSequence', [sequence!], { axis: s.axis(dims.length), new_axis: s.pick([undefined, 1]) });
  },
  SequenceAt: (s) => {
    const parts = Array.from({ length: s.int(1, 3) }, () => s.x(s.dims()));
    const [sequence] = s.line('SequenceConstruct', parts);
    s.op('SequenceAt', [
      sequence!,
      s.line('Constant', [], { value: raw(`int64 {${s.int(-parts.length, parts.length - 1)}}`) })[0]!,
    ]);
  },
};
