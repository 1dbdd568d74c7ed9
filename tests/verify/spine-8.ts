// Done line 8: the runtime core bundled for a browser is small and needs no `node:` module.

import { PLAIN_LIMIT_BYTES, plainSize } from '../support/bundle-size.ts';
import type { Line } from './verification.ts';

const verify: Line = async (cx) => {
  const { bytes, nodeModules } = await plainSize();
  cx.figure(
    'runtime core without options, minified and gzipped',
    `${bytes} bytes of ${PLAIN_LIMIT_BYTES}`,
    bytes <= PLAIN_LIMIT_BYTES,
  );
  cx.figure('node: modules in it', nodeModules.length, nodeModules.length === 0);
};
export default verify;
