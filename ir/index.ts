// The intermediate representation: ONNX's structure in memory, types, diagnostics, and what bundles contain.

export * from './backends.ts';
export * from './binding.ts';
export * from './copy.ts';
export * from './data.ts';
export * from './deployment.ts';
export * from './diagnostic.ts';
export * from './evaluator.ts';
export * from './gradient.ts';
export * from './graph.ts';
export * from './limit.ts';
export * from './names.ts';
export * from './onnx/index.ts';
export * from './place.ts';
export * from './print.ts';
export * from './reasons.ts';
export * from './report.ts';
export * from './role-op.ts';
export * from './roles/declaration.ts';
export * from './roles/table.ts';
export { type MethodCall, ROLE_ATTRIBUTE, roleDomain } from './roles.ts';
export * from './routes.ts';
export * from './same-graph.ts';
export * from './sink.ts';
export * from './sort.ts';
export * from './topology.ts';
export * from './traffic.ts';
export * from './types.ts';
