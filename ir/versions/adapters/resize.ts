// Upsample → Resize 10 → 11 → 13: coordinates and the nearest element, said in words of the newer versions.
//
// Before 11, x_original = x_resized / scale; the nearest element is the one before it where an axis grows, and the
// one behind it where it shrinks. Later versions have one rule for all axes, so that axes that grow and axes that
// shrink take two ops; nearest elements can be taken axis by axis.

import { NO_VALUE, type ValueId } from '../../graph.ts';
import {
  type Adapter,
  type Form,
  newOp,
  stringAttribute,
  withAttributes,
  withoutAttributes,
} from '../form.ts';
import type { Workbench } from '../workbench.ts';
import { constantNumbers } from './moved.ts';

const ROI_OPTIONAL_SINCE = 13;
const RESIZE_SINCE = 10;
const COORDINATES_SINCE = 11;

const asymmetric = stringAttribute('coordinate_transformation_mode', 'asymmetric');
const nearest = (mode: 'floor' | 'ceil') => stringAttribute('nearest_mode', mode);

/** Regions of interest take no part here, but were not optional at first. */
const noRegions = (bench: Workbench): ValueId =>
  bench.target < ROI_OPTIONAL_SINCE ? bench.floats32([], 'roi') : NO_VALUE;

/** Upsample 9 → Resize: scales are at least 1. */
export const upsampleToResize: Adapter = (op, bench) => {
  const resize = { ...op, type: 'Resize' };
  if (bench.target === RESIZE_SINCE) return resize;
  const inputs = [op.inputs[0]!, noRegions(bench), op.inputs[1]!];
  const isNearest = bench.string(op, 'mode', 'nearest') === 'nearest';
  const grown = withAttributes({ ...resize, inputs }, asymmetric, ...(isNearest ? [nearest('floor')] : []));
  return { ...grown, version: COORDINATES_SINCE };
};

/** Resize 10 → 11. */
export const statedCoordinates: Adapter = (op, bench) => {
  const [x, scales] = [op.inputs[0]!, op.inputs[1]!];
  const roi = noRegions(bench);
  if (bench.string(op, 'mode', 'nearest') !== 'nearest')
    return withAttributes({ ...op, inputs: [x, roi, scales] }, asymmetric);
  const known = bench.numbersOf(scales);
  if (known?.every((scale) => scale >= 1))
    return withAttributes({ ...op, inputs: [x, roi, scales] }, asymmetric, nearest('floor'));
  if (known?.every((scale) => scale <= 1))
    return withAttributes({ ...op, inputs: [x, roi, scales] }, asymmetric, nearest('ceil'));
  return inTwoSteps(op, roi, bench);
};

function inTwoSteps(op: Form, roi: ValueId, bench: Workbench): readonly Form[] {
  const [x, scales] = [op.inputs[0]!, op.inputs[1]!];
  const smaller = bench.value(op.outputs[0]!, 'smaller');
  const [down, up] = [bench.value(scales, 'down'), bench.value(scales, 'up')];
  const one = bench.floats32([1], 'one', []);
  return [
    newOp('Min', [scales, one], [down]),
    newOp('Max', [scales, one], [up]),
    newOp('Resize', [x, roi, down], [smaller], asymmetric, nearest('ceil')),
    withAttributes({ ...op, inputs: [smaller, roi, up] }, asymmetric, nearest('floor')),
  ];
}

/** Resize 11 → 10: only what 10 computes, and no sizes. */
export const unstatedCoordinates: Adapter = (op, bench) => {
  const [x, , scales = NO_VALUE, sizes = NO_VALUE] = op.inputs;
  if (sizes !== NO_VALUE || scales === NO_VALUE)
    return bench.refuse('it is told sizes; earlier versions take scales');
  if (bench.string(op, 'coordinate_transformation_mode', 'half_pixel') !== 'asymmetric')
    return bench.refuse('earlier versions know no coordinates but the asymmetric ones');
  const mode = bench.string(op, 'mode', 'nearest');
  if (mode === 'nearest') {
    const known = constantNumbers(bench, scales, 'scales');
    const rule = bench.string(op, 'nearest_mode', 'round_prefer_floor');
    if (!known.every((scale) => (scale >= 1 ? scale === 1 || rule === 'floor' : rule === 'ceil')))
      return bench.refuse(`earlier versions do not know the nearest_mode ${rule} for these scales`);
  } else if (mode !== 'linear') return bench.refuse(`earlier versions have no mode ${mode}`);
  const inert = ['coordinate_transformation_mode', 'nearest_mode', 'cubic_coeff_a', 'exclude_outside'];
  return { ...withoutAttributes(op, ...inert, 'extrapolation_value'), inputs: [x!, scales] };
};

/** Resize 10 → Upsample, where nothing shrinks. */
export const resizeToUpsample: Adapter = (op, bench) => {
  if (!constantNumbers(bench, op.inputs[1]!, 'scales').every((scale) => scale >= 1))
    return bench.refuse('it makes an axis smaller, which Upsample cannot');
  return { ...op, type: 'Upsample' };
};

/** Resize 11 → 13: scales that are not given were an empty tensor, and some coordinates have another name. */
export const ofOptionalInputs: Adapter = (op, bench) => {
  const [x, roi = NO_VALUE, scales = NO_VALUE, sizes = NO_VALUE] = op.inputs;
  const plain =
    sizes === NO_VALUE || scales === NO_VALUE ? op : { ...op, inputs: [x!, roi, NO_VALUE, sizes] };
  return halfPixelForNearest(plain, bench);
};

/**
 * Coordinates (x + 0.5) / scale are those of half_pixel half an element further, so that the
 * nearest element is another rounding of those.
 */
const halfPixelForNearest: Adapter = (op, bench) => {
  if (bench.string(op, 'coordinate_transformation_mode', 'half_pixel') !== 'tf_half_pixel_for_nn') return op;
  const rounding = { floor: 'round_prefer_ceil', round_prefer_floor: 'ceil' };
  const rule = bench.string(op, 'nearest_mode', 'round_prefer_floor');
  if (bench.string(op, 'mode', 'nearest') !== 'nearest' || !Object.hasOwn(rounding, rule))
    return bench.refuse('its coordinates are tf_half_pixel_for_nn, which opset 13 took out');
  return withAttributes(
    op,
    stringAttribute('coordinate_transformation_mode', 'half_pixel'),
    stringAttribute('nearest_mode', rounding[rule as keyof typeof rounding]),
  );
};
/** Resize 13 → 11: inputs that were not optional. */
export const statedInputs: Adapter = (op, bench) => {
  const [x, roi = NO_VALUE, scales = NO_VALUE, ...sizes] = op.inputs;
  if (roi !== NO_VALUE && scales !== NO_VALUE) return op;
  const none = bench.floats32([], 'none');
  return { ...op, inputs: [x!, roi || none, scales || none, ...sizes] };
};
