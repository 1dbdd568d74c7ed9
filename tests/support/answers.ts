// Types as `bbc infer --json` tells them, held against what ONNX's own inference says.

import { type Answer, answersOf } from '../../cli/infer/answers.ts';
import { Verdict } from '../../compiler/index.ts';
import { hasErrors, importModel, type Model, memorySource } from '../../ir/index.ts';

export type { Answer };

/** What ours lacks or contradicts of theirs; undefined if it is at least as specific everywhere. */
export function difference(ours: Answer | null | undefined, theirs: Answer | null): string | undefined {
  if (theirs === null) return undefined;
  if (!ours) return `nothing for ${JSON.stringify(theirs)}`;
  for (const kind of ['sequence', 'optional', 'sparse'] as const) {
    if (!(kind in theirs)) continue;
    const [own, other] = [ours, theirs].map((one) => (one as Record<string, Answer | null>)[kind]);
    return kind in ours ? difference(own, other!) : `${JSON.stringify(ours)} is no ${kind}`;
  }
  if ('map' in theirs)
    return 'map' in ours && ours.map.key === theirs.map.key
      ? difference(ours.map.value, theirs.map.value)
      : `${JSON.stringify(ours)} is not ${JSON.stringify(theirs)}`;
  if (!('elem_type' in theirs) || !('elem_type' in ours)) return `${JSON.stringify(ours)}`;
  const texts = [ours, theirs].map((one) => `${one.elem_type}[${one.dims?.map((dim) => dim ?? '?')}]`);
  const agree =
    (theirs.elem_type === null || ours.elem_type === theirs.elem_type) && dimsAgree(ours.dims, theirs.dims);
  return agree ? undefined : `${texts[0]}, not ${texts[1]}`;
}

type Dims = Extract<Answer, { dims: unknown }>['dims'];

function dimsAgree(ours: Dims, theirs: Dims): boolean {
  if (theirs === null) return true;
  if (ours?.length !== theirs.length) return false;
  return theirs.every((dim, axis) => {
    // Their own inventions say only "some dimension".
    if (dim === null || (typeof dim === 'string' && dim.startsWith('unk__'))) return true;
    return typeof dim === 'string' ? ours[axis] !== null : ours[axis] === dim;
  });
}

export interface UnitLine {
  readonly id: number;
  readonly test: string;
  readonly result: 'ok' | 'error';
  readonly tensors?: Readonly<Record<string, Answer>>;
  /** Base64. */
  readonly model: string;
}

/** What differs between our answer and theirs to one small model; undefined if verdict and types agree. */
export function unitDifference(line: UnitLine): string | undefined {
  const { model, diagnostics } = importModel(memorySource('m.onnx', Buffer.from(line.model, 'base64')));
  const typed = model && new Verdict(model).types();
  const problems = [...diagnostics, ...(typed?.diagnostics ?? [])];
  const verdict = hasErrors(problems) ? 'error' : 'ok';
  if (verdict !== line.result)
    return `${verdict} instead of ${line.result}: ${problems.map(({ message }) => message).join('; ')}`;
  return verdict === 'ok' ? firstDifference(typed?.model, line.tensors ?? {}) : undefined;
}

/** The first value whose type differs. */
export function firstDifference(
  model: Model | undefined,
  theirs: Readonly<Record<string, Answer>>,
): string | undefined {
  const { tensors } = answersOf(model, []);
  for (const [name, answer] of Object.entries(theirs)) {
    const found = difference(Object.hasOwn(tensors, name) ? tensors[name] : undefined, answer);
    if (found !== undefined) return `${name}: ${found}`;
  }
  return undefined;
}
