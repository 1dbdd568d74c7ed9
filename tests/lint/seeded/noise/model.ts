// Adds noise that nobody can draw again, and other noise twice.
import { float32, input, module, on, output, peer } from 'bytesandbrains';

const phone = peer('phone');

export default module('noise', () => {
  const x = input('x', float32, [16], { at: phone });
  const scale = Math.random(); // fault: random-while-recording
  const noise = on(phone, () => x.randomNormalLike().mul(scale)); // fault: unseeded-random
  const first = on(phone, () => x.randomUniformLike({ seed: 3 }));
  const second = on(phone, () => x.randomUniformLike({ seed: 3 })); // fault: shared-seed
  output(
    'y',
    on(phone, () => x.add(noise).mul(first).div(second)),
  );
});
