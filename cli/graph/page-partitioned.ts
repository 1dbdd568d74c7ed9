// The programs of a deployment as a page's graph: a region per fragment, and in place of Send and Recv the values
// that cross.

import {
  attributeInt,
  attributeInts,
  DOMAIN,
  type Edge,
  METADATA,
  type Model,
  type Op,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import { formatBytes, formatNs } from '../output.ts';
import { formatEnd, formatPort } from '../plan.ts';
import { type Cut, type CutProgram, importProgram } from './cut.ts';
import type { PageCrossing, PageGraph, PageGroup, PageOp, PageValue } from './page/data.ts';
import { groupedGraph } from './page-recorded.ts';
import {
  type BareOp,
  bareOp,
  boundaryOp,
  isConstantOp,
  type LineAt,
  scopeOf,
  ValueTable,
} from './page-subject.ts';

export function partitionedGraph(cut: Cut, lineAt: LineAt, maxBoxes: number): PageGraph {
  const builder = new CutBuilder(cut, lineAt);
  for (const program of cut.programs) builder.program(program);
  return builder.graph(maxBoxes);
}

/** One end of an edge: a value in a region. */
interface Endpoint {
  readonly value: number;
  readonly region: number;
}

class CutBuilder {
  readonly #cut: Cut;
  readonly #lineAt: LineAt;
  readonly #classes: readonly string[];
  readonly #values: PageValue[] = [];
  readonly #ops: PageOp[] = [];
  readonly #paths: (readonly string[])[] = [];
  readonly #regions: PageGroup[] = [];
  readonly #sent = new Map<number, Endpoint>();
  readonly #received: (Endpoint & { readonly edge: number })[] = [];

  constructor(cut: Cut, lineAt: LineAt) {
    this.#cut = cut;
    this.#lineAt = lineAt;
    this.#classes = Object.keys(cut.plan.members);
  }

  program(program: CutProgram): void {
    const model = importProgram(program);
    const peer = this.#classes.indexOf(program.class);
    new ProgramBuilder(this, model, program, peer).build();
  }

  get values(): PageValue[] {
    return this.#values;
  }
  get lineAt(): LineAt {
    return this.#lineAt;
  }
  get source(): string {
    return this.#cut.plan.source;
  }
  /** Whether a value of a program is one of the whole computation's inputs or outputs. */
  isPort(side: 'inputs' | 'outputs', name: string, className: string): boolean {
    return this.#cut.plan[side].some((port) => port.name === name && port.at.class === className);
  }
  addOp(op: PageOp, path: readonly string[]): void {
    this.#ops.push(op);
    this.#paths.push(path);
  }
  addRegion(region: PageGroup): number {
    return this.#regions.push(region) - 1;
  }
  send(edge: number, end: Endpoint): void {
    this.#sent.set(edge, end);
  }
  receive(edge: number, end: Endpoint): void {
    this.#received.push({ edge, ...end });
  }

  graph(maxBoxes: number): PageGraph {
    const edges = new Map(this.#cut.plan.edges.map((edge) => [edge.id, edge]));
    const crossings = this.#received
      .toSorted((a, b) => a.edge - b.edge)
      .flatMap((to): PageCrossing[] => {
        const [edge, from] = [edges.get(to.edge), this.#sent.get(to.edge)];
        return edge === undefined || from === undefined ? [] : [crossingOf(edge, from, to)];
      });
    const graph = {
      ops: this.#ops,
      values: this.#values,
      groups: withSteps(this.#regions, crossings),
      crossings,
      notes: [],
    };
    return groupedGraph(graph, this.#paths, maxBoxes);
  }
}

const crossingOf = (edge: Edge, from: Endpoint, to: Endpoint): PageCrossing => ({
  edge: edge.id,
  kind: edge.kind,
  from: from.value,
  to: to.value,
  fromRegion: from.region,
  toRegion: to.region,
  value: edge.kind === 'trigger' ? 'trigger' : edge.value,
  type: edge.kind === 'trigger' ? '' : formatPort(edge),
  bytes: edge.kind === 'trigger' ? '' : (formatBytes(edge.bytes) ?? '? B'),
  deadline: formatNs(edge.deadlineNs) ?? '',
  envelope: edge.envelope,
  route: `${formatEnd(edge.from)} → ${formatEnd(edge.to)}`,
});

/** When each region can run: after those before it on its peer, and after what it waits for. */
function withSteps(regions: readonly PageGroup[], crossings: readonly PageCrossing[]): PageGroup[] {
  const steps = regions.map(() => 0);
  // Every round settles at least one more region; a folder that says otherwise does not hang us.
  for (let round = 0, changed = true; changed && round <= regions.length; round++) {
    changed = false;
    const raise = (to: number, step: number): void => {
      if (steps[to]! >= step) return;
      steps[to] = step;
      changed = true;
    };
    for (const [index, region] of regions.entries()) {
      const before = regions.findLastIndex((one, at) => at < index && one.peer === region.peer);
      if (before >= 0) raise(index, steps[before]! + 1);
    }
    for (const { fromRegion, toRegion } of crossings) raise(toRegion, steps[fromRegion]! + 1);
  }
  return regions.map((region, index) => ({ ...region, step: steps[index]! }));
}

/** Reads one program into the page's lists. */
class ProgramBuilder {
  readonly #page: CutBuilder;
  readonly #model: Model;
  readonly #name: string;
  readonly #class: string;
  readonly #peer: number;
  readonly #values: ValueTable;
  readonly #regions = new Map<number, number>();
  readonly #regionOf = new Map<number, number>();
  readonly #ops: {
    readonly bare: BareOp;
    path: readonly string[];
    region: number;
    fragment: number;
    segment: string;
  }[] = [];

  constructor(page: CutBuilder, model: Model, program: CutProgram, peer: number) {
    this.#page = page;
    this.#model = model;
    this.#name = program.name;
    this.#class = program.class;
    this.#peer = peer;
    this.#values = new ValueTable(model, page.values);
  }

  build(): void {
    const steps = [...this.#model.opsOf()].map((op) => ({ op, fragment: fragmentOf(op) }));
    const fragments = [...new Set(steps.map(({ fragment }) => fragment))].sort((a, b) => a - b);
    for (const fragment of fragments) {
      const count = steps
        .filter((step) => step.fragment === fragment)
        .reduce((sum, { op }) => sum + this.#opsOf(op), 0);
      this.#addRegion(fragment, fragments.length, count);
    }
    for (const { op, fragment } of steps) this.#step(op, fragment);
    const plain = this.#ops.filter(({ bare }) => bare.kind === 'op').length;
    this.#inputs();
    let index = 0;
    for (const { bare, path, region, fragment, segment } of this.#ops) {
      const schedule =
        bare.kind === 'op' ? { schedule: { index: ++index, of: plain, fragment, segment } } : {};
      this.#page.addOp({ ...bare, group: region, peer: this.#peer, ...schedule }, path);
    }
    this.#outputs();
  }

  #opsOf(op: Op): number {
    if (op.domain === DOMAIN.wire) return op.type === WIRE.collect ? 1 : 0;
    const fn = this.#model.functionOf(op);
    return fn === undefined ? 1 : [...this.#model.opsOf(fn.graph)].filter((one) => !isConstantOp(one)).length;
  }

  #addRegion(fragment: number, of: number, count: number): void {
    const title = of > 1 ? `${this.#name} · fragment ${fragment}` : this.#name;
    const detail = `${count} ${count === 1 ? 'op' : 'ops'}`;
    const region: PageGroup = {
      kind: 'region',
      title,
      detail,
      parent: -1,
      peer: this.#peer,
      step: 0,
      fragment,
    };
    this.#regions.set(fragment, this.#page.addRegion(region));
  }

  #step(op: Op, fragment: number): void {
    const region = this.#regions.get(fragment)!;
    const fn = this.#model.functionOf(op);
    if (op.domain === DOMAIN.wire) this.#wire(op, region, fragment);
    else if (fn === undefined) this.#add(this.#bare(op), op, region, fragment, '');
    else {
      // Inside a segment its inputs and outputs are the values of the call.
      const body = this.#model.graph(fn.graph);
      for (const [index, id] of body.inputs.entries()) this.#alias(id, op.inputs[index]);
      for (const [index, id] of body.outputs.entries()) this.#alias(id, op.outputs[index]);
      for (const inner of this.#model.opsOf(fn.graph)) {
        if (!isConstantOp(inner)) this.#add(this.#bare(inner), inner, region, fragment, op.type);
      }
    }
  }

  #alias(inner: ValueId, outer: ValueId | undefined): void {
    if (outer !== undefined && !this.#values.isConstant(inner))
      this.#values.alias(inner, this.#values.of(outer));
  }

  #bare(op: Op): BareOp {
    return bareOp(this.#model, op, this.#values, this.#page.source, this.#page.lineAt);
  }

  #add(bare: BareOp, op: Op, region: number, fragment: number, segment: string): void {
    this.#ops.push({ bare, path: scopeOf(op), region, fragment, segment });
    for (const value of bare.outputs) this.#regionOf.set(value, region);
  }

  #wire(op: Op, region: number, fragment: number): void {
    if (op.type === WIRE.send) {
      const [input] = op.inputs;
      const value = input === undefined || this.#values.isConstant(input) ? -1 : this.#values.of(input);
      this.#page.send(attributeInt(op, 'edge', -1), { value, region });
    } else if (op.type === WIRE.recv) {
      const value = this.#values.of(op.outputs[0]!);
      this.#regionOf.set(value, region);
      this.#page.receive(attributeInt(op, 'edge', -1), { value, region });
    } else {
      // A collect is work at its place: a box that the members' edges lead to.
      const inputs = (attributeInts(op, 'edges') ?? []).map((edge) => {
        const name = `edge ${edge}`;
        const value = this.#page.values.push({ name, type: '', bytes: '' }) - 1;
        this.#page.receive(edge, { value, region });
        return value;
      });
      this.#add({ ...this.#bare(op), type: 'Collect', inputs }, op, region, fragment, '');
    }
  }

  /** Inputs stand in the first region that reads them. */
  #inputs(): void {
    const { mainGraph } = this.#model;
    for (const id of mainGraph.inputs) {
      const { name, weight } = this.#model.value(id);
      if (weight !== undefined || !this.#page.isPort('inputs', name, this.#class)) continue;
      const value = this.#values.of(id);
      const reader = this.#ops.find(
        ({ bare }) => bare.inputs.includes(value) || bare.captures.includes(value),
      );
      const region = reader?.region ?? this.#firstRegion();
      const bare = boundaryOp('input', value, this.#page.values);
      this.#ops.unshift({ bare, path: [], region, fragment: 0, segment: '' });
    }
  }

  #outputs(): void {
    for (const id of this.#model.mainGraph.outputs) {
      if (!this.#page.isPort('outputs', this.#model.value(id).name, this.#class)) continue;
      const value = this.#values.of(id);
      const region = this.#regionOf.get(value) ?? this.#firstRegion();
      this.#page.addOp(
        { ...boundaryOp('output', value, this.#page.values), group: region, peer: this.#peer },
        [],
      );
    }
  }

  /** A program that only hands its inputs on has no fragment of its own. */
  #firstRegion(): number {
    if (this.#regions.size === 0) this.#addRegion(0, 1, 0);
    return this.#regions.values().next().value!;
  }
}

/** Metadata survives an import as it stood in the file. */
function fragmentOf(op: Op): number {
  const entry = op.residue?.metadataProps.find(({ key }) => key === METADATA.fragment);
  return entry === undefined || !/^\d{1,9}$/.test(entry.value) ? 0 : Number(entry.value);
}
