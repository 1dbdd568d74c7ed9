// Features and labels of ai.onnx.ml: encoding, scaling, picking, and maps.

import type { DType } from '../../../../ir/types.ts';
import { Invalid, kernels, type OpContext, since, Unsupported, valueKernels } from '../kernel.ts';
import { unary } from '../loops/elementwise.ts';
import { rounded } from '../loops/floats.ts';
import { numbersOf } from '../loops/shape.ts';
import { allocate, fill, type MapValue, type NdArray, ndarray, settled, type Value } from '../value.ts';
import { samplesOf } from './ml-scores.ts';

type Item = string | bigint | number;

const itemsOf = (x: NdArray): readonly Item[] => Array.from(x.data as ArrayLike<Item>);

/** Each element looked up; what is not there becomes the default. */
function lookedUp(
  x: NdArray,
  keys: readonly Item[],
  values: readonly Item[],
  to: DType,
  missing: Item,
): NdArray {
  const table = new Map(keys.map((key, at) => [key, values[at]!]));
  const out = allocate(to, x.data.length) as unknown[];
  itemsOf(x).forEach((item, at) => {
    out[at] = table.get(item) ?? missing;
  });
  return ndarray(to, x.dims, out as string[]);
}

/** Strings to numbers or back, by two lists. */
function mapped(op: OpContext, x: NdArray, strings: readonly string[], numbers: readonly bigint[]): NdArray {
  return x.dtype === 'string'
    ? lookedUp(x, strings, numbers, 'int64', op.bigints('default_int64')?.[0] ?? -1n)
    : lookedUp(x, numbers, strings, 'string', op.string('default_string', '_Unused'));
}

function labelEncoder(op: OpContext, x: NdArray): NdArray {
  const list = (what: 'keys' | 'values'): readonly Item[] | undefined => {
    const tensor = op.tensor(`${what}_tensor`);
    return (
      op.strings(`${what}_strings`) ??
      op.bigints(`${what}_int64s`) ??
      op.floats(`${what}_floats`) ??
      (tensor && itemsOf(tensor))
    );
  };
  const [keys, values] = [list('keys'), list('values')];
  if (keys === undefined || values === undefined || keys.length !== values.length)
    throw new Invalid(`${keys?.length ?? 0} keys for ${values?.length ?? 0} values`);
  const tensor = op.tensor('values_tensor');
  if (tensor !== undefined) {
    const zero = fill(
      tensor.dtype,
      [1],
      tensor.dtype === 'string' ? '_Unused' : tensor.dtype === 'int64' ? -1n : 0,
    );
    return lookedUp(x, keys, values, tensor.dtype, itemsOf(op.tensor('default_tensor') ?? zero)[0]!);
  }
  if (op.has('values_strings'))
    return lookedUp(x, keys, values, 'string', op.string('default_string', '_Unused'));
  if (op.has('values_int64s'))
    return lookedUp(x, keys, values, 'int64', op.bigints('default_int64')?.[0] ?? -1n);
  return lookedUp(x, keys, values, 'float32', op.float('default_float', 0));
}

function oneHotEncoder(op: OpContext, x: NdArray): NdArray {
  const names = op.strings('cats_strings');
  const categories: readonly Item[] = names?.length ? names : op.ints('cats_int64s', []);
  const items =
    x.dtype === 'string' ? (x.data as string[]) : itemsOf(x).map((item) => Math.trunc(Number(item)));
  const out = new Float32Array(items.length * categories.length);
  items.forEach((item, at) => {
    const found = categories.indexOf(item);
    if (found >= 0) out[at * categories.length + found] = 1;
    else if (op.int('zeros', 1) === 0) throw new Invalid(`${JSON.stringify(item)} is no category`);
  });
  return ndarray('float32', [...x.dims, categories.length], out);
}

