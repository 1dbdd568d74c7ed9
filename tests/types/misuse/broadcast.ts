import { float32, input, module, output } from 'bytesandbrains';

export default module('misuse', () => {
  const x = input('x', float32, ['N', 784]);
  const b = input('b', float32, [10]);
  // error: 'ShapeError<"add: shapes do not broadcast: 784 and 10">'
  output('a', x.add(b));
  const m = input('m', float32, ['M', 784]);
  // error: 'ShapeError<"mul: shapes do not broadcast: N and M">'
  output('b', x.mul(m));
});
