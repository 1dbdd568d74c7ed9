// Each phone trains its own copy; the average is reported, and given to nobody.
// fault in topology.json: memory-over-limit
import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';

const phones = cohort('phone');
const server = peer('server');

export default module('replicas', () => {
  const x = input('x', float32, [256, 256], { at: phones.each });
  const copy = state('copy', x.mul(0), { at: phones.each });
  const trained = copy.update((before) => before.mul(0.9).add(x)); // fault: diverging-replicas
  const mean = on(phones.each, () => trained.reduceMean());
  const all = collect({ mean }, { at: server, within: '5s', atLeast: 1 });
  output(
    'mean',
    on(server, () => all.mean.reduceMean()),
  );
});
