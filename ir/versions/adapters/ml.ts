// Operators of ai.onnx.ml.

import { findAttribute } from '../../graph.ts';
import { type Adapter, withAttributes, withoutAttributes } from '../form.ts';

/** LabelEncoder 1 → 2: a list of classes was numbered; now keys have values. */
export const numberedClasses: Adapter = (op, bench) => {
  const classes = findAttribute(op, 'classes_strings');
  if (classes?.kind !== 'strings') return bench.refuse('its classes are not given as a list of strings');
  const numbers = classes.value.map((_, index) => BigInt(index));
  const plain = withoutAttributes(op, 'classes_strings');
  const dtype = bench.dtypeOf(op.inputs[0]!);
  if (dtype === 'string')
    return withAttributes(
      plain,
      { name: 'keys_strings', kind: 'strings', value: classes.value },
      { name: 'values_int64s', kind: 'ints', value: numbers },
    );
  if (dtype !== 'int64') return bench.refuse('the element type of its input is not known');
  return withAttributes(
    plain,
    { name: 'keys_int64s', kind: 'ints', value: numbers },
    { name: 'values_strings', kind: 'strings', value: classes.value },
  );
};

/** LabelEncoder 2 → 1: classes numbered from 0. */
export const listedClasses: Adapter = (op, bench) => {
  const list = (name: string) => findAttribute(op, name);
  const [keys, values] = [list('keys_strings'), list('values_int64s')];
  const [numbers, texts] = [list('keys_int64s'), list('values_strings')];
  const [counted, classes] = keys?.kind === 'strings' ? [values, keys] : [numbers, texts];
  const fromZero = counted?.kind === 'ints' && counted.value.every((value, index) => value === BigInt(index));
  if (classes?.kind !== 'strings' || !fromZero)
    return bench.refuse('it maps other things than texts and numbers from 0 on');
  const names = ['keys_strings', 'values_int64s', 'keys_int64s', 'values_strings', 'default_float'];
  return withAttributes(withoutAttributes(op, ...names), {
    name: 'classes_strings',
    kind: 'strings',
    value: classes.value,
  });
};

/** TreeEnsembleClassifier and TreeEnsembleRegressor 3 → 5: taken out; TreeEnsemble gives no labels. */
export const withdrawn: Adapter = (_op, bench) =>
  bench.refuse('version 5 of ai.onnx.ml took it out, and TreeEnsemble has not all it computes');
