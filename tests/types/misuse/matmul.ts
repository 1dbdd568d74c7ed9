import { float32, input, module, output } from 'bytesandbrains';

export default module('misuse', () => {
  const x = input('x', float32, ['N', 784]);
  const w = input('w', float32, [10, 784]);
  // error: 'ShapeError<"matmul: inner dimensions differ: 784 and 10">'
  output('y', x.matmul(w));
  output('z', x.matmul(w.transpose()));
});
