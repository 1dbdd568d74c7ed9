// Which operators of ONNX the CPU backend computes.

import { expect, test } from 'vitest';
import { ops } from '../../ir/generated/opset.ts';
import { schemasOf } from '../../ir/ops/schema.ts';
import { kernelFinder } from '../../stdlib/backends/cpu/kernel.ts';
import { allFamilies } from '../../stdlib/backends/cpu/kernels/index.ts';
import { withoutKernel } from '../../stdlib/backends/cpu/refusal.ts';

const find = kernelFinder(allFamilies);

test('every operator of ONNX, in every opset, has a kernel or stands in the table of those without', () => {
  const missing = Object.entries(ops).flatMap(([domain, types]) =>
    Object.keys(types)
      .filter((type) => schemasOf(domain, type).some(({ since }) => find(domain, type, since) === undefined))
      .map((type) => `${domain || 'ai.onnx'} ${type}`),
  );
  const told = Object.entries(withoutKernel).flatMap(([domain, types]) =>
    Object.keys(types).map((type) => `${domain} ${type}`),
  );
  expect(missing.toSorted()).toEqual(told.toSorted());
});
