// Why each kind of the malformed set has to be refused, in our terms: the diagnostic that names the defect which the
// set's index describes, and words of its message. Written from the descriptions; what else is said of a file must
// follow from the defect (`and`).

import { type Diagnostic, hasErrors } from '../../ir/index.ts';

interface Reason {
  readonly code: string;
  readonly says: string;
  /** Errors that the same defect brings about. */
  readonly and?: readonly string[];
}
const reason = (code: string, says: string, ...and: string[]): Reason => ({ code, says, and });

const twice = reason('BB202', 'is defined a second time');
const undefinedName = reason('BB201', 'which nothing defines');
const unsorted = reason('BB204', 'which an op after it makes');
// The sparse initializers are all read by an Add, which takes dense tensors.
const sparse = (says: string): Reason => reason('BB215', says, 'BB251', 'BB252');

export const reasons: Readonly<Record<string, Reason>> = {
  // Types and shapes.
  'broadcast-impossible': reason('BB252', 'do not broadcast'),
  'cast-to-undefined': reason('BB252', 'names no element type'),
  'concat-axis-range': reason('BB252', 'is outside rank'),
  'concat-rank': reason('BB252', 'ranks differ'),
  'conv-rank': reason('BB252', 'the kernel has 1 axes'),
  'if-branch-types-differ': reason('BB252', 'in then_branch and'),
  'input-elem-type-unknown': reason('BB254', 'no element type'),
  'loop-body-inputs': reason('BB252', 'its body takes 2 inputs and gets 3'),
  'matmul-dims': reason('BB252', 'inner dimensions differ'),
  'output-rank-contradicts': reason('BB253', 'declared as'),
  'output-shape-contradicts': reason('BB253', 'declared as'),
  'sparse-into-dense-op': reason('BB251', 'sparse_tensor(float)'),
  'split-sum': reason('BB252', 'do not make up axis'),
  'squeeze-dim': reason('BB252', 'is not 1'),
  'transpose-perm': reason('BB252', 'is no order of the axes'),
  'value-info-contradicts': reason('BB255', 'element types differ'),

  // Attributes and operators.
  'attribute-duplicate': reason('BB217', 'is there twice'),
  'attribute-name-empty': reason('BB213', 'an attribute has no name'),
  'attribute-type-unset': reason('BB217', 'does not state its type'),
  'attribute-type-value-mismatch': reason('BB217', 'a value of another type', 'BB211'),
  'attribute-unknown': reason('BB210', 'has no attribute'),
  // Without its axis, Concat gives another shape than is declared.
  'attribute-wrong-type': reason('BB211', 'is of type float', 'BB253'),
  'if-branch-missing': reason('BB209', 'needs the attribute else_branch'),
  'node-no-inputs-no-outputs': reason('BB208', 'neither inputs nor outputs'),
  'node-too-few-inputs': reason('BB208', 'inputs, but takes 2'),
  'node-variadic-no-inputs': reason('BB208', '0 inputs, but takes at least 1'),
  'op-type-empty': reason('BB213', 'the operator type'),
  'op-unknown': reason('BB206', 'has no operator'),
  'domain-spelled-out-node': reason('BB207', '"ai.onnx"'),
  'node-domain-not-imported': reason('BB207', 'imports no opset of domain'),

  // Names, definitions and order.
  'function-defined-twice': twice,
  'function-duplicate-inputs': twice,
  'initializer-duplicate-name': twice,
  'initializer-sparse-and-dense': twice,
  'node-output-is-initializer': twice,
  'node-output-is-input': twice,
  'output-defined-twice': twice,
  'output-repeated-in-node': twice,
  'subgraph-shadows-outer': twice,
  'function-input-undefined': undefinedName,
  'graph-output-undefined': undefinedName,
  'node-input-undefined': undefinedName,
  'outer-reads-inner': undefinedName,
  'subgraph-input-undefined': undefinedName,
  'function-not-sorted': unsorted,
  'nodes-not-sorted': unsorted,
  'node-self-cycle': reason('BB203', 'in a cycle'),
  'two-node-cycle': reason('BB203', 'in a cycle'),
  'graph-name-empty': reason('BB213', 'the graph has no name'),
  'input-name-empty': reason('BB213', 'a graph input has no name'),
  'subgraph-name-empty': reason('BB213', 'a subgraph has no name'),
  'sparse-initializer-name-empty': reason('BB213', 'an initializer has no name', 'BB215'),
  'subgraph-output-from-outer': reason('BB205', 'belongs to a graph around it'),

  // Functions.
  'function-domain-missing': reason('BB216', 'has no domain'),
  'function-domain-not-imported': reason('BB207', 'imports no opset of domain'),
  'function-duplicate': reason('BB216', 'is defined twice'),
  'function-duplicate-attributes': reason('BB216', 'has attribute k twice'),
  'function-duplicate-outputs': reason('BB216', 'has output b twice'),
  'function-mutual-recursion': reason('BB216', 'calls itself by way of'),
  'function-opset-conflict': reason('BB216', "another operator in the model's opset", 'BB253'),

  // The header, and what a file must state.
  'initializer-not-input-ir3': reason('BB212', 'wants every initializer among the graph inputs'),
  'ir-version-missing': reason('BB212', 'ir_version is not set'),
  'metadata-duplicate-key': reason('BB212', 'is there twice'),
  'opset-import-in-old-ir': reason('BB212', 'has no opset imports'),
  'opset-import-missing': reason('BB212', 'it imports no opset', 'BB207'),
  'opset-version-zero': reason('BB212', 'does not exist', 'BB206'),
  'input-type-empty': reason('BB214', 'does not state its type'),
  'input-without-type': reason('BB214', 'does not state its type'),
  'input-without-elem-type': reason('BB214', 'does not state its element type'),
  'output-without-shape': reason('BB214', 'does not state its shape'),
  'not-protobuf': reason('BB101', 'not an ONNX model'),

  // Tensors.
  'external-and-raw': reason('BB215', 'both external and internal data'),
  'external-file-missing': reason('BB102', 'does not exist'),
  'external-no-location': reason('BB105', 'there is no location'),
  'external-path-absolute': reason('BB103', "leaves the model's folder"),
  'external-path-escapes': reason('BB103', "leaves the model's folder"),
  'tensor-empty-with-data': reason('BB215', 'no elements, yet data'),
  'tensor-string-raw': reason('BB215', 'strings cannot be in raw_data'),
  'tensor-two-data-fields': reason('BB215', 'data in two fields'),
  'tensor-type-missing': reason('BB215', 'no element type'),
  'tensor-type-undefined': reason('BB215', 'no element type'),
  'tensor-type-unknown': reason('BB215', 'there is no element type 99'),
  'tensor-wrong-data-field': reason('BB215', 'cannot be in floatData'),
  'sparse-coo-width': sparse('coordinates have 2 parts'),
  'sparse-dim-not-positive': sparse('its dimensions are positive'),
  'sparse-index-count': sparse('3 values and 2 indices'),
  'sparse-index-duplicate': sparse('must ascend without repetition'),
  'sparse-index-out-of-range': sparse('is outside'),
  'sparse-index-rank': sparse('rank 1 or 2'),
  'sparse-index-type': sparse('are int64'),
  'sparse-index-unsorted': sparse('must ascend without repetition'),
  'sparse-no-indices': sparse('values and no indices'),
  'sparse-values-rank': sparse('values have one dimension'),
};

/** What is wrong with the reason for which a file of this kind is refused; '' if nothing is. */
export function wrongReason(kind: string, problems: readonly Diagnostic[]): string {
  const wanted = reasons[kind];
  if (wanted === undefined) return hasErrors(problems) ? `no reason to refuse ${kind} is written down` : '';
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (!errors.some(({ code, message }) => code === wanted.code && message.includes(wanted.says)))
    return `does not say ${wanted.code} ${wanted.says}`;
  const allowed = [wanted.code, ...(wanted.and ?? [])];
  const stray = errors.find(({ code }) => !allowed.includes(code));
  return stray === undefined ? '' : `says ${stray.code} ${stray.message} besides`;
}
