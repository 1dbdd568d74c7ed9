import { CORE, type PeerClass } from '../../../ir/index.ts';
import { pointAt } from '../../point.ts';
import { isCore, type PlacedGraph } from '../../split/places.ts';
import { rule } from '../rule.ts';

const model = (at: string): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const gateway = peer('gateway');
const server = peer('server');
export default module('sensors', () => {
  const bias = input('bias', float32, [4], { at: server });
  const x = input('x', float32, [4], { at: phones.each });
  const all = collect({ x }, { at: ${at}, within: '5s', atLeast: 1 });
  const mean = on(${at}, () => all.x.reduceMean({ axes: [0], keepdims: false }));
  output('y', on(server, () => mean.add(bias)));
});`;

export const singlePointOfFailure = rule('single-point-of-failure', {
  level: 'info',
  needs: 'bound',
  summary: 'one peer between a cohort and the outputs can end every flow by failing',
  rationale:
    'A cohort survives the loss of members, but every output here depends on one further peer, which neither starts the flows nor takes their outputs. A value that has an orElse from elsewhere does not depend on it. Plans without a cohort have nothing to lose and are not looked at.',
  *run({ graph, topology, entries }) {
    if (!topology.classes.some((one) => one.cohort && graph.places.some((place) => place.class === one.name)))
      return;
    const needed = new Set([
      ...entries.map((entry) => entry.class),
      ...graph.outputPlace.map((number) => graph.places[number]!.class),
    ]);
    for (const one of topology.classes) {
      if (one.members.length !== 1 || needed.has(one.name) || !everyOutputDependsOn(graph, one)) continue;
      yield {
        message: `every output depends on ${one.members[0]}: without it no flow ends well`,
        hint: `give ${one.name} more members, do its work where outputs leave, or say what to use instead (orElse)`,
        ...pointAt(topology, ['classes', one.name]),
      };
    }
  },
  examples: {
    bad: {
      model: model('gateway'),
      topology: '{ "version": 1, "classes": { "server": {}, "gateway": {}, "phone": { "count": 3 } } }',
    },
    good: {
      model: model('server').replace("const gateway = peer('gateway');\n", ''),
      topology: '{ "version": 1, "classes": { "server": {}, "phone": { "count": 3 } } }',
    },
  },
});

function everyOutputDependsOn(graph: PlacedGraph, { name }: PeerClass): boolean {
  const { model, places, opPlace } = graph;
  const there = places.map((place) => place.class === name);
  const depends = new Uint8Array(model.valueLimit);
  model.mainGraph.inputs.forEach((id, index) => {
    if (there[graph.inputPlace[index]!]) depends[id] = 1;
  });
  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    const needs = graph.needs[op.id]!;
    const settled = isCore(op, CORE.present) || isCore(op, CORE.reason);
    const fromInputs = isCore(op, CORE.orElse)
      ? op.inputs.every((id) => depends[id] === 1)
      : !settled && needs.some((id) => depends[id] === 1);
    if (there[opPlace[op.id]!] || fromInputs) for (const id of op.outputs) depends[id] = 1;
  }
  const outputs = model.mainGraph.outputs.filter((id) => !graph.isConstant(id));
  return outputs.length > 0 && outputs.every((id) => depends[id] === 1);
}
