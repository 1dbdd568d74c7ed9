// bind: every slot to a component, every state variable to its snapshot key.
//
//   class phone { backend: onnxruntime }     →  slots: backend = onnxruntime
//   role.data_source.Size<slot = "train">()  →  slots: train = train
//   StateRead<key = "round">(initial)        →  state: round: int64[]

import {
  attributeString,
  attributeStrings,
  CORE,
  codecOptions,
  codecSlot,
  componentOf,
  DOMAIN,
  diagnostic,
  type Edge,
  isBackend,
  type MethodCall,
  type Model,
  type Op,
  type Port,
  RAW,
  ROLE_ATTRIBUTE,
  roleCallOf,
  type Slot,
  type SlotMethod,
  type StateVariable,
  statedType,
  type Topology,
  type ValueId,
} from '../../ir/index.ts';
import { type PassContext, type Program, pass } from '../pass.ts';
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
    warnOfUnasked(deployment.programs, cx);
    const programs = deployment.programs.map((program) => ({
      ...program,
      slots: [
        ...backendSlot(program, cx.topology),
        ...componentSlots(program),
        ...codecSlots(program, deployment.edges),
      ],
      state: stateOf(program),
    }));
    return { ...compilation, level: 'bound', deployment: { ...deployment, programs } };
  },
});

/** What the topology binds and no program asks for; a misspelled name is found here, and not where peers start. */
function warnOfUnasked(programs: readonly Program[], { topology, report }: PassContext): void {
  for (const { name: peerClass, components } of topology.classes) {
    const program = programs.find((one) => one.class === peerClass);
    const known = program === undefined ? [] : componentSlots(program).map(({ name }) => name);
    for (const { name } of components) {
      if (known.includes(name)) continue;
      const at = pointAt(topology, ['classes', peerClass, 'components', name]);
      report(diagnostic('BB776', { name, peerClass, known }, at));
    }
  }
}

const backendOf = (topology: Topology, program: Program): string =>
  topology.classes.find((one) => one.name === program.class)!.backend;

/** A program without segments computes nothing, so it needs no backend. */
function backendSlot(program: Program, topology: Topology): readonly Slot[] {
  const computes = [...program.model.opsOf()].some((op) => op.domain === DOMAIN.segment);
  if (!computes) return [];
  return [{ name: 'backend', role: 'backend', component: backendOf(topology, program), options: {} }];
}

/** What the program asks by name: the component of that name, which the deployment or the host provides. */
function componentSlots({ model }: Program): readonly Slot[] {
  const slots = new Map<string, Slot>();
  for (const op of model.opsOf()) {
    const call = roleCallOf(op);
    const name = attributeString(op, ROLE_ATTRIBUTE.slot);
    if (call === undefined || name === undefined) continue;
    const before = slots.get(name);
    const fields = before?.fields ?? fieldsOf(model, op, call);
    const known = before?.methods;
    const methods = call.role === 'protocol' && {
      methods: { ...known, [op.type]: methodOf(model, op, call, known?.[op.type]) },
    };
    const own = { name, role: call.role, component: componentOf(op), options: settingsOf(op) };
    slots.set(name, { ...own, ...(fields && { fields }), ...methods });
  }
  for (const component of eventSources(model))
    if (![...slots.values()].some((slot) => slot.component === component))
      slots.set(component, { name: component, role: 'protocol', component, options: {} });
  return [...slots.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Components whose events start flows. */
const eventSources = (model: Model): readonly string[] =>
  [...model.opsOf()].flatMap((op) =>
    op.domain === DOMAIN.core && attributeString(op, 'trigger') === 'event'
      ? (attributeString(op, 'component') ?? [])
      : [],
  );

/** What the values of its edges are encoded and decoded with. */
function codecSlots({ class: name }: Program, edges: readonly Edge[]): readonly Slot[] {
  const mine = edges.filter(({ from, to }) => from.class === name || to.class === name);
  const codecs = new Set(mine.map(({ codec }) => codec).filter((codec) => codec !== RAW));
  return [...codecs].sort().map((codec) => {
    const name = codecSlot(codec);
    return { name, role: 'codec', component: name, options: codecOptions(codec) ?? {} };
  });
}

const settingsOf = (op: Op): Slot['options'] =>
  JSON.parse(attributeString(op, ROLE_ATTRIBUTE.settings) ?? '{}');

/** Sizes with a name are those of one call, so they are left open. */
const portOfValue = (model: Model, id: ValueId): Port => {
  const { name, type } = model.value(id);
  const stated = statedType(type);
  return {
    name,
    ...stated,
    shape: stated.shape?.map((dim) => (typeof dim === 'number' ? dim : null)) ?? null,
  };
};

/** What fits both. */
function common(a: Port, b: Port | undefined): Port {
  if (b === undefined) return a;
  const shape = a.shape?.length === b.shape?.length ? a.shape : null;
  return {
    name: b.name,
    dtype: a.dtype === b.dtype ? a.dtype : null,
    shape: shape?.map((dim, axis) => (dim === b.shape![axis] ? dim : null)) ?? null,
  };
}

function methodOf(model: Model, op: Op, { kind }: MethodCall, before: SlotMethod | undefined): SlotMethod {
  const ports = (values: readonly ValueId[], known: readonly Port[] | undefined): readonly Port[] =>
    values.map((id, at) => common(portOfValue(model, id), known?.[at]));
  return { kind, inputs: ports(op.inputs, before?.inputs), outputs: ports(op.outputs, before?.outputs) };
}

/** The fields that a call gives, for any number of records. */
function fieldsOf(model: Model, op: Op, { method }: MethodCall): readonly Port[] | undefined {
  if (method?.outputs !== 'fields') return undefined;
  return attributeStrings(op, ROLE_ATTRIBUTE.fields).map((name, at) => {
    const { dtype, shape } = statedType(model.value(op.outputs[at]!).type);
    return { name, dtype, shape: shape && [null, ...shape.slice(1)] };
  });
}

function stateOf(program: Program): readonly StateVariable[] {
  const variables = new Map<string, StateVariable>();
  for (const op of program.model.opsOf()) {
    if (op.domain !== DOMAIN.core || (op.type !== CORE.stateRead && op.type !== CORE.stateAssign)) continue;
    const key = attributeString(op, 'key');
    if (key === undefined || (variables.has(key) && op.type === CORE.stateAssign)) continue;
    const value = program.model.value(op.type === CORE.stateRead ? op.outputs[0]! : op.inputs[0]!);
    const type = value.type?.kind === 'tensor' ? value.type : undefined;
    variables.set(key, { key, dtype: type?.dtype ?? null, shape: type?.dims ?? null, scope: scopeOf(op) });
  }
  return [...variables.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Whether the author wants one variable for each session, or each peer that starts flows there. */
function scopeOf(op: Op): StateVariable['scope'] {
  const scope = attributeString(op, 'scope');
  return scope === 'session' || scope === 'peer' ? scope : 'member';
}
