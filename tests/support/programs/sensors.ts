// Program 15 of the semantics: sensors look at windows of a second. The gateway's judgement is taken if it comes within 200 ms,
// else the sensor's own small one; a window that is not done when two more have begun gives way.

import { cohort, constant, emit, entry, interval, module, on, peer, state } from '../../../dsl/index.ts';
import { key, normal } from '../../../dsl/random/index.ts';

const gateway = peer('gateway');
const sensors = cohort('sensor');
export const topology = {
  version: 1,
  classes: { gateway: {}, sensor: { count: 6 } },
  links: [{ between: ['sensor', 'gateway'], latency: '40ms' }],
};

export default module('sensors', () => {
  const model = state('model', constant([0.5, -0.5, 1, 0]), { at: gateway });
  entry('window', sensors, interval('1s'), { within: '200ms', limit: [2, 'replace'] }, () => {
    const f = normal(key(5), [4]);
    const exact = on(gateway, () => model.read().mul(f).reduceSum({ keepdims: false }).tanh());
    const tiny = f.reduceMean({ keepdims: false }).tanh();
    emit('alarm', exact.orElse(tiny).greater(0.4));
  });
});