/** The number of a list that belongs to a column; one may be for all. */
const column = (list: readonly number[] | undefined, at: number, fallback: number): number =>
  list === undefined || list.length === 0 ? fallback : list[list.length === 1 ? 0 : at % list.length]!;

function scaler(op: OpContext, x: NdArray): NdArray {
  const [offsets, scales] = [op.floats('offset'), op.floats('scale')];
  const width = x.dims.at(-1) ?? 1;
  const out = samplesAsOne(x).map(
    (one, at) => (one - column(offsets, at % width, 0)) * column(scales, at % width, 1),
  );
  return rounded('float32', x.dims, out);
}
const samplesAsOne = (x: NdArray): Float64Array => samplesOf({ ...x, dims: [x.data.length] })[0]!;

function imputer(op: OpContext, x: NdArray): NdArray {
  const whole = x.dtype === 'int64' || x.dtype === 'int32';
  const values: readonly Item[] =
    (whole ? op.bigints('imputed_value_int64s') : op.floats('imputed_value_floats')) ?? [];
  if (values.length === 0) throw new Invalid('it has no values to put in');
  const replaced = whole ? op.int('replaced_value_int64', 0) : op.float('replaced_value_float', 0);
  const width = x.dims.at(-1) ?? 1;
  const out = allocate(x.dtype, x.data.length) as unknown[];
  itemsOf(x).forEach((item, at) => {
    const value = values[values.length === 1 ? 0 : at % width]!;
    const hit = Object.is(Number(item), replaced) || Number(item) === replaced;
    out[at] = !hit ? item : x.dtype === 'int64' ? value : Number(value);
  });
  return settled(x.dtype, x.dims, out as string[]);
}

function normalizer(op: OpContext, x: NdArray): NdArray {
  const norm = op.string('norm', 'MAX');
  const rows = samplesOf(x).map((row) => {
    const sizes = row.map(Math.abs);
    const size =
      norm === 'MAX'
        ? sizes.reduce((a, b) => Math.max(a, b), 0)
        : norm === 'L1'
          ? sizes.reduce((a, b) => a + b, 0)
          : Math.sqrt(sizes.reduce((a, b) => a + b * b, 0));
    return row.map((one) => one / Math.max(size, 1e-30));
  });
  return rounded(
    'float32',
    x.dims,
    rows.flatMap((row) => Array.from(row)),
  );
}

function featureVectorizer(op: OpContext, ...inputs: NdArray[]): NdArray {
  const widths = op.ints(
    'inputdimensions',
    inputs.map((x) => (x.dims.length < 2 ? 1 : x.dims[1]!)),
  );
  // A vector is a column here.
  const tables = inputs.map((x) => samplesOf(x.dims.length < 2 ? { ...x, dims: [x.data.length, 1] } : x));
  const out: number[] = [];
  for (let row = 0; row < (tables[0]?.length ?? 0); row++)
    tables.forEach((table, at) => {
      for (let n = 0; n < widths[at]!; n++) out.push(table[row]![n] ?? 0);
    });
  const width = widths.reduce((a, b) => a + b, 0);
  return rounded('float32', [tables[0]?.length ?? 0, width], out);
}

/** Columns of the last axis. */
function extract(_: OpContext, x: NdArray, indices: NdArray): NdArray {
  const picked = numbersOf(indices);
  const width = x.dims.at(-1) ?? 1;
  if (picked.some((at) => !(at >= 0 && at < width))) throw new Invalid(`columns ${picked} of ${width}`);
  const rows = width === 0 ? 0 : x.data.length / width;
  const out = allocate(x.dtype, rows * picked.length) as unknown[];
  for (let row = 0; row < rows; row++)
    picked.forEach((from, at) => {
      out[row * picked.length + at] = x.data[row * width + from];
    });
  const lead = x.dims.length < 2 ? [1] : x.dims.slice(0, -1);
  return ndarray(x.dtype, [...lead, picked.length], out as string[]);
}

