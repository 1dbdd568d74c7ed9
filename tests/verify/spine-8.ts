// Done line 8: the runtime core bundled for a browser is small and needs no `node:` module.

import { CORE_LIMIT_BYTES, coreSize } from '../support/bundle-size.ts';
import type { Line } from './verification.ts';

const verify: Line = async (cx) => {
  const { bytes, nodeModules } = await coreSize();
  cx.figure(
    'runtime core, minified and gzipped',
    `${bytes} bytes of ${CORE_LIMIT_BYTES}`,
    bytes <= CORE_LIMIT_BYTES,
  );
  cx.figure('node: modules in it', nodeModules.length, nodeModules.length === 0);
};
export default verify;
