// The compiler: from a recorded or imported model and a topology to bundles and a plan.

export { nearestName } from '../ir/excerpt.ts';
export { isFloat } from './differentiate/builder.ts';
export { type GradOptions, gradModel } from './differentiate/grad-model.ts';
export { leanStep } from './differentiate/lean.ts';
export { replaceGradients, valuesBehind } from './differentiate/replace.ts';
export { jsonBytes, writeDeployment } from './emit.ts';
export { inferModel } from './infer/infer.ts';
export { type Config, parseConfig } from './lint/config.ts';
export {
  findingOf,
  inFileOrder,
  isClean,
  type LintOptions,
  levelOf,
  lint,
  type RuleLevels,
} from './lint/lint.ts';
export * from './lint/rule.ts';
export { rules } from './lint/rules.ts';
export { durationText } from './lint/text.ts';
export { contiguousParts, placeByParts, singleOpParts } from './parts.ts';
export * from './pass.ts';
export { checkModel } from './passes/check.ts';
export { placeInParts } from './passes/place.ts';
export { type CompileOptions, type CompileResult, compile, passes } from './pipeline.ts';
export { type Plain, type PlainOptions, plainModel } from './plain.ts';
export { defaultLimits, type Limits } from './simplify/budget.ts';
export { rewrites } from './simplify/rewrites.ts';
export { type Simplified, type SimplifyOptions, simplifyModel } from './simplify/simplify.ts';
export { chainTopology, parseTopology, TOPOLOGY_VERSION } from './topology.ts';
export { type Typed, Verdict } from './verdict.ts';
