// A recorded model as the subject of a picture. Ops that the author placed are framed by their class.

import {
  byteLengthOfType,
  dependenciesOf,
  formatType,
  type Model,
  NO_VALUE,
  type Op,
  placeKey,
  type Value,
  type ValueId,
} from '../../ir/index.ts';
import { formatBytes } from '../output.ts';
import type { DrawnOp, Subject } from './drawing.ts';

export function recordedSubject(model: Model, title: string): Subject {
  const { mainGraph } = model;
  const key = (id: ValueId): string => String(id);
  const valueByKey = new Map<string, Value>();
  for (const value of model.allValues()) valueByKey.set(key(value.id), value);
  const ops: DrawnOp[] = [];
  for (const op of model.opsOf()) {
    if (isConstant(op)) continue;
    ops.push({
      cluster: op.place === undefined ? '' : placeKey(op.place),
      type: op.type,
      name: op.name,
      path: scopePath(op),
      inputs: dependenciesOf(model, op).map(key),
      outputs: op.outputs.filter((id) => id !== NO_VALUE).map(key),
    });
  }
  const boundary = (id: ValueId) => {
    const value = model.value(id);
    const cluster = value.place === undefined ? '' : placeKey(value.place);
    return { cluster, value: key(id), label: `${value.name}\n${formatType(value.type)}` };
  };
  return {
    title,
    ops,
    inputs: mainGraph.inputs.filter((id) => model.value(id).weight === undefined).map(boundary),
    outputs: mainGraph.outputs.map(boundary),
    crossings: [],
    labelOf: (value) => typeLabel(valueByKey.get(value)),
  };
}

function typeLabel(value: Value | undefined): string {
  if (value === undefined) return '';
  const bytes = formatBytes(byteLengthOfType(value.type));
  return bytes === null ? formatType(value.type) : `${formatType(value.type)}\n${bytes}`;
}

/** Constants are part of the ops that read them; a picture with them shows little else. */
export const isConstant = (op: Op): boolean => op.domain === '' && op.type === 'Constant';

/** The author's scopes, or those that exporters put into names: `/encoder/layer.0/MatMul`. */
export function scopePath({ scope, name }: Op): readonly string[] {
  if (scope !== undefined && scope !== '') return scope.split('.');
  return name.includes('/')
    ? name
        .split('/')
        .filter((part) => part !== '')
        .slice(0, -1)
    : [];
}
