// The programs of the semantics record and compile.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { compile, parseTopology } from '../../compiler/index.ts';
import type { Module } from '../../dsl/index.ts';
import { hasErrors } from '../../ir/index.ts';
import { recordedOf } from '../support/recorded.ts';

const folder = path.join(import.meta.dirname, '../support/programs');
const files = readdirSync(folder).filter((file) => file !== 'pick.ts');

for (const file of files) {
  test(file, async () => {
    const { default: program, topology } = (await import(path.join(folder, file))) as {
      readonly default: Module;
      readonly topology: object;
    };
    const peers = parseTopology(JSON.stringify(topology), 'topology.json').topology!;
    const { compilation, diagnostics } = compile(recordedOf(program as () => void), { topology: peers });
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
    expect(hasErrors(diagnostics)).toBe(false);
    const { edges, programs, entries } = compilation.deployment!;
    const end = ({ class: name, binder, seat }: (typeof edges)[number]['from']): string =>
      seat === undefined ? `${name}.${binder}` : `${name} ${seat}`;
    expect({
      entries,
      seats: programs.map(({ name, seats }) => [name, ...(seats ?? []).map((seat) => seat.name)].join(' ')),
      edges: edges.map((edge) => `${edge.kind} ${edge.value}: ${end(edge.from)} → ${end(edge.to)}`),
    }).toMatchSnapshot();
  });
}
