// Federated averaging over twenty phones.
import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';

const phones = cohort('phone');
const server = peer('server');

export default module('federated-averaging', () => {
  const data = input('data', float32, [32, 4], { at: phones.each });
  const weights = state('weights', [0, 0, 0, 0], { at: server });
  const start = weights.read();
  const trained = on(phones.each, () => {
    const mean = data.reduceMean({ axes: [0], keepdims: false });
    return start.add(mean.sub(start).mul(0.1));
  });
  const answers = collect({ trained }, { at: server, atLeast: 15 }); // fault: cohort-without-deadline
  const average = on(server, () => answers.trained.reduceMean({ axes: [0], keepdims: false }));
  weights.assign(average.when(average.present())); // fault: lost-update
  output('weights', average);
});
