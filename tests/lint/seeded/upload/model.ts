// Every camera uploads a whole picture as float32 and has two seconds for it.
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';

const cameras = cohort('camera');
const server = peer('server');

export default module('upload', () => {
  const picture = input('picture', float32, [1024, 1024], { at: cameras.each });
  const bright = on(cameras.each, () => picture.mul(2)); // fault: edge-misses-deadline, dominant-edge
  const all = collect({ bright }, { at: server, within: '2s', atLeast: 1 });
  output(
    'mean',
    on(server, () => all.bright.reduceMean()),
  );
});
