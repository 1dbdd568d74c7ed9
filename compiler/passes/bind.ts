// bind: every slot to a component, every state variable to its snapshot key.
//
//   class phone { backend: onnxruntime }     →  slots: backend = onnxruntime
//   StateRead<key = "round">(initial)        →  state: round: int64[]

import {
  attributeString,
  CORE,
  DOMAIN,
  diagnostic,
  isBackend,
  type Slot,
  type StateVariable,
  type Topology,
} from '../../ir/index.ts';
import { type Program, pass } from '../pass.ts';
import { pointAt } from '../point.ts';

export const bind = pass('bind', {
  needs: 'guarded',
  gives: 'bound',
  run(compilation, cx) {
    const deployment = compilation.deployment!;
    const at = (name: string) => pointAt(cx.topology, ['classes', name, 'backend']);
    const unknown = deployment.programs.flatMap((program) => {
      const backend = backendOf(cx.topology, program);
      return isBackend(backend)
        ? []
        : [diagnostic('BB505', { peerClass: program.class, backend }, at(program.class))];
    });
    unknown.forEach(cx.report);
    if (unknown.length > 0) return compilation;
    const programs = deployment.programs.map((program) => ({
      ...program,
      slots: slotsOf(program, cx.topology),
      state: stateOf(program),
    }));
    return { ...compilation, level: 'bound', deployment: { ...deployment, programs } };
  },
});

const backendOf = (topology: Topology, program: Program): string =>
  topology.classes.find((one) => one.name === program.class)!.backend;

/** A program without segments computes nothing, so it needs no backend. */
function slotsOf(program: Program, topology: Topology): readonly Slot[] {
  const computes = [...program.model.opsOf()].some((op) => op.domain === DOMAIN.segment);
  if (!computes) return [];
  return [{ name: 'backend', role: 'backend', component: backendOf(topology, program), options: {} }];
}

function stateOf(program: Program): readonly StateVariable[] {
  const variables = new Map<string, StateVariable>();
  for (const op of program.model.opsOf()) {
    if (op.domain !== DOMAIN.core || (op.type !== CORE.stateRead && op.type !== CORE.stateAssign)) continue;
    const key = attributeString(op, 'key');
    if (key === undefined || (variables.has(key) && op.type === CORE.stateAssign)) continue;
    const value = program.model.value(op.type === CORE.stateRead ? op.outputs[0]! : op.inputs[0]!);
    const type = value.type?.kind === 'tensor' ? value.type : undefined;
    variables.set(key, { key, dtype: type?.dtype ?? null, shape: type?.dims ?? null, scope: 'member' });
  }
  return [...variables.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
