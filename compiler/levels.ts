// What holds at each level, as data: the runner checks a level's invariants after the pass that reaches it.
// A broken invariant is a bug of ours, so it is checked on every compilation and not only in tests.

import { DOMAIN, isGradient, type Model, NO_VALUE, type Op, WIRE } from '../ir/index.ts';
import type { Compilation, Level } from './pass.ts';

interface Invariant {
  readonly level: Level;
  readonly holds: string;
  /** What breaks it, or undefined. */
  readonly broken: (compilation: Compilation) => string | undefined;
}

export const invariants: readonly Invariant[] = [
  {
    level: 'checked',
    holds: 'ops are in order: everything an op of the main graph reads is made before it',
    broken: ({ model }) => firstUnordered(model),
  },
  {
    level: 'typed',
    holds: 'every weight has a type',
    broken: ({ model }) => {
      const untyped = model.mainGraph.initializers.find((id) => model.value(id).type === undefined);
      return untyped === undefined ? undefined : `initializer ${model.value(untyped).name} has no type`;
    },
  },
  {
    level: 'differentiated',
    holds: 'no op is a Gradient',
    broken: ({ model }) => ([...model.allOps()].some(isGradient) ? 'there is one' : undefined),
  },
  {
    level: 'placed',
    holds: 'every op of the main graph, every input and every output has a place',
    broken: ({ model, placement }) => {
      if (placement === undefined) return 'there is no placement';
      const { inputs, outputs, ops } = model.mainGraph;
      if (placement.inputs.length !== inputs.length) return 'an input has no place';
      if (placement.outputs.length !== outputs.length) return 'an output has no place';
      const missing = ops.find((id) => placement.ops[id] === undefined);
      return missing === undefined ? undefined : `op ${model.op(missing).type} has no place`;
    },
  },
  {
    level: 'split',
    holds: 'every program is in order and reads only what it makes, receives or stores',
    broken: ({ deployment }) => firstOf(deployment!.programs, ({ model }) => firstUnordered(model)),
  },
  {
    level: 'split',
    holds: 'every edge is sent by one program and received by one, each at its stated end',
    broken: ({ deployment }) => {
      const sent = countEdges(deployment!, (op) => op.type === WIRE.send);
      const received = countEdges(deployment!, (op) => op.type !== WIRE.send);
      return firstOf(deployment!.edges, ({ id, from, to }) => {
        if (sent.get(id)?.join() !== from.class) return `edge ${id} is sent by ${sent.get(id) ?? 'nobody'}`;
        return received.get(id)?.join() === to.class
          ? undefined
          : `edge ${id} is received by ${received.get(id)}`;
      });
    },
  },
  {
    level: 'split',
    holds: 'every op of a program belongs to a fragment, and fragments follow each other',
    broken: ({ deployment }) =>
      firstOf(deployment!.programs, ({ model, fragments, name }) => {
        let last = 0;
        for (const id of model.mainGraph.ops) {
          const fragment = fragments[id];
          if (fragment === undefined || fragment < last)
            return `${name}: ${model.op(id).name} is out of order`;
          last = fragment;
        }
        return undefined;
      }),
  },
  {
    level: 'guarded',
    holds: 'every edge has a deadline',
    broken: ({ deployment }) =>
      firstOf(deployment!.edges, (edge) =>
        edge.deadlineNs > 0 ? undefined : `edge ${edge.id} waits for ever`,
      ),
  },
  {
    level: 'bound',
    holds: 'every program with segments has a backend',
    broken: ({ deployment }) =>
      firstOf(deployment!.programs, ({ model, slots, name }) => {
        const computes = [...model.opsOf()].some((op) => op.domain === DOMAIN.segment);
        return computes && !slots.some((slot) => slot.role === 'backend')
          ? `${name} has no backend`
          : undefined;
      }),
  },
  {
    level: 'emitted',
    holds: 'every program has a bundle, and there is a plan',
    broken: ({ deployment, bundles, plan }) =>
      plan === undefined || bundles?.length !== deployment!.programs.length
        ? 'a bundle is missing'
        : undefined,
  },
];

/** The invariant of `level` that the compilation breaks, in words; undefined if all hold. */
export const brokenInvariant = (compilation: Compilation, level: Level): string | undefined =>
  firstOf(invariants, (invariant) => {
    const problem = invariant.level === level ? invariant.broken(compilation) : undefined;
    return problem === undefined ? undefined : `${invariant.holds} (${problem})`;
  });

function firstOf<T>(items: Iterable<T>, problem: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstUnordered(model: Model): string | undefined {
  const { inputs, initializers } = model.mainGraph;
  const made = new Set<number>([NO_VALUE, ...inputs, ...initializers]);
  for (const op of model.opsOf()) {
    const early = op.inputs.find((id) => !made.has(id));
    if (early !== undefined) return `${op.type} reads ${model.value(early).name} before it is made`;
    for (const id of op.outputs) made.add(id);
  }
  return undefined;
}

function countEdges(deployment: NonNullable<Compilation['deployment']>, wanted: (op: Op) => boolean) {
  const ends = new Map<number, string[]>();
  for (const program of deployment.programs) {
    for (const op of program.model.opsOf()) {
      if (op.domain !== DOMAIN.wire || !wanted(op)) continue;
      for (const attribute of op.attributes) {
        const edges =
          attribute.name === 'edge' && attribute.kind === 'int'
            ? [attribute.value]
            : attribute.name === 'edges' && attribute.kind === 'ints'
              ? attribute.value
              : [];
        for (const edge of edges) ends.set(Number(edge), [...(ends.get(Number(edge)) ?? []), program.class]);
      }
    }
  }
  return ends;
}
