// What is found crosses with a length that only the data tell; peaks are kept for ever; the edge box has nothing to do.
// fault in topology.json: idle-peer
import { concat, float32, input, module, on, output, peer, state } from 'bytesandbrains';

const phone = peer('phone');
const server = peer('server');

export default module('detector', () => {
  const scores = input('scores', float32, [256], { at: phone });
  const found = on(phone, () => scores.greater(0.5).nonZero()); // fault: unknown-dimension
  const peaks = state('peaks', [0, 0, 0, 0], { at: phone });
  const more = on(phone, () => concat([peaks.read(), scores.compress(scores.greater(0.9))], { axis: 0 }));
  peaks.assign(more); // fault: growing-state
  output(
    'positions',
    on(server, () => found.mul(2)),
  );
});
