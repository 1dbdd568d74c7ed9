// Tree ensembles of ai.onnx.ml: TreeEnsemble and the two older operators, as one kind of tree.

import { Invalid, kernels, type OpContext } from '../kernel.ts';
import { rounded } from '../loops/floats.ts';
import type { NdArray } from '../value.ts';
import { labelled, labelsOf, largest, postTransform, samplesOf, scoreType } from './ml-scores.ts';

interface Share {
  readonly target: number;
  readonly weight: number;
}
interface Branch {
  readonly feature: number;
  readonly holds: (x: number) => boolean;
  readonly yes: () => Tree | undefined;
  readonly no: () => Tree | undefined;
}
/** A node asks about a feature; a leaf gives weights to targets. */
type Tree = Branch | readonly Share[];

const comparisons: Readonly<Record<string, (x: number, value: number) => boolean>> = {
  BRANCH_LEQ: (x, value) => x <= value,
  BRANCH_LT: (x, value) => x < value,
  BRANCH_GTE: (x, value) => x >= value,
  BRANCH_GT: (x, value) => x > value,
  BRANCH_EQ: (x, value) => x === value,
  BRANCH_NEQ: (x, value) => x !== value,
};
/** By the number that TreeEnsemble gives them; 6 asks whether x is a member of a set. */
const byNumber = Object.values(comparisons);
const MEMBER = 6;

function question(
  compare: ((x: number, value: number) => boolean) | undefined,
  value: number,
  missingHolds: boolean,
): (x: number) => boolean {
  if (compare === undefined) throw new Invalid('a node has no known mode');
  return (x) => compare(x, value) || (missingHolds && Number.isNaN(x));
}

/** The leaf that a sample ends in. A walk longer than there are nodes goes in a circle. */
function leafOf(root: Tree | undefined, sample: Float64Array, nodes: number): readonly Share[] {
  let tree = root;
  for (let steps = 0; steps <= nodes; steps++) {
    if (tree === undefined) break;
    if (!('feature' in tree)) return tree;
    tree = (tree.holds(sample[tree.feature]!) ? tree.yes : tree.no)();
  }
  throw new Invalid('its nodes are no tree');
}

interface Forest {
  readonly roots: readonly (Tree | undefined)[];
  readonly nodes: number;
}

/** Numbers of a float list, or of the tensor that later versions may have in its place. */
const numbersAt = (op: OpContext, name: string): ArrayLike<number> | undefined =>
  op.floats(name) ?? (op.tensor(`${name}_as_tensor`)?.data as ArrayLike<number> | undefined);

/** Trees by ids of trees and nodes; `kind` names the attributes of the leaves: target or class. */
function byIds(op: OpContext, kind: 'target' | 'class'): Forest {
  const ints = (name: string): readonly number[] => op.ints(name, []);
  const key = (tree: number, node: number): string => `${tree} ${node}`;
  const [trees, ids] = [ints('nodes_treeids'), ints('nodes_nodeids')];
  const modes = op.strings('nodes_modes') ?? [];
  const values = numbersAt(op, 'nodes_values') ?? [];
  const shares = new Map<string, Share[]>();
  const weights = numbersAt(op, `${kind}_weights`) ?? [];
  const [leafTrees, leafNodes] = [ints(`${kind}_treeids`), ints(`${kind}_nodeids`)];
  ints(`${kind}_ids`).forEach((target, at) => {
    const leaf = key(leafTrees[at]!, leafNodes[at]!);
    shares.set(leaf, [...(shares.get(leaf) ?? []), { target, weight: weights[at]! }]);
  });
  const missing = ints('nodes_missing_value_tracks_true');
  const found = new Map<string, Tree>();
  const [yes, no, features] = [
    ints('nodes_truenodeids'),
    ints('nodes_falsenodeids'),
    ints('nodes_featureids'),
  ];
  const roots = new Map<number, Tree>();
  ids.forEach((id, at) => {
    const tree = trees[at]!;
    const node: Tree =
      modes[at] === 'LEAF'
        ? (shares.get(key(tree, id)) ?? [])
        : {
            feature: features[at]!,
            holds: question(comparisons[modes[at]!], values[at]!, missing[at] === 1),
            yes: () => found.get(key(tree, yes[at]!)),
            no: () => found.get(key(tree, no[at]!)),
          };
    found.set(key(tree, id), node);
    if (!roots.has(tree)) roots.set(tree, node);
  });
  return { roots: [...roots.values()], nodes: ids.length };
}

