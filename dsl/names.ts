// How ONNX's names are written by authors.

/** `kernel_shape` → `kernelShape`, `X` → `x`, `Y_h` → `yH`, `InvStdDev` → `invStdDev`. */
export function camelCase(name: string): string {
  const [first = '', ...rest] = name.split('_').filter((part) => part !== '');
  const head = first === first.toUpperCase() ? first.toLowerCase() : first[0]!.toLowerCase() + first.slice(1);
  return head + rest.map((part) => part[0]!.toUpperCase() + part.slice(1)).join('');
}

/** Operator names whose capitals do not follow the rule. */
const special: Readonly<Record<string, string>> = { MatMul: 'matmul', PRelu: 'prelu' };

/** `ReduceSum` → `reduceSum`, `LSTM` → `lstm`, `QLinearMatMul` → `qLinearMatMul`, `MatMul` → `matmul`. */
export function functionName(type: string): string {
  const known = special[type];
  if (known !== undefined) return known;
  const capitals = /^[A-Z]+/.exec(type)![0].length;
  // Of a run of capitals the last one begins the next word: RMSNormalization → rmsNormalization.
  const head = capitals === type.length ? capitals : Math.max(1, capitals - 1);
  return type.slice(0, head).toLowerCase() + type.slice(head);
}
