import { add, concat, float32, input, int64, module, output, secret } from 'bytesandbrains';

export default module('misuse', () => {
  const x = input('x', float32, ['N', 4]);
  const k = input('k', int64, ['N', 4]);
  // error: 'DTypeError<"add: dtypes differ: float32 and int64">'
  output('a', x.add(k));
  // error: 'DTypeError<"add: dtypes differ: int64 and float32">'
  output('b', add(k, x));
  // error: DTypeError<"concat: dtypes differ: float32 and int64">
  output('c', concat([x, k], { axis: 0 }));
  // error: is not assignable to method's 'this' of type 'Tensor<"bool">'
  output('d', x.not());
  // error: Argument of type '"float32"' is not assignable to parameter of type
  secret(float32, [4]);
  // error: is not assignable to type 'number'
  secret(int64, ['N']);
  output('e', x.add(k.cast({ to: float32 })));
});
