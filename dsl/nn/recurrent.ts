// Recurrent layers, over ONNX's own operators.

import type { AnyShape, Tensor, Value } from '../types.ts';
import { byFanIn, type Initialiser } from './initialise.ts';
import { type Context, type Layer, leaf, type Some, size } from './layer.ts';
import { type Float, type None, type Spec, spec } from './spec.ts';

export interface RecurrentOptions<
  In extends number,
  H extends number,
  Both extends boolean,
  D extends Float,
> {
  readonly in: In;
  readonly hidden: H;
  /** Over the sequence in both directions. Default: false. */
  readonly bidirectional?: Both;
  /** Of all parameters. Default: uniform, ±1/√hidden. */
  readonly initialise?: Initialiser;
  /** Default: float32. */
  readonly dtype?: D;
}

/** 1, or 2 in both directions. */
type Directions<Both extends boolean> = Both extends true ? 2 : 1;
/** Each direction's matrices, ONNX's gates stacked: the sizes of gates · hidden are known while recording only. */
type Parameters<D extends Float, In extends number, H extends number, Both extends boolean> = {
  readonly weight: Spec<D, [Directions<Both>, number, In]>;
  readonly recurrence: Spec<D, [Directions<Both>, number, H]>;
  readonly bias: Spec<D, [Directions<Both>, number]>;
};

export interface RecurrentState {
  /** [directions, N, hidden]. Default: zeros. */
  readonly h?: Tensor;
  /** How long each sequence is: int32 [N]. Default: all of it. */
  readonly lengths?: Tensor<'int32'>;
}
type Output<D extends Float, S> = { readonly [Key in 'y' | keyof S]: Value<D, AnyShape, 'any'> };

/**
 * Of a sequence x [T, N, in]: `y` [T, N, directions · hidden], and what it ends with, `h` [directions, N, hidden].
 */
export type Recurrent<D extends Float> = (
  x: Tensor<D>,
  state?: RecurrentState,
) => Output<D, { readonly h: unknown }>;
export type LongShortTerm<D extends Float> = (
  x: Tensor<D>,
  state?: RecurrentState & { /** As `h`. */ readonly c?: Tensor },
) => Output<D, { readonly h: unknown; readonly c: unknown }>;

type State = RecurrentState & { readonly c?: Tensor };
/** Records the operator; gives its outputs by ONNX's names. */
type Operator = (
  x: Some,
  w: Some,
  r: Some,
  options: object,
  state: State,
) => { readonly y: Tensor; readonly yH: Tensor; readonly yC?: Tensor };

function recurrent(name: string, gates: number, run: Operator, cell: boolean) {
  return (options: RecurrentOptions<number, number, boolean, Float>): never => {
    const { bidirectional = false, dtype = 'float32' } = options;
    const [from, hidden] = [size(name, 'in', options.in), size(name, 'hidden', options.hidden)];
    const directions = bidirectional ? 2 : 1;
    const start = options.initialise ?? byFanIn(hidden);
    return leaf({
      name,
      parameters: {
        weight: spec(dtype, [directions, gates * hidden, from], start),
        recurrence: spec(dtype, [directions, gates * hidden, hidden], start),
        bias: spec(dtype, [directions, 2 * gates * hidden], start),
      },
      apply({ value }: Context, x: Some, state: State = {}) {
        const options = {
          hiddenSize: hidden,
          direction: bidirectional ? 'bidirectional' : 'forward',
          b: value('bias'),
          ...(state.h && { initialH: state.h }),
          ...(state.lengths && { sequenceLens: state.lengths }),
        };
        const made = run(x, value('weight'), value('recurrence'), options, state);
        const joined = (made.y as Some).transpose({ perm: [0, 2, 1, 3] }) as Some;
        const y = joined.reshape([0, 0, directions * hidden]);
        return { y, h: made.yH, ...(cell && { c: made.yC }) };
      },
    });
  };
}

/** Long short-term memory. Gates in ONNX's order: input, output, forget, cell. */
export const lstm = recurrent(
  'lstm',
  4,
  (x, w, r, options, { c }) => x.lstm(w, r, { ...options, ...(c && { initialC: c as Some }) }),
  true,
) as <
  const In extends number,
  const H extends number,
  Both extends boolean = false,
  D extends Float = 'float32',
>(
  options: RecurrentOptions<In, H, Both, D>,
) => Layer<Parameters<D, In, H, Both>, None, LongShortTerm<D>>;

type Recurrence = <
  const In extends number,
  const H extends number,
  Both extends boolean = false,
  D extends Float = 'float32',
>(
  options: RecurrentOptions<In, H, Both, D>,
) => Layer<Parameters<D, In, H, Both>, None, Recurrent<D>>;

/** Gated recurrent unit, its reset gate after the linear map, as cuDNN and PyTorch have it. Gates: update, reset, hidden. */
export const gru = recurrent(
  'gru',
  3,
  (x, w, r, options) => x.gru(w, r, { ...options, linearBeforeReset: true }),
  false,
) as Recurrence;

/** Plain recurrence, h' = tanh(x · weightᵀ + h · recurrenceᵀ + bias). */
export const rnn = recurrent('rnn', 1, (x, w, r, options) => x.rnn(w, r, options), false) as Recurrence;
