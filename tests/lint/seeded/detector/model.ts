// What is found crosses with a length that only the data tell; the edge box has nothing to do.
// fault in topology.json: idle-peer
import { float32, input, module, on, output, peer } from 'bytesandbrains';

const phone = peer('phone');
const server = peer('server');

export default module('detector', () => {
  const scores = input('scores', float32, [256], { at: phone });
  const found = on(phone, () => scores.greater(0.5).nonZero()); // fault: unknown-dimension
  output(
    'positions',
    on(server, () => found.mul(2)),
  );
});
