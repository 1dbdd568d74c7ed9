import {
  attributeString,
  CORE,
  describeOp,
  type Model,
  NO_VALUE,
  ROLE_ATTRIBUTE,
  roleCallOf,
  type ValueId,
} from '../../../ir/index.ts';
import { privateSources } from '../../handover.ts';
import { type Crossing, findCrossings, isCore, type PlacedGraph, placeOfValue } from '../../split/places.ts';
import { atValue, whereMade } from '../about.ts';
import { type Problem, rule } from '../rule.ts';

export const privateValueLeavesClass = rule('private-value-leaves-class', {
  level: 'error',
  needs: 'bound',
  summary: 'what is computed from a private input goes to another class',
  rationale:
    "An input or a data source marked private never leaves its class as it is: the compiler refuses that (BB418). What is computed from it may leave, and often gives it away: features can be inverted, gradients hold their examples, a sum over few members is nearly one of them. So this rule follows what is private through every op and through state, and shows the way to the edge. Nothing protects by itself, no aggregation and no `collect` either. An author who knows why a value may be known elsewhere (it is masked, encrypted, noised, too coarse) says so with `.declassify('reason')`, or with `declassify` at a stage of an imported model. The gradient of what another class made has labels in it and goes back there: `.declassifyGradient('reason')` on that value is about it alone. It looks at values, not at how long they take or whether they are there; a shape counts as a value once an op reads it.",
  refusals: ['BB418'],
  *run({ graph }) {
    const leaks = new Map<string, { crossing: Crossing; ways: Way[] }>();
    const crossings = findCrossings(graph, () => {});
    for (const source of privateSources(graph.model)) {
      const way = new Way(graph, source, graph.places[placeOfValue(graph, source)]!.class);
      for (const crossing of crossings) {
        if (!way.leads(crossing)) continue;
        const key = `${crossing.value} ${crossing.to}`;
        const leak = leaks.get(key);
        if (leak === undefined) leaks.set(key, { crossing, ways: [way] });
        else leak.ways.push(way);
      }
    }
    for (const { crossing, ways } of leaks.values()) yield problemOf(graph, crossing, ways);
  },
  examples: {
    bad: {
      model: `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('leak', () => {
  const photo = input('photo', float32, [1, 8, 8], { at: phone, private: true });
  const rows = on(phone, () => photo.reduceMean({ axes: [2], keepdims: false }));
  output('y', on(server, () => rows.relu()));
});`,
      topology: '{ "version": 1, "classes": { "phone": {}, "server": {} } }',
    },
    good: {
      model: `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('told', () => {
  const photo = input('photo', float32, [1, 8, 8], { at: phone, private: true });
  const brightness = on(phone, () => photo.reduceMean().declassify('one number says nothing of who is on it'));
  output('y', on(server, () => brightness.relu()));
});`,
      topology: '{ "version": 1, "classes": { "phone": {}, "server": {} } }',
    },
  },
});

/** Where a private input, or a field of private data, goes within its class. */
class Way {
  readonly source: ValueId;
  readonly home: string;
  readonly #graph: PlacedGraph;
  /** What each value that the source went into was computed from. */
  readonly #from = new Map<ValueId, ValueId>();
  /** State variables that such a value is assigned to. */
  readonly #kept = new Map<string, ValueId>();

  constructor(graph: PlacedGraph, source: ValueId, home: string) {
    this.#graph = graph;
    this.source = source;
    this.home = home;
    this.#from.set(source, NO_VALUE);
    // A variable may be read before it is assigned: the next flow sees it.
    for (let kept = -1; kept < this.#kept.size; ) {
      kept = this.#kept.size;
      this.#follow();
    }
  }

  #follow(): void {
    const { model, opPlace, places, reads } = this.#graph;
    for (const op of model.opsOf()) {
      if (op.declassified !== undefined || places[opPlace[op.id]!]!.class !== this.home) continue;
      const key = attributeString(op, 'key') ?? '';
      const kept = isCore(op, CORE.stateRead) ? this.#kept.get(key) : undefined;
      const source = kept ?? reads[op.id]!.find((id) => this.#from.has(id));
      if (source === undefined) continue;
      if (isCore(op, CORE.stateAssign) && !this.#kept.has(key)) this.#kept.set(key, source);
      for (const id of op.outputs) if (!this.#from.has(id)) this.#from.set(id, source);
    }
  }

  leads({ value, from, to }: Crossing): boolean {
    const { places } = this.#graph;
    return places[from]!.class === this.home && places[to]!.class !== this.home && this.#from.has(value);
  }

  /** From the input to a value, both included. */
  to(value: ValueId): readonly ValueId[] {
    const path: ValueId[] = [];
    for (let id = value; id !== NO_VALUE; id = this.#from.get(id)!) path.push(id);
    return path.reverse();
  }
}

function problemOf(graph: PlacedGraph, { value, to, reader }: Crossing, ways: readonly Way[]): Problem {
  const { model, places } = graph;
  const [first] = ways as [Way];
  const names = ways.map(({ source }) => model.value(source).name).join(', ');
  const kind = ways.every(({ source }) => model.value(source).def.kind === 'input') ? 'input' : 'value';
  const away = places[to]!.class;
  const arrival = reader === undefined ? undefined : model.op(reader);
  return {
    message: `${model.value(value).name} is computed from private ${kind}${ways.length === 1 ? '' : 's'} ${names} and goes from class ${first.home} to ${away}`,
    hint: `keep its readers on ${first.home}, or say with .declassify('reason') why it may be known on ${away}; of a gradient, with .declassifyGradient on the value it belongs to`,
    ...atValue(model, value),
    related: [
      ...steps(model, first.to(value)),
      {
        message: `crosses to ${away}${arrival === undefined ? ' as an output' : `, where ${describeOp(model, arrival)} reads it`}`,
        at: arrival?.at ?? whereMade(model, value),
      },
    ],
  };
}

/** One step per line of the author's: an imported model has hundreds of ops on one. */
function steps(model: Model, path: readonly ValueId[]): NonNullable<Problem['related']> {
  const lines: { at: ReturnType<typeof whereMade>; values: ValueId[] }[] = [];
  for (const id of path) {
    const at = whereMade(model, id);
    const last = lines.at(-1);
    if (last !== undefined && at !== undefined && last.at?.file === at.file && last.at.line === at.line) {
      last.values.push(id);
    } else lines.push({ at, values: [id] });
  }
  return lines.map(({ at, values }) => ({ at, message: stepText(model, values) }));
}

function stepText(model: Model, values: readonly ValueId[]): string {
  const [first, last] = [values[0]!, values.at(-1)!];
  const { name, def } = model.value(last);
  if (model.value(first).def.kind === 'input' && values.length === 1) return `private input ${name} enters`;
  if (def.kind !== 'op') return name;
  const op = model.op(def.op);
  if (roleCallOf(op) !== undefined)
    return `private field ${name} of ${attributeString(op, ROLE_ATTRIBUTE.slot)} is read`;
  if (isCore(op, CORE.stateRead)) return `${name} is read from state ${attributeString(op, 'key')}`;
  return `goes into ${name} (${values.length === 1 ? op.type : `${values.length} ops, the last ${op.type}`})`;
}
