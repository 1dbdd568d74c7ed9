// Compiles test models, for goldens of the cut.

import {
  type Compilation,
  type CompileResult,
  compile,
  type Pass,
  parseTopology,
  pass,
} from '../../compiler/index.ts';
import { bind } from '../../compiler/passes/bind.ts';
import { differentiate } from '../../compiler/passes/differentiate.ts';
import { guard } from '../../compiler/passes/guard.ts';
import { infer } from '../../compiler/passes/infer.ts';
import { prune } from '../../compiler/passes/prune.ts';
import { split } from '../../compiler/passes/split.ts';
import type { Topology } from '../../ir/index.ts';
import { printModel } from '../../ir/print.ts';
import { modelOf } from './model.ts';

/** A topology of classes; `phone*5` is a cohort of five. */
export function topologyOf(...classes: readonly string[]): Topology {
  const entries = classes.map((text) => {
    const [name, count] = text.split('*');
    return [name, count === undefined ? {} : { count: Number(count) }];
  });
  const text = JSON.stringify({ version: 1, classes: Object.fromEntries(entries) });
  return parseTopology(text, 'topology.json').topology!;
}

/** Places everything where the test's text says, so that a golden of the cut does not depend on the place pass. */
export const asWritten = (model: ReturnType<typeof modelOf>): Pass =>
  pass('place', {
    needs: 'simplified',
    gives: 'placed',
    run: (compilation) => {
      const ops = [];
      for (const op of compilation.model.opsOf()) ops[op.id] = op.place!;
      const inputs = compilation.model.mainGraph.inputs.map((id) => compilation.model.value(id).place!);
      const outputs = model.outputPlaces.map((place) => place!);
      return { ...compilation, level: 'placed', placement: { ops, inputs, outputs } };
    },
  });

const checked: Pass = pass('check', {
  needs: 'recorded',
  gives: 'checked',
  run: (compilation) => ({ ...compilation, level: 'checked' }),
});

/** Compiles the text of a model up to `bound`, placed as it says; `other` runs in place of a pass of its name. */
export function cut(
  text: string,
  topology: Topology,
  other: Readonly<Partial<Record<'guard' | 'bind', Pass>>> = {},
): CompileResult {
  const model = modelOf(text);
  const passes = [
    checked,
    infer,
    differentiate,
    prune,
    asWritten(model),
    split,
    other.guard ?? guard,
    other.bind ?? bind,
  ];
  return compile(model, { topology, passes });
}

/** Every program of a compilation as text, with fragments, for comparison with a golden. */
export function programsOf(compilation: Compilation): string {
  return compilation
    .deployment!.programs.map(({ name, model, fragments, seats, seatOf }) => {
      const numbers = model.mainGraph.ops.map((id) => fragments[id]).join(' ');
      const seated = (seats ?? []).map((seat) => {
        const ops = model.mainGraph.ops.filter((id) => seatOf?.[id] === seat.name);
        const ends = `(${seat.inputs.join(', ')}) → (${seat.outputs.join(', ')})`;
        return `-- seat ${seat.name}${ends}: ${ops.map((id) => model.op(id).name || model.op(id).type).join(' ')}\n`;
      });
      return `== ${name}, fragments ${numbers}\n${seated.join('')}${printModel(model)}`;
    })
    .join('');
}
