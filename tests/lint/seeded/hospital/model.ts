// Scans stay in the hospital; but their mean, which says much about a single one, leaves; so does
// what noise hides that everyone can draw again.
import { float32, input, module, on, output, peer } from 'bytesandbrains';

const hospital = peer('hospital');
const server = peer('server');

export default module('hospital', () => {
  const scan = input('scan', float32, [1, 64, 64], { at: hospital, private: true });
  const notes = input('notes', float32, [8], { at: hospital }); // fault: unused-parameter
  const brightness = on(hospital, () => scan.reduceMean({ axes: [1, 2], keepdims: false })); // fault: private-value-leaves-class
  const blurred = on(hospital, () => {
    const noise = brightness.randomNormalLike({ seed: 4 });
    return brightness.add(noise).declassify('noise hides it'); // fault: secret-from-graph
  });
  void notes;
  output(
    'bright',
    on(server, () => brightness.greater(0.5)),
  );
  output(
    'blurred',
    on(server, () => blurred.neg()),
  );
});
