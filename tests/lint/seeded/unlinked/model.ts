// The phone reaches the server only over the edge box, which the author forgot.
import { float32, input, module, on, output, peer } from 'bytesandbrains';

const phone = peer('phone');
const server = peer('server');

export default module('unlinked', () => {
  const started = Date.now(); // fault: clock-while-recording
  const x = input('x', float32, [64], { at: phone });
  const h = on(phone, () => x.sub(started % 1000)); // fault: edge-without-link
  output(
    'y',
    on(server, () => h.relu()),
  );
});
