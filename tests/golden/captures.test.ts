// What a peer gets whose If, Loop or Scan reads values from around it.

import { expect, test } from 'vitest';
import { chainTopology, compile } from '../../compiler/index.ts';
import { importModel, memorySource } from '../../ir/index.ts';
import { capturing } from '../support/captures.ts';
import { programsOf } from '../support/compile.ts';
import { onnxOf } from '../support/onnx-text.ts';

test.each(Object.entries(capturing))('%s is cut from the outside: captured values arrive', (type, text) => {
  const chain = chainTopology(2);
  const at = { file: 'topology.json' };
  const { model } = importModel(memorySource('model.onnx', onnxOf(text)));
  const { compilation, diagnostics } = compile(model!, {
    topology: {
      ...chain,
      rules: [
        { where: 'op:Neg or op:Abs', on: 'p0', at, onAt: at },
        { where: `op:${type}`, on: 'p1', at, onAt: at },
      ],
    },
  });
  expect(diagnostics).toEqual([]);
  expect(programsOf(compilation)).toMatchSnapshot();
});
