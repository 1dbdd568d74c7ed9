import { CORE, DOMAIN, type Edge, NO_VALUE, type Op, type OpId, WIRE } from '../../../ir/index.ts';
import type { Program } from '../../pass.ts';
import { rule } from '../rule.ts';
import { atEdge, edgeText, valuesByName, type WireEnd, wireEnds } from '../wire.ts';

const model = `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('there-and-back', () => {
  const x = input('x', float32, [4], { at: phone });
  const h = on(phone, () => x.relu());
  const far = on(server, () => h.exp());
  output('y', on(phone, () => far.neg()));
});`;
const topology = '{ "version": 1, "classes": { "phone": {}, "server": {} } }';

export const cyclicWait = rule('cyclic-wait', {
  level: 'error',
  needs: 'bound',
  summary: 'peers wait for each other in a circle',
  rationale:
    'None of them ever sends, and every flow ends at its deadlines. A send waits for what its value is computed from, and one in a fragment that changes state for the whole fragment. The compiler cuts so that this cannot be; an inserted pass or a program changed by hand can break it.',
  *run({ programs, edges, graph }) {
    const cycle = findCycle(programs);
    if (cycle === undefined) return;
    const values = valuesByName(graph);
    const around = cycle.map((id) => edges[id]).filter((edge): edge is Edge => edge !== undefined);
    yield {
      message: `${around.map(edgeText).join(' waits for ')}, which waits for the first`,
      hint: 'send one of them before waiting for the other',
      ...atEdge(graph, around[0]!, values),
      related: around.map((edge) => ({
        message: `${edge.from.class} sends ${edge.value}`,
        at: atEdge(graph, edge, values).at,
      })),
    };
  },
  examples: {
    bad: {
      model,
      topology,
      tampered: {
        how: 'the phone sends what it receives, instead of h',
        change: (plan) => ({ ...plan, programs: plan.programs.map(sendingWhatItReceives) }),
      },
    },
    good: { model, topology },
  },
});

/** The example's fault: in a program with both, the send reads what the receive brings. */
function sendingWhatItReceives(program: Program): Program {
  if (program.class !== 'phone') return program;
  const ops = [...program.model.opsOf()];
  const [send, receive] = [WIRE.send, WIRE.recv].map((type) => ops.find((op) => op.type === type)!);
  const editor = program.model.edit();
  editor.setOp(send!.id, { inputs: receive!.outputs });
  return { ...program, model: editor.finish() };
}

/** What must happen before a step: made values, the other end of an edge, the fragment that commits a send. */
interface WaitGraph {
  readonly steps: readonly (readonly number[])[];
  /** Edge of each send's step. */
  readonly edgeOf: ReadonlyMap<number, number>;
}

/** Edges that wait for each other, each for the next; undefined if there are none. */
function findCycle(programs: readonly Program[]): readonly number[] | undefined {
  const { steps, edgeOf } = waitGraph(programs);
  const OPEN = 1;
  const state = new Uint8Array(steps.length);
  for (let root = 0; root < steps.length; root++) {
    const stack = state[root] === 0 ? [{ step: root, next: 0 }] : [];
    state[root] ||= OPEN;
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const before = steps[top.step]![top.next++];
      if (before === undefined) {
        state[top.step] = 2;
        stack.pop();
      } else if (state[before] === OPEN) {
        const from = stack.findIndex(({ step }) => step === before);
        return stack.slice(from).flatMap(({ step }) => edgeOf.get(step) ?? []);
      } else if (state[before] === 0) {
        state[before] = OPEN;
        stack.push({ step: before, next: 0 });
      }
    }
  }
  return undefined;
}

function waitGraph(programs: readonly Program[]): WaitGraph {
  const steps: number[][] = [];
  const edgeOf = new Map<number, number>();
  const stepOf = programs.map(({ model }) => {
    const first = steps.length;
    for (let id = 0; id < model.opLimit; id++) steps.push([]);
    return (op: OpId): number => first + op;
  });
  const { sends, receives } = wireEnds({ programs });
  const step = ({ program, op }: WireEnd): number => stepOf[programs.indexOf(program)]!(op.id);
  const sentBy = new Map(sends.map((one) => [one.edge, step(one)]));
  for (const one of sends) edgeOf.set(step(one), one.edge);
  for (const one of receives) {
    const sent = sentBy.get(one.edge);
    if (sent !== undefined) steps[step(one)]!.push(sent);
  }
  programs.forEach((program, index) => {
    const at = stepOf[index]!;
    const commit = stateFragments(program);
    for (const op of program.model.opsOf()) {
      for (const value of op.inputs) {
        const def = value === NO_VALUE ? undefined : program.model.value(value).def;
        if (def?.kind === 'op') steps[at(op.id)]!.push(at(def.op));
      }
      if (op.domain !== DOMAIN.wire || op.type !== WIRE.send) continue;
      for (const other of commit.get(program.fragments[op.id]!) ?? []) steps[at(op.id)]!.push(at(other.id));
    }
  });
  return { steps, edgeOf };
}

/** Ops of fragments that assign state, sends left out: all of them run before one of its sends leaves. */
function stateFragments({ model, fragments }: Program): ReadonlyMap<number, readonly Op[]> {
  const stateful = new Set<number>();
  for (const op of model.opsOf()) if (op.type === CORE.stateAssign) stateful.add(fragments[op.id]!);
  const found = new Map<number, Op[]>();
  for (const op of model.opsOf()) {
    const fragment = fragments[op.id]!;
    if (!stateful.has(fragment) || (op.domain === DOMAIN.wire && op.type === WIRE.send)) continue;
    const ops = found.get(fragment);
    if (ops === undefined) found.set(fragment, [op]);
    else ops.push(op);
  }
  return found;
}
