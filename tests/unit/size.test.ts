import { expect, test } from 'vitest';
import {
  CORE_LIMIT_BYTES,
  CPU_LIMIT_BYTES,
  coreSize,
  cpuSize,
  filesWith,
  PLAIN_LIMIT_BYTES,
  plainSize,
} from '../support/bundle-size.ts';

test('the runtime core stays under 50 kB gzipped, and under 40 kB for a program that uses none of its options', async () => {
  const { bytes, nodeModules } = await coreSize();
  const plain = await plainSize();
  console.log(
    `runtime core: ${bytes} bytes gzipped, limit ${CORE_LIMIT_BYTES}; without options ${plain.bytes}, limit ${PLAIN_LIMIT_BYTES}`,
  );
  expect(nodeModules).toEqual([]);
  expect(bytes).toBeLessThanOrEqual(CORE_LIMIT_BYTES);
  expect(plain.bytes).toBeLessThanOrEqual(PLAIN_LIMIT_BYTES);
});

test('the CPU backend with all operators stays under 100 kB gzipped, and leaves out families that nobody names', async () => {
  const all = await cpuSize('cpu.cpuBackend()');
  const some = await cpuSize('cpu.cpuBackendOf([cpu.movement])');
  console.log(
    `CPU backend: ${all.bytes} bytes gzipped, limit ${CPU_LIMIT_BYTES}; movement alone: ${some.bytes}`,
  );
  expect(all.nodeModules).toEqual([]);
  expect(all.bytes).toBeLessThanOrEqual(CPU_LIMIT_BYTES);
  expect(some.bytes).toBeLessThan(all.bytes - 10_000);
});

test('components come without the DSL, of which aggregators of the graph are made', async () => {
  const dsl = (files: readonly string[]): number => files.filter((file) => file.startsWith('dsl/')).length;
  expect(dsl(await filesWith("export * from './stdlib/components.ts';"))).toBe(0);
  expect(dsl(await filesWith("export * from './stdlib/aggregators/index.ts';"))).toBeGreaterThan(10);
});
