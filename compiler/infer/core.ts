// Operators of our core domain: how state, missing values and cohorts appear in a graph's types.

import { attributeInt, attributeString, type Op } from '../../ir/graph.ts';
import { CORE } from '../../ir/names.ts';
import { tensorType, type ValueType } from '../../ir/types.ts';
import { crossedBy } from '../crossed.ts';
import type { Inferred, Scope } from './evaluate.ts';
import { joinTypes } from './value-types.ts';

const peers = tensorType('string', [null]);

/** What a state holds from flow to flow: peer sets have another length each time. */
const kept = (type: ValueType | undefined): ValueType | undefined =>
  type?.kind === 'tensor' && type.dtype === 'string' && type.dims?.length === 1 ? peers : type;

/** One row per sender, on a new first axis. */
function stackedRows(type: ValueType | undefined): ValueType | undefined {
  if (type?.kind !== 'tensor') return type;
  return tensorType(type.dtype, type.dims && [null, ...type.dims]);
}

/** What a member gets of a scatter. */
export function rowOf(type: ValueType | undefined): ValueType | undefined {
  if (type?.kind !== 'tensor') return undefined;
  return tensorType(type.dtype, type.dims?.slice(1));
}

/** What an op of the core domain gives; ops that are not listed are not typed here. */
export function coreTypes(op: Op, scope: Scope): readonly Inferred[] {
  const inputs = op.inputs.map((id) => scope.typeOf(id));
  switch (op.type) {
    case CORE.stateRead:
      return op.outputs.map(() => ({ type: kept(inputs[0]) }));
    case CORE.stateAssign:
    case CORE.when:
    case CORE.broadcast:
      return op.outputs.map(() => ({ type: inputs[0] }));
    case CORE.invoke:
      return [{ type: tensorType('bool', []) }, ...inputs.map((type) => ({ type }))];
    case CORE.view:
    case CORE.union:
    case CORE.intersect:
    case CORE.without:
    case CORE.first:
      return [{ type: peers }];
    case CORE.self:
      return [{ type: tensorType('string', [1]) }];
    case CORE.positions:
      return [{ type: tensorType('int64', [null]) }];
    case CORE.digest:
    case CORE.flow:
      return [{ type: tensorType('int64', []) }];
    case CORE.scatter:
      return [{ type: rowOf(inputs[0]) }];
    case CORE.orElse:
      return [{ type: joinTypes(inputs[0], inputs[1]) }];
    case CORE.present:
      return [{ type: tensorType('bool', []) }];
    case CORE.reason:
      return [{ type: tensorType('string', []) }];
    case CORE.collect:
    case CORE.exchange: {
      // With rows, each member sends every other its own.
      const byRow = attributeInt(op, 'rows', 0) === 1;
      const rows = [
        ...crossedBy(op)
          .map((_, field) => inputs[field])
          .map((type) => ({ type: stackedRows(byRow ? rowOf(type) : type) })),
        { type: peers },
        { type: peers },
      ];
      const ages = { type: tensorType('int64', [null]) };
      return attributeString(op, 'late') === 'next' ? [...rows, ages] : rows;
    }
    default:
      return [];
  }
}
