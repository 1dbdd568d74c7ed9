import { float32, input, module, output } from 'bytesandbrains';

export default module('misuse', () => {
  const x = input('x', float32, ['N', 3, 32, 32]);
  const w = input('w', float32, [8, 3, 3, 3]);
  // error: Type '"SAME"' is not assignable to type '"NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID" | undefined'
  output('a', x.conv(w, { autoPad: 'SAME' }));
  // error: 'stride' does not exist in type 'ConvOptions
  output('b', x.conv(w, { stride: [1, 1] }));
  // error: Property 'to' is missing in type '{}'
  output('c', x.cast({}));
  // error: Type 'string' is not assignable to type 'number'
  output('d', x.softmax({ axis: '1' }));
});
