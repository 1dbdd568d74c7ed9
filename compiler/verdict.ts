// What the two commands that judge a file say of it: is it valid ONNX, and what are its types?

import { type Diagnostic, type Model, sortModel } from '../ir/index.ts';
import { type Inference, inferModel } from './infer/infer.ts';
import { checkModel } from './passes/check.ts';

type Code = Diagnostic['code'];
type Severities = Partial<Record<Code, Diagnostic['severity']>>;

/** The compiler goes on with what it inferred where a declared shape is stale; ONNX's full check refuses it. */
const inCheck: Severities = { BB253: 'error' };
/** Types can be told without these; `bbc check` refuses them. */
const inInference: Severities = { BB206: 'warning', BB250: 'warning', BB251: 'warning', BB253: 'error' };

const asIn = (severities: Severities, problems: readonly Diagnostic[]): Diagnostic[] =>
  problems.map((one) => {
    const severity = severities[one.code] ?? one.severity;
    return severity === one.severity ? one : { ...one, severity };
  });

/** Models do not change, and whoever asks whether one is valid and then for its types asks twice. */
const inferred = new WeakMap<Model, Inference>();

function inferOnce(model: Model): Inference {
  const known = inferred.get(model) ?? inferModel(model, { defaultsHold: true });
  inferred.set(model, known);
  return known;
}

/** Everything that ONNX's checker refuses, and with types what its full check does; doubtful things as warnings. */
export function fullCheck(model: Model): readonly Diagnostic[] {
  const plain = checkModel(model);
  const { diagnostics } = inferOnce(model);
  // Contents that cannot be read are the check of tensors' to report.
  const told = plain.some(({ code }) => code === 'BB215' || code === 'BB220');
  const untyped = new Set(plain.filter(({ code }) => code === 'BB214').map(({ value }) => value));
  const types = diagnostics.filter(
    ({ code, value }) => !((code === 'BB254' && untyped.has(value)) || (told && code === 'BB106')),
  );
  return [...plain, ...asIn(inCheck, types)];
}

export interface Typed {
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/** The types of a file's values as far as they can be known, whatever else is wrong with it. */
export function typesOf(model: Model): Typed {
  const plain = checkModel(model).filter(
    ({ code }) => code !== 'BB204' && code !== 'BB214' && code !== 'BB221',
  );
  const sorted = sortModel(model).model;
  const { model: typed, diagnostics } = inferOnce(sorted);
  return { model: typed, diagnostics: asIn(inInference, [...plain, ...diagnostics]) };
}
