// Finds speech in a stream of sound, one flow per frame of 512 samples. The hub remembers: the detector's LSTM state
// and the end of the frame before are state of the module. It lives on the hub and never crosses an edge; what
// arrives at the screen is one probability per frame.

import {
  concat,
  constant,
  float32,
  input,
  int16,
  module,
  on,
  onnx,
  output,
  peer,
  state,
} from 'bytesandbrains';
import { CONTEXT, FRAME } from './frame.ts';

const microphone = peer('microphone');
const hub = peer('hub');
const screen = peer('screen');

const detector = onnx('../../node_modules/@ricky0123/vad-web/dist/silero_vad_v6.onnx', {
  name: 'detector',
  outputs: ['output', 'stateN'],
});

const zeros = <const S extends readonly number[]>(shape: S) =>
  constant(new Float32Array(shape.reduce((count, dim) => count * dim, 1)), float32, shape);

export default module('voice-detector', () => {
  const frame = input('frame', int16, [1, FRAME], { at: microphone });
  const context = state('context', zeros([1, CONTEXT]), { at: hub });
  const memory = state('memory', zeros([2, 1, 128]), { at: hub });
  const speaking = state('speaking', constant(false), { at: screen });

  const heard = on(hub, () => {
    const sound = frame.cast({ to: float32 }).div(32768);
    const { output: likelihood, stateN } = detector({
      input: concat([context.read(), sound], { axis: 1 }),
      state: memory.read(),
      sr: 16_000n,
    });
    context.assign(sound.slice([FRAME - CONTEXT], [FRAME], { axes: [1] }).as(float32, [1, CONTEXT]));
    memory.assign(stateN.as(float32, [2, 1, 128]));
    return likelihood.as(float32, [1, 1]).squeeze({ axes: [0, 1] });
  });

  on(screen, () => {
    output('probability', heard);
    // Speech begins above one threshold and goes on down to a lower one.
    const now = speaking.update((before) => heard.greater(before.where(constant(0.35), constant(0.5))));
    output('speaking', now);
  });
});
