// A compiled deployment as the subject of a picture: a frame per program, segments opened up, and in place of
// Send and Recv the edges of the plan.

import {
  attributeInt,
  attributeInts,
  DOMAIN,
  dependenciesOf,
  type Edge,
  type Model,
  NO_VALUE,
  type Op,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import { formatBytes } from '../output.ts';
import { formatEnd, formatPort } from '../plan.ts';
import { type Cut, importProgram } from './cut.ts';
import type { Boundary, Crossing, DrawnOp, Subject } from './drawing.ts';
import { isConstant, scopePath } from './recorded.ts';

export function partitionedSubject({ plan, programs }: Cut): Subject {
  const reader = new ProgramReader(plan.edges);
  const boundaries = { inputs: [] as Boundary[], outputs: [] as Boundary[] };
  for (const program of programs) {
    const { name } = program;
    const model = importProgram(program);
    reader.read(name, model);
    for (const side of ['inputs', 'outputs'] as const) {
      for (const id of model.mainGraph[side]) {
        const value = model.value(id);
        const port = plan[side].find((one) => one.name === value.name && one.at.class === program.class);
        if (port === undefined) continue;
        boundaries[side].push({
          cluster: name,
          value: `${name}:${id}`,
          label: `${port.name}\n${formatPort(port)}`,
        });
      }
    }
  }
  return { title: plan.source, ...reader.subject(), ...boundaries, labelOf: () => '' };
}

class ProgramReader {
  readonly #edges: ReadonlyMap<number, Edge>;
  readonly #ops: DrawnOp[] = [];
  /** By edge id: the value's key at its sender, and its keys at receivers. */
  readonly #sent = new Map<number, string>();
  readonly #received: { readonly edge: number; readonly value: string }[] = [];

  constructor(edges: readonly Edge[]) {
    this.#edges = new Map(edges.map((edge) => [edge.id, edge]));
  }

  read(program: string, model: Model): void {
    for (const op of model.opsOf()) {
      const fn = model.functionOf(op);
      if (op.domain === DOMAIN.wire) this.#wire(program, op);
      else if (fn === undefined) this.#op(program, model, op, (id) => `${program}:${id}`, []);
      else {
        // Inside a segment its inputs and outputs have keys of the call.
        const body = model.graph(fn.graph);
        const outer = new Map<ValueId, ValueId>();
        for (const [index, id] of body.inputs.entries()) outer.set(id, op.inputs[index]!);
        for (const [index, id] of body.outputs.entries()) outer.set(id, op.outputs[index]!);
        for (const inner of model.opsOf(fn.graph)) {
          this.#op(program, model, inner, (id) => `${program}:${outer.get(id) ?? id}`, [op.type]);
        }
      }
    }
  }

  #op(cluster: string, model: Model, op: Op, key: (id: ValueId) => string, path: readonly string[]): void {
    if (isConstant(op)) return;
    const scopes = scopePath(op);
    this.#ops.push({
      cluster,
      type: op.type,
      name: op.name,
      path: scopes.length > 0 ? scopes : path,
      inputs: dependenciesOf(model, op).map(key),
      outputs: op.outputs.filter((id) => id !== NO_VALUE).map(key),
    });
  }

  #wire(program: string, op: Op): void {
    const key = (id: ValueId): string => `${program}:${id}`;
    if (op.type === WIRE.send) this.#sent.set(attributeInt(op, 'edge', -1), key(op.inputs[0]!));
    else if (op.type === WIRE.recv) {
      this.#received.push({ edge: attributeInt(op, 'edge', -1), value: key(op.outputs[0]!) });
    } else {
      // A collect is work at its place: a box that the members' edges lead to.
      const edges = attributeInts(op, 'edges') ?? [];
      const inputs = edges.map((edge) => `${program}:edge${edge}`);
      for (const [index, edge] of edges.entries()) this.#received.push({ edge, value: inputs[index]! });
      const outputs = op.outputs.filter((id) => id !== NO_VALUE).map(key);
      this.#ops.push({ cluster: program, type: op.type, name: '', path: [], inputs, outputs });
    }
  }

  subject(): Pick<Subject, 'ops' | 'crossings'> {
    const crossings: Crossing[] = [];
    for (const { edge: id, value } of this.#received) {
      const edge = this.#edges.get(id);
      const from = this.#sent.get(id);
      if (edge === undefined || from === undefined) continue;
      const bytes = formatBytes(edge.bytes) ?? '? B';
      const cohort = edge.to.binder === 'single' ? [] : [`to ${formatEnd(edge.to)}`];
      const label = [formatPort(edge), bytes, ...cohort].join('\n');
      crossings.push({ from, to: value, label });
    }
    return { ops: this.#ops, crossings };
  }
}
