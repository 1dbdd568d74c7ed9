// ai.onnx.ml: classifiers, regressors, encoders, maps.

import { type Dim, type DType, onnxNameOf, type Shape } from '../../../ir/types.ts';
import { Contradiction, formatDims, sumDims, unifyDim } from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

const lengthOf = (op: OpView, name: string): number => {
  const list = op.attribute(name);
  return list?.kind === 'ints' || list?.kind === 'floats' || list?.kind === 'strings' ? list.value.length : 0;
};

/** Rows of the input: a vector is one. */
const rows = (op: OpView): Dim => (op.rank(0) === 1 ? 1 : op.dim(0, 0));

/** The inputs side by side, vectors as one row; `inputdimensions` says how many features each has. */
const featureVectorizer: ShapeRule = (op) => {
  const inputs = op.allDims();
  if (inputs.some((dims) => dims === undefined || dims.length < 1 || dims.length > 2)) return [[null, null]];
  const matrices = inputs.map((dims) => (dims!.length === 1 ? [1, dims![0]!] : dims!));
  const widths = op.ints('inputdimensions') ?? matrices.map((dims) => dims[1]!);
  return [[matrices.map((dims) => dims[0]!).reduce<Dim>(unifyDim, null), sumDims(widths)]];
};

/** Labels, then the scores of each class. */
const classifier =
  (count: (op: OpView) => Dim): ShapeRule =>
  (op) => [[rows(op)], [rows(op), count(op)]];

function linearClasses(op: OpView): Dim {
  const intercepts = lengthOf(op, 'intercepts');
  const labels = lengthOf(op, 'classlabels_strings') || lengthOf(op, 'classlabels_ints');
  if (intercepts > 1) return intercepts;
  // One row of coefficients tells two classes apart.
  return intercepts === 1 && labels === 2 ? 2 : intercepts || null;
}

function treeClasses(op: OpView): Dim {
  const labels = lengthOf(op, 'classlabels_strings') || lengthOf(op, 'classlabels_int64s');
  return labels || null;
}

const treeTensors: readonly (readonly [name: string, dtype: DType, required: boolean])[] = [
  ['nodes_hitrates', 'float32', false],
  ['nodes_modes', 'uint8', true],
];
const treeLists = [
  'nodes_featureids',
  'nodes_truenodeids',
  'nodes_falsenodeids',
  'nodes_trueleafs',
  'nodes_falseleafs',
  'nodes_missing_value_tracks_true',
];

/** The lists of nodes have one length, and weights are of the input's type. */
function treeEnsemble(op: OpView): Shape {
  const splits = op.tensor('nodes_splits');
  const weights = op.tensor('leaf_weights');
  if (splits === undefined || weights === undefined) throw new Contradiction('it has no nodes or no leaves');
  if (splits.dims.length !== 1)
    throw new Contradiction(`nodes_splits ${formatDims(splits.dims)} is no vector`);
  const wanted = op.dtype(0);
  for (const name of ['nodes_splits', 'leaf_weights', 'membership_values']) {
    const dtype = op.tensor(name)?.dtype;
    if (dtype !== undefined && wanted !== undefined && dtype !== wanted)
      throw new Contradiction(`${name} is ${dtype}, the input ${wanted}`);
  }
  const nodes = splits.dims[0]!;
  const sameLength = (name: string, length: number): void => {
    if (length !== nodes) throw new Contradiction(`${name} has ${length} entries for ${nodes} nodes`);
  };
  for (const name of treeLists) if (op.attribute(name)) sameLength(name, lengthOf(op, name));
  for (const [name, dtype, required] of treeTensors) {
    const tensor = op.tensor(name);
    if (tensor === undefined && !required) continue;
    if (tensor?.dtype !== dtype) throw new Contradiction(`${name} must be of type ${onnxNameOf(dtype)}`);
    sameLength(name, tensor.dims[0] ?? 1);
  }
  const leaves = lengthOf(op, 'leaf_targetids');
  if (leaves !== (weights.dims[0] ?? 1))
    throw new Contradiction(`${leaves} leaf_targetids for ${weights.dims[0]} leaf_weights`);
  return [op.dim(0, 0), op.int('n_targets') ?? null];
}

function categories(op: OpView): Shape {
  const [ints, strings] = ['cats_int64s', 'cats_strings'].map((name) => op.attribute(name) !== undefined);
  const [from, to] = [lengthOf(op, 'cats_int64s'), lengthOf(op, 'cats_strings')];
  if (!ints || !strings || from !== to)
    throw new Contradiction(`it maps ${from} numbers (cats_int64s) to ${to} texts (cats_strings)`);
  return op.dims(0);
}

function oneHotEncoder(op: OpView): Shape {
  const given = ['cats_int64s', 'cats_strings'].filter((name) => lengthOf(op, name) > 0);
  if (given.length !== 1) throw new Contradiction('it needs either cats_int64s or cats_strings');
  const dims = op.dims(0);
  return dims && [...dims, lengthOf(op, given[0]!)];
}

const labelForms = ['strings', 'int64s', 'floats'];
const labelDTypes: Readonly<Record<(typeof labelForms)[number], DType>> = {
  strings: 'string',
  int64s: 'int64',
  floats: 'float32',
};

function labelEncoder(op: OpView): Shape {
  if (op.since === 1) return op.dims(0);
  const count = (what: string): number | undefined => {
    const form = labelForms.find((one) => op.attribute(`${what}_${one}`));
    return form === undefined ? op.tensor(`${what}_tensor`)?.dims[0] : lengthOf(op, `${what}_${form}`);
  };
  const forms = (what: string): number =>
    [...labelForms, 'tensor'].filter((one) => op.attribute(`${what}_${one}`)).length;
  if (forms('keys') !== 1 || forms('values') !== 1)
    throw new Contradiction('exactly one of the attributes keys_… and one of values_… are given');
  const form = labelForms.find((one) => op.attribute(`keys_${one}`));
  const [wanted, got] = [form && labelDTypes[form], op.dtype(0)];
  if (wanted !== undefined && got !== undefined && wanted !== got)
    throw new Contradiction(`keys_${form} are ${wanted}, and the input is ${got}`);
  const [keys, values] = [count('keys'), count('values')];
  if (op.since >= 4 && keys !== values)
    throw new Contradiction(`${keys ?? 'no'} keys for ${values ?? 'no'} values`);
  return op.dims(0);
}

function targets(op: OpView): Shape {
  const count = op.int('n_targets') ?? op.int('targets');
  return [rows(op), count ?? (op.op.type === 'TreeEnsembleRegressor' ? null : 1)];
}

export const mlShapes: Record<string, ShapeRule> = {
  FeatureVectorizer: featureVectorizer,
  LinearClassifier: classifier(linearClasses),
  SVMClassifier: classifier(() => null),
  TreeEnsembleClassifier: classifier(treeClasses),
  TreeEnsemble: (op) => [treeEnsemble(op)],
  ...each('TreeEnsembleRegressor LinearRegressor', (op) => [targets(op)]),
  SVMRegressor: (op) => [[rows(op), 1]],
  OneHotEncoder: (op) => [oneHotEncoder(op)],
  CategoryMapper: (op) => [categories(op)],
  LabelEncoder: (op) => [labelEncoder(op)],
  ...each('Binarizer Scaler Normalizer Imputer', (op) => [op.dims(0)]),
};
