// Which weights of a model are its parameters, and whether they can be trained by its loss.

import { isFloat, valuesBehind } from '../../compiler/index.ts';
import { matchesGlob } from '../../compiler/rules/glob.ts';
import {
  type Diagnostic,
  describeOp,
  diagnostic,
  formatType,
  hasErrors,
  isOurDomain,
  type Model,
  positionOf,
  type Value,
} from '../../ir/index.ts';

interface Chosen {
  readonly parameters: readonly Value[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The parameters, and what is wrong with them and with the loss. */
export function choose(
  model: Model,
  { loss, params }: { readonly loss: string; readonly params?: readonly string[] },
): Chosen {
  const diagnostics: Diagnostic[] = [];
  const ours = [...model.allOps()].find(({ domain }) => isOurDomain(domain));
  if (ours !== undefined)
    diagnostics.push(
      diagnostic('BB289', { op: ours.type }, { op: describeOp(model, ours), at: positionOf(model, ours) }),
    );
  const { mainGraph } = model;
  const y = mainGraph.outputs.map((id) => model.value(id)).find(({ name }) => name === loss);
  if (y === undefined) diagnostics.push(diagnostic('BB282', { name: loss, what: 'output' }, { value: loss }));
  else if (!isFloat(y.type) || y.type?.kind !== 'tensor' || (y.type.dims?.length ?? 0) > 0)
    diagnostics.push(diagnostic('BB284', { name: loss, type: formatType(y.type) }, { value: loss }));
  if (y === undefined || hasErrors(diagnostics)) return { parameters: [], diagnostics };
  const behind = valuesBehind(model, mainGraph.ops, y.id);
  const weights = mainGraph.initializers.map((id) => model.value(id));
  const asked =
    params === undefined
      ? weights.filter(({ id, type }) => isFloat(type) && behind.has(id))
      : weights.filter(({ name }) => params.some((glob) => matchesGlob(glob, name)));
  const unmatched = (params ?? []).find((glob) => !weights.some(({ name }) => matchesGlob(glob, name)));
  if (unmatched !== undefined)
    diagnostics.push(diagnostic('BB285', { asked: `nothing is called ${unmatched}` }));
  else if (asked.length === 0)
    diagnostics.push(diagnostic('BB285', { asked: `the loss ${JSON.stringify(loss)} depends on none` }));
  for (const { id, name, type } of asked) {
    if (!isFloat(type)) diagnostics.push(diagnostic('BB283', { name }, { value: name }));
    else if (!behind.has(id)) diagnostics.push(diagnostic('BB286', { name, loss }, { value: name }));
  }
  return { parameters: asked, diagnostics };
}
