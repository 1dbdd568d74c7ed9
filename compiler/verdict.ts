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

export interface Typed {
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/** What is said of one model. Who asks for both answers pays for checking and inferring once. */
export class Verdict {
  readonly #model: Model;
  #plain: readonly Diagnostic[] | undefined;
  #inferred: { readonly of: Model; readonly inference: Inference } | undefined;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Everything that ONNX's checker refuses; doubtful things as warnings. */
  plain(): readonly Diagnostic[] {
    this.#plain ??= checkModel(this.#model);
    return this.#plain;
  }

  /** The same, and with types what its full check refuses. */
  full(): readonly Diagnostic[] {
    const plain = this.plain();
    const { diagnostics } = this.#infer(this.#model);
    // Contents that cannot be read are the check of tensors' to report.
    const told = plain.some(({ code }) => code === 'BB215' || code === 'BB220');
    const untyped = new Set(plain.filter(({ code }) => code === 'BB214').map(({ value }) => value));
    const types = diagnostics.filter(
      ({ code, value }) => !((code === 'BB254' && untyped.has(value)) || (told && code === 'BB106')),
    );
    return [...plain, ...asIn(inCheck, types)];
  }

  /** The types of a file's values as far as they can be known, whatever else is wrong with it. */
  types(): Typed {
    const plain = this.plain().filter(({ code }) => code !== 'BB204' && code !== 'BB214' && code !== 'BB221');
    const { model, diagnostics } = this.#infer(sortModel(this.#model).model);
    return { model, diagnostics: asIn(inInference, [...plain, ...diagnostics]) };
  }

  #infer(of: Model): Inference {
    if (this.#inferred?.of !== of) this.#inferred = { of, inference: inferModel(of, { defaultsHold: true }) };
    return this.#inferred.inference;
  }
}
