// check: what the ONNX checker rejects, with our diagnostics.

import { pass } from '../pass.ts';

export const check = pass('check', {
  needs: 'recorded',
  gives: 'checked',
  run: (compilation) => ({ ...compilation, level: 'checked' }),
});
