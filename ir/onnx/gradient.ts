// The strings of a Gradient op in a file, and the values they name.

import { create } from '@bufbuild/protobuf';
import { type AttributeProto, AttributeProtoSchema, type NodeProto } from '../generated/onnx-ml_pb.ts';
import { gradientOf, isGradient } from '../gradient.ts';
import { type Attribute, findAttribute, type Op, type ValueId } from '../graph.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder();

function namesIn(op: Pick<Op, 'attributes'>, name: string): readonly string[] {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'strings' ? attribute.value.map((one) => text.decode(one)) : [];
}

/**
 * An op as it is in memory: a Gradient with the values that it names as its inputs, where those are its inputs in the file
 * too. Notes in `node` how the file wrote the attributes, if not in the usual way.
 */
export function withValues<
  O extends Pick<Op, 'domain' | 'type' | 'inputs' | 'outputs' | 'attributes'> & {
    inputs: Op['inputs'];
    attributes: Op['attributes'];
  },
>(op: O, node: NodeProto, find: (name: string) => ValueId | undefined): void {
  if (!isGradient(op)) return;
  const [xs, zs] = [namesIn(op, 'xs'), namesIn(op, 'zs')];
  const loss = findAttribute(op, 'y');
  const y = loss?.kind === 'string' ? find(text.decode(loss.value)) : undefined;
  const named = [...xs, ...zs];
  const fits =
    xs.length === op.outputs.length &&
    named.length === op.inputs.length &&
    named.every((name, index) => find(name) === op.inputs[index]);
  if (y === undefined || !fits) return;
  const usual = drafted(xs, '', zs);
  const asUsual =
    op.attributes.length === usual.length &&
    op.attributes.every((one, at) => one.name === usual[at]!.name && one.residue === undefined);
  if (!asUsual) node.attribute = op.attributes.map(protoOf);
  op.inputs = [...op.inputs, y];
  op.attributes = [];
}

const protoOf = ({ name, residue }: Attribute): AttributeProto =>
  residue ?? create(AttributeProtoSchema, { name });

/** An op as it is in a file. */
export function withNames(op: Op, nameOf: (value: ValueId) => string): Pick<Op, 'inputs' | 'attributes'> {
  const parts = gradientOf(op);
  if (parts === undefined) return op;
  const names = (values: readonly ValueId[]): string[] => values.map(nameOf);
  const attributes = drafted(names(parts.xs), nameOf(parts.y), names(parts.zs));
  const written = op.residue?.attribute ?? [];
  const inputs = [...parts.xs, ...parts.zs];
  if (written.length === 0) return { inputs, attributes };
  const ordered = written.flatMap((residue): Attribute[] => {
    const attribute = attributes.find(({ name }) => name === residue.name);
    if (attribute === undefined) return [];
    return [residue.type === 0 ? attribute : ({ ...attribute, residue } as Attribute)];
  });
  return { inputs, attributes: ordered };
}

function drafted(xs: readonly string[], y: string, zs: readonly string[]): Attribute[] {
  const strings = (name: string, values: readonly string[]): Attribute => ({
    name,
    kind: 'strings',
    value: values.map((one) => utf8.encode(one)),
  });
  const attributes: Attribute[] = [strings('xs', xs), { name: 'y', kind: 'string', value: utf8.encode(y) }];
  if (zs.length > 0) attributes.push(strings('zs', zs));
  return attributes;
}