function binarizer(op: OpContext, x: NdArray): NdArray {
  const threshold = op.float('threshold', 0);
  const above = (one: number): number => (one > threshold ? 1 : 0);
  return unary(x, { float: above, int: above, bigint: (one) => (Number(one) > threshold ? 1n : 0n) });
}

function mapOf(value: Value | undefined): MapValue {
  if (value?.kind !== 'map') throw new Unsupported(value?.kind ?? 'a missing input');
  return value;
}

/** Values in the order of their keys, or each at the position that its key names. */
function castMap(op: OpContext, value: Value | undefined): NdArray {
  const { entries } = mapOf(value);
  const keys = [...entries.keys()].sort((a, b) => Number(a) - Number(b));
  const sparse = op.string('map_form', 'DENSE') === 'SPARSE';
  const places = sparse ? Array.from({ length: op.int('max_map', 1) }, (_, at) => BigInt(at)) : keys;
  const to = op.string('cast_to', 'TO_FLOAT');
  const items = places.map((key) => entries.get(key));
  const dims = [1, items.length];
  if (to === 'TO_STRING')
    return ndarray(
      'string',
      dims,
      items.map((item) => String(item ?? '')),
    );
  const numbers = items.map((item) => Number(item ?? 0));
  if (to === 'TO_INT64')
    return ndarray(
      'int64',
      dims,
      BigInt64Array.from(numbers, (one) => BigInt(Math.trunc(one))),
    );
  return rounded('float32', dims, numbers);
}

function dictVectorizer(op: OpContext, value: Value | undefined): NdArray {
  const { entries, value: dtype } = mapOf(value);
  const keys: readonly Item[] = op.strings('string_vocabulary') ?? op.bigints('int64_vocabulary') ?? [];
  const nothing = dtype === 'string' ? '' : dtype === 'int64' ? 0n : 0;
  const out = allocate(dtype, keys.length) as unknown[];
  keys.forEach((key, at) => {
    out[at] = entries.get(key) ?? nothing;
  });
  return ndarray(dtype, [keys.length], out as string[]);
}

/** One map from labels to scores per sample. */
function zipMap(op: OpContext, input: Value | undefined): Value {
  if (input?.kind !== 'tensor') throw new Unsupported(input?.kind ?? 'a missing input');
  const names = op.strings('classlabels_strings');
  const labels: readonly Item[] = names?.length ? names : (op.bigints('classlabels_int64s') ?? []);
  const items = samplesOf(input).map((row): MapValue => {
    if (row.length !== labels.length) throw new Invalid(`${labels.length} labels for ${row.length} scores`);
    const entries = new Map(labels.map((label, at) => [label, row[at]!]));
    return { kind: 'map', key: names?.length ? 'string' : 'int64', value: 'float32', entries };
  });
  return { kind: 'sequence', items };
}

export const features = kernels('ai.onnx.ml', {
  LabelEncoder: since(
    [
      1,
      (op: OpContext, x: NdArray) => {
        const classes = op.strings('classes_strings') ?? [];
        return mapped(
          op,
          x,
          classes,
          classes.map((_, at) => BigInt(at)),
        );
      },
    ],
    [2, labelEncoder],
  ),
  CategoryMapper: (op: OpContext, x: NdArray) =>
    mapped(op, x, op.strings('cats_strings') ?? [], op.bigints('cats_int64s') ?? []),
  OneHotEncoder: oneHotEncoder,
  Scaler: scaler,
  Imputer: imputer,
  Normalizer: normalizer,
  FeatureVectorizer: featureVectorizer,
  ArrayFeatureExtractor: extract,
  Binarizer: binarizer,
});
export const maps = valueKernels('ai.onnx.ml', {
  CastMap: (op, x) => castMap(op, x),
  DictVectorizer: (op, x) => dictVectorizer(op, x),
  ZipMap: (op, x) => zipMap(op, x),
});
