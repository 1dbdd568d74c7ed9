// The second round has no time left when the first takes all of its own, and both need the gateway.
// fault in topology.json: single-point-of-failure
import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';

const meters = cohort('meter');
const gateway = peer('gateway');
const server = peer('server');

export default module('two-rounds', () => {
  const limit = input('limit', float32, [], { at: server });
  const load = input('load', float32, [24], { at: meters.each });
  const first = collect({ load }, { at: gateway, within: '10s', atLeast: 2 });
  const mean = on(gateway, () => first.load.reduceMean({ axes: [0], keepdims: false }));
  const excess = on(meters.each, () => load.sub(mean));
  const second = collect({ excess }, { at: gateway, within: '10s', atLeast: 2 }); // fault: wait-outlasts-deadline
  const worst = on(gateway, () => second.excess.reduceMax({ keepdims: false }));
  const last = state('last', 0, { at: gateway });
  last.assign(worst); // fault: unhandled-missing
  output(
    'alarm',
    on(server, () => worst.greater(limit)),
  );
});
