// What a model says about itself: versions, imports, and the types of what goes in and out.

import { diagnostic, type Model, type ValueId, type ValueType } from '../../ir/index.ts';
import { modelLimits } from '../../ir/onnx/limits.ts';
import { type CheckContext, inFile } from './context.ts';

export function checkHeader({ model, report }: CheckContext): void {
  const { irVersion, opsets, residue } = model.header;
  const problems: string[] = [];
  if (irVersion < 1) problems.push('ir_version is not set');
  if (irVersion >= 3 && opsets.size === 0) problems.push('it imports no opset');
  if (irVersion > 0 && irVersion < 3 && opsets.size > 0)
    problems.push(`IR version ${irVersion} has no opset imports`);
  for (const [domain, version] of opsets)
    if (version < 1) problems.push(`opset version ${version} of domain "${domain}" does not exist`);
  const twice = repeated((residue?.metadataProps ?? []).map(({ key }) => key));
  if (twice !== undefined) problems.push(`metadata key "${twice}" is there twice`);
  for (const problem of problems) report(diagnostic('BB212', { problem }, inFile(model)));
}

/** Ranks that no backend takes, and that would cost memory at every op which passes them on. */
export function checkRanks({ model, report }: CheckContext): void {
  for (const { name, type, weight } of model.allValues()) {
    const rank = Math.max(rankOf(type), weight?.dims.length ?? 0);
    if (rank > modelLimits.rank)
      report(
        diagnostic(
          'BB110',
          { what: `dimensions: this tensor has ${rank}`, limit: modelLimits.rank },
          inFile(model, name),
        ),
      );
  }
}

function rankOf(type: ValueType | undefined): number {
  if (type?.kind === 'tensor' || type?.kind === 'sparse') return type.dims?.length ?? 0;
  if (type?.kind === 'sequence' || type?.kind === 'optional') return rankOf(type.elem);
  return type?.kind === 'map' ? rankOf(type.value) : 0;
}

/** Types that a file must state: of the main graph's inputs and outputs, with a shape for tensors. */
export function checkBoundary(cx: CheckContext): void {
  const { inputs, outputs } = cx.model.mainGraph;
  for (const id of inputs) checkStated(cx, 'input', id);
  for (const id of outputs) checkStated(cx, 'output', id);
}

function checkStated({ model, report }: CheckContext, what: 'input' | 'output', id: ValueId): void {
  const { name, def, type } = model.value(id);
  if (def.kind === 'none') return;
  const missing = unstated(type);
  // A number that stands for no type is inference's to refuse: it may be of a later ONNX.
  if (missing === 'element type' && statesNumber(model, id)) return;
  if (missing !== undefined) report(diagnostic('BB214', { what, missing }, inFile(model, name)));
}

function statesNumber(model: Model, id: ValueId): boolean {
  const { inputs = [], outputs = [] } = model.mainGraph.residue ?? {};
  const stated = [...inputs, ...outputs].find(({ value }) => value === id)?.proto.type?.value;
  return stated?.case === 'tensorType' && stated.value.elemType !== 0;
}

function unstated(type: ValueType | undefined): string | undefined {
  if (type === undefined) return 'type';
  if (type.kind !== 'tensor' && type.kind !== 'sparse') return undefined;
  if (type.dtype === undefined) return 'element type';
  return type.dims === undefined ? 'shape' : undefined;
}

/** The first text that occurs a second time. */
export function repeated(texts: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return texts.find((text) => seen.size === seen.add(text).size);
}
