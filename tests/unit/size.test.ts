import { expect, test } from 'vitest';
import { CORE_LIMIT_BYTES, coreSize } from '../support/core-size.ts';

test('the runtime core, with the decoding of program, manifest and envelope, stays under 40 kB gzipped', async () => {
  const { bytes, nodeModules } = await coreSize();
  console.log(`runtime core: ${bytes} bytes gzipped, limit ${CORE_LIMIT_BYTES}`);
  expect(nodeModules).toEqual([]);
  expect(bytes).toBeLessThanOrEqual(CORE_LIMIT_BYTES);
});
