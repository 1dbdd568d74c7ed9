// What is written as ONNX and read again is the same program: it compiles to the same bytes.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModule } from '../../cli/load/module.ts';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import { compile, parseTopology } from '../../compiler/index.ts';
import type { Module } from '../../dsl/index.ts';
import { exportModel, importModel, type Model, memorySource, type Topology } from '../../ir/index.ts';
import { recorded } from '../support/deploy.ts';
import { joined } from '../support/onnx-files.ts';
import { topologyIn } from '../support/simulated.ts';

const again = (model: Model): Model => {
  const { model: read, diagnostics } = importModel(
    memorySource(model.header.file, joined(exportModel(model, { external: 'inline' }).pieces)),
  );
  expect(diagnostics).toEqual([]);
  return read!;
};

/** Every file of a deployment. */
function filesOf(model: Model, topology: Topology): unknown {
  const { compilation, diagnostics, ok } = compile(model, { topology });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(ok).toBe(true);
  const { plan, bundles } = deploymentInMemory(compilation);
  // The manifests have the hashes of programs and weights.
  return { plan, manifests: [...bundles].map(([name, { manifest }]) => [name, manifest]) };
}

describe('a program that was exported and imported compiles to the same bundles', () => {
  const folder = path.join(import.meta.dirname, '../support/programs');
  const names = readdirSync(folder).filter((name) => name !== 'pick.ts');
  test.each(names)('%s', async (name) => {
    const { default: program, topology } = (await import(path.join(folder, name))) as {
      readonly default: Module;
      readonly topology: object;
    };
    const model = recorded(program);
    expect(filesOf(again(model), topologyIn(topology))).toEqual(filesOf(model, topologyIn(topology)));
  });

  const examples = path.join(import.meta.dirname, '../../examples');
  const models = readdirSync(examples).filter((name) => existsSync(path.join(examples, name, 'model.ts')));
  test.each(models)('examples/%s', async (name) => {
    // tests/lint/command.test.ts checks their types.
    const { model, diagnostics } = await loadModule(path.join(examples, name, 'model.ts'), { check: false });
    expect(diagnostics).toEqual([]);
    const file = path.join(examples, name, 'topology.json');
    const { topology } = parseTopology(readFileSync(file, 'utf8'), 'topology.json');
    expect(filesOf(again(model!), topology!)).toEqual(filesOf(model!, topology!));
  });
});
