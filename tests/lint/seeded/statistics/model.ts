// Collects the same rows twice, and a column that nobody looks at.
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';

const sensors = cohort('sensor');
const server = peer('server');

export default module('statistics', () => {
  const rows = input('rows', float32, [512, 64], { at: sensors.each });
  const scaled = on(sensors.each, () => rows.mul(0.5)); // fault: duplicate-transfer
  const squares = on(sensors.each, () => rows.mul(rows).reduceMean({ axes: [1], keepdims: false })); // fault: send-without-receive
  const first = collect({ scaled, squares }, { at: server, within: '30s', atLeast: 1 });
  const second = collect({ scaled }, { at: server, within: '30s', atLeast: 1 });
  output(
    'mean',
    on(server, () => first.scaled.reduceMean()),
  );
  output(
    'largest',
    on(server, () => second.scaled.reduceMax()),
  );
});
