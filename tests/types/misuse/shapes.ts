import { concat, float32, gemm, input, module, output } from 'bytesandbrains';

export default module('misuse', () => {
  const x = input('x', float32, [2, 3, 4]);
  const y = input('y', float32, [2, 5]);
  const z = input('z', float32, [2, 3]);
  // error: 'ShapeError<"reshape: 24 elements cannot become 25">'
  output('a', x.reshape([5, 5]));
  // error: 'ShapeError<"reshape: only one dimension can be -1">'
  output('b', x.reshape([-1, -1]));
  // error: ShapeError<"concat: ranks differ: 3 and 2">
  output('c', concat([x, y], { axis: 0 }));
  // error: ShapeError<"concat: dimension 1 differs: 3 and 5">
  output('d', concat([z, y], { axis: 0 }));
  // error: ShapeError<"transpose: perm has 2 entries for 3 dimensions">
  output('e', x.transpose({ perm: [1, 0] }));
  // error: ShapeError<"transpose: perm does not name dimension 2">
  output('f', x.transpose({ perm: [0, 1, 1] }));
  // error: 'ShapeError<"gemm: inner dimensions differ: 5 and 2">'
  output('g', gemm(y, y));
  // error: ShapeError<"reduceSum: axis 3 is not one of 3 dimensions">
  output('h', x.reduceSum({ axes: [3] }));
  // error: ShapeError<"squeeze: a dimension of 3 cannot be squeezed">
  output('i', x.squeeze({ axes: [1] }));
  // error: 'ShapeError<"unsqueeze: axis 4 is not one of 4 dimensions">'
  output('j', x.unsqueeze([4]));
});