/** Trees whose nodes name each other, and leaves, by index. */
function byIndex(op: OpContext): Forest {
  const ints = (name: string): readonly number[] => op.ints(name, []);
  const numbers = (name: string): ArrayLike<number> =>
    (op.tensor(name)?.data as ArrayLike<number> | undefined) ?? [];
  const [targets, weights] = [ints('leaf_targetids'), numbers('leaf_weights')];
  const leaf = (at: number): Tree => [{ target: targets[at]!, weight: weights[at]! }];
  const [modes, splits, features] = [
    numbers('nodes_modes'),
    numbers('nodes_splits'),
    ints('nodes_featureids'),
  ];
  const [yes, no] = [ints('nodes_truenodeids'), ints('nodes_falsenodeids')];
  const [yesLeaf, noLeaf] = [ints('nodes_trueleafs'), ints('nodes_falseleafs')];
  const missing = ints('nodes_missing_value_tracks_true');
  const members = Array.from(numbers('membership_values'));
  const nodes: Tree[] = features.map((feature, at): Tree => {
    let compare = byNumber[modes[at]!];
    if (modes[at] === MEMBER) {
      // NaN ends the set of one node.
      const set = new Set(members.splice(0, members.findIndex(Number.isNaN) + 1 || members.length));
      compare = (x) => !Number.isNaN(x) && set.has(x);
    }
    return {
      feature,
      holds: question(compare, splits[at]!, missing[at] === 1),
      yes: () => (yesLeaf[at] === 1 ? leaf(yes[at]!) : nodes[yes[at]!]),
      no: () => (noLeaf[at] === 1 ? leaf(no[at]!) : nodes[no[at]!]),
    };
  });
  return { roots: ints('tree_roots').map((at) => nodes[at]), nodes: nodes.length };
}

/** What the leaves of all trees say about each target. */
function aggregated({ roots, nodes }: Forest, sample: Float64Array, targets: number, how: string): number[] {
  const sums = new Array<number>(targets).fill(0);
  const seen = new Set<number>();
  for (const root of roots) {
    for (const { target, weight } of leafOf(root, sample, nodes)) {
      const before = sums[target]!;
      if (how === 'SUM' || how === 'AVERAGE') sums[target] = before + weight;
      else if (!seen.has(target)) sums[target] = weight;
      else sums[target] = how === 'MIN' ? Math.min(before, weight) : Math.max(before, weight);
      seen.add(target);
    }
  }
  return how === 'AVERAGE' ? sums.map((one) => one / roots.length) : sums;
}

function regressor(op: OpContext, x: NdArray): NdArray {
  const forest = byIds(op, 'target');
  const targets = op.int('n_targets', 1);
  const bases = numbersAt(op, 'base_values');
  const rows = samplesOf(x).map((sample) =>
    postTransform(
      aggregated(forest, sample, targets, op.string('aggregate_function', 'SUM')).map(
        (one, at) => one + (bases?.[at] ?? 0),
      ),
      op.string('post_transform', 'NONE'),
    ),
  );
  return rounded('float32', [rows.length, targets], rows.flat());
}

function classifier(op: OpContext, x: NdArray): readonly NdArray[] {
  const forest = byIds(op, 'class');
  const labels = labelsOf(op, 'classlabels_int64s');
  const bases = numbersAt(op, 'base_values');
  const transform = op.string('post_transform', 'NONE');
  const ids = op.ints('class_ids', []);
  // With weights for one class only, the other one gets what is left.
  const [only] = ids.every((id) => id === ids[0]) && labels.length <= 2 ? ids : [];
  const which: (number | undefined)[] = [];
  const rows = samplesOf(x).map((sample) => {
    const sums = aggregated(forest, sample, Math.max(labels.length, 1 + Math.max(0, ...ids)), 'SUM').map(
      (one, at) => one + (bases?.[bases.length === 1 ? 0 : at] ?? 0),
    );
    const score = only === undefined ? 0 : sums[only]!;
    const rest = transform === 'NONE' || transform === 'PROBIT' ? 1 - score : -score;
    const scores = postTransform(only === undefined ? sums : [rest, score], transform);
    const best = largest(scores);
    which.push(labels.length === 1 ? (best === 1 ? 0 : undefined) : best);
    return scores;
  });
  return [labelled(labels, which), rounded('float32', [rows.length, rows[0]?.length ?? 0], rows.flat())];
}

const AGGREGATES = ['AVERAGE', 'SUM', 'MIN', 'MAX'];
const TRANSFORMS = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'];

function ensemble(op: OpContext, x: NdArray): NdArray {
  const forest = byIndex(op);
  const targets = op.int('n_targets', 1);
  const how = AGGREGATES[op.int('aggregate_function', 1)] ?? 'SUM';
  const transform = TRANSFORMS[op.int('post_transform', 0)] ?? 'NONE';
  const rows = samplesOf(x).map((sample) =>
    postTransform(aggregated(forest, sample, targets, how), transform),
  );
  return rounded(x.dtype === 'float16' ? 'float16' : scoreType(x), [rows.length, targets], rows.flat());
}

export const trees = kernels('ai.onnx.ml', {
  TreeEnsemble: ensemble,
  TreeEnsembleRegressor: regressor,
  TreeEnsembleClassifier: classifier,
});
