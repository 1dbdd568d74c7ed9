// Runs a plan: step by step, each value forgotten after its last use.

import type { Surroundings } from './attributes.ts';
import { Invalid } from './kernel.ts';
import { NO_SLOT, type Plan, type Step } from './plan.ts';
import { refusal } from './refusal.ts';
import type { Value } from './value.ts';

type Frame = (Value | undefined)[];

/**
 * The plan's outputs. An input that is undefined takes its default; `outer` is the frame that a subgraph captures from.
 * Throws DiagnosticError BB754, BB755.
 */
export function runPlan(plan: Plan, inputs: readonly (Value | undefined)[], outer?: Frame): readonly Value[] {
  const frame: Frame = new Array(plan.slots);
  for (const [slot, value] of plan.constants) frame[slot] = value;
  for (const [from, to] of plan.captures) frame[to] = outer![from];
  plan.inputs.forEach((slot, index) => {
    const value = inputs[index];
    if (value !== undefined) frame[slot] = value;
  });
  for (const step of plan.steps) {
    runStep(step, frame);
    for (const slot of step.frees) frame[slot] = undefined;
  }
  return plan.outputs.map((slot) => frame[slot]!);
}

function runStep(step: Step, frame: Frame): void {
  const inputs = step.inputs.map((slot) => (slot === NO_SLOT ? undefined : frame[slot]));
  const results = compute(step, inputs, frame);
  const list = Array.isArray(results) ? (results as readonly (Value | undefined)[]) : [results as Value];
  step.outputs.forEach((slot, index) => {
    if (slot === NO_SLOT) return;
    frame[slot] = list[index];
  });
}

function compute(step: Step, inputs: readonly (Value | undefined)[], frame: Frame) {
  const { kernel, bodies } = step;
  const op = bodies === undefined ? step.op : step.op.with(bodiesOf(bodies, frame));
  try {
    return kernel(op, ...inputs);
  } catch (error) {
    throw refusal(error, op, step.name);
  }
}

const bodiesOf = (bodies: ReadonlyMap<string, Plan>, frame: Frame): Surroundings => ({
  body(attribute, inputs) {
    const plan = bodies.get(attribute);
    if (plan === undefined) throw new Invalid(`it has no graph ${attribute}`);
    return runPlan(plan, inputs, frame);
  },
  bodyOutput: (attribute, index) => bodies.get(attribute)?.outputTypes[index],
});
