// Which function or operator a node of a file calls.

import type { Diagnostic } from '../../../ir/diagnostic.ts';
import { newestVersions } from '../../../ir/generated/opset.ts';
import { decode } from '../../../runtime/proto/codec.ts';
import type { FindKernel } from './kernel.ts';
import { type FunctionProto, graph as graphTable, type ModelProto, type NodeProto } from './proto.ts';
import { unknownOp } from './refusal.ts';

/** "" is the standard domain; some files spell it out. */
export const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);
export const keyOf = ({
  domain,
  opType,
  overload,
}: Pick<NodeProto, 'domain' | 'opType' | 'overload'>): string =>
  `${domainOf(domain)}\n${opType}\n${overload}`;
export const functionsOf = (model: ModelProto): ReadonlyMap<string, FunctionProto> =>
  new Map(model.functions.map((fn) => [keyOf({ ...fn, opType: fn.name }), fn]));
export const opsetsOf = (imports: ModelProto['opsetImport']): ReadonlyMap<string, number> =>
  new Map(imports.map(({ domain, version }) => [domainOf(domain), version]));

/** For messages: the op's name, or its type and first output. */
export const describeNode = ({ name, opType, output }: NodeProto): string =>
  name || `${opType} → ${output.find((one) => one !== '') ?? ''}`;

/** Finds kernels; an opset newer than any that we know may mean something else by the same name. */
export const upToNewest =
  (find: FindKernel): FindKernel =>
  (domain, type, opset) =>
    opset > (newestVersions[domain] ?? opset) ? undefined : find(domain, type, opset);

/** Every op that would need a kernel and has none, functions that are called and subgraphs included. */
export function unknownOps(model: ModelProto, find: FindKernel): readonly Diagnostic[] {
  const functions = functionsOf(model);
  const problems = new Map<string, Diagnostic>();
  const called = new Set<FunctionProto>();
  const visit = (nodes: readonly NodeProto[], opsets: ReadonlyMap<string, number>): void => {
    for (const node of nodes) {
      for (const { g } of node.attribute) if (g.length > 0) visit(decode(graphTable, g).node, opsets);
      const fn = functions.get(keyOf(node));
      if (fn !== undefined) {
        called.add(fn);
        continue;
      }
      const op = {
        domain: domainOf(node.domain),
        type: node.opType,
        opset: opsets.get(domainOf(node.domain)) ?? 1,
      };
      const key = `${keyOf(node)}\n${op.opset}`;
      if (!problems.has(key) && find(op.domain, op.type, op.opset) === undefined)
        problems.set(key, unknownOp(op, describeNode(node)));
    }
  };
  const opsets = opsetsOf(model.opsetImport);
  visit(model.graph?.node ?? [], opsets);
  // Grows while it is walked.
  for (const fn of called) visit(fn.node, new Map([...opsets, ...opsetsOf(fn.opsetImport)]));
  return [...problems.values()];
}
