// How much privacy a run of noised steps spends: the Rényi accountant of the sampled Gaussian mechanism.
//
// Mironov, Rényi Differential Privacy, 2017 (arXiv:1702.07476); Mironov, Talwar and Zhang, Rényi Differential Privacy of
// the Sampled Gaussian Mechanism, 2019 (arXiv:1908.10530); Balle et al., Hypothesis Testing Interpretations and Rényi
// Differential Privacy, 2020 (arXiv:1905.09982). Plain numbers in double precision; nothing is recorded.

/** So many steps that each release a sum, to which Gaussian noise was added. */
export interface Mechanism {
  /** Standard deviation of the noise over the largest norm that one record, or one member, adds to the sum. */
  readonly noiseMultiplier: number;
  /** The probability with which each record, or member, is in a step, drawn anew for each (Poisson sampling). Default: 1. */
  readonly samplingRate?: number;
  /** How many. Default: 1. */
  readonly steps?: number;
}

export interface Spent {
  /** Of (ε, δ) differential privacy, for data that differ by one record, or member, more or less; in nats. */
  readonly epsilon: number;
  /** The order α of the Rényi divergence that gave it. */
  readonly order: number;
}

/** Those that accountants in use look at: 1.1 to 10.9, 11 to 63, and some large ones for small ε. */
export const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, at) => 1 + (at + 1) / 10),
  ...Array.from({ length: 53 }, (_, at) => 11 + at),
  ...[128, 256, 512, 1024],
];

/**
 * The Rényi divergence of order α > 1, in nats, that one or more mechanisms have together: those of all steps are added
 * (Mironov 2017, proposition 1). Infinite without noise. Throws a RangeError for what is no mechanism or order.
 */
export function renyiDivergence(mechanisms: Mechanism | readonly Mechanism[], order: number): number {
  if (!(order > 1)) throw new RangeError(`the order of a Rényi divergence is above 1, not ${order}`);
  return listed(mechanisms).reduce((sum, one) => sum + ofAllSteps(one, order), 0);
}

/**
 * The least ε for which the mechanisms together are (ε, δ) differentially private, as far as one of the orders shows.
 * For each, ε = RDP(α) + log((α − 1) / α) − (log δ + log α) / (α − 1) (Balle et al. 2020, theorem 21), or 0 where δ alone
 * covers all that can be told apart.
 * Throws a RangeError for what is no mechanism, order or δ.
 */
export function epsilonOf(
  mechanisms: Mechanism | readonly Mechanism[],
  delta: number,
  orders: readonly number[] = ORDERS,
): Spent {
  checkDelta(delta);
  let best: Spent = { epsilon: Number.POSITIVE_INFINITY, order: orders[0] ?? Number.NaN };
  for (const order of orders) {
    const divergence = renyiDivergence(mechanisms, order);
    const isHidden = divergence <= hidden(delta);
    const epsilon = isHidden ? 0 : Math.max(0, divergence + conversion(order, delta));
    if (epsilon < best.epsilon) best = { epsilon, order };
  }
  return best;
}

/** What ε is above the divergence of this order; may be below 0. */
export const conversion = (order: number, delta: number): number =>
  Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);

/** A divergence whose total variation is at most δ: that is at most √(1 − exp(−KL)) (Bretagnolle and Huber 1978), and KL at most this. */
export const hidden = (delta: number): number => -Math.log1p(-delta * delta);

export interface Allowance {
  /** Most that may be spent, in nats. */
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * The least noise multiplier, to one part in 10,000 and never below it, with which so many steps keep to what is allowed.
 * Throws a RangeError where no noise does: some δ are too small for some ε at every order.
 */
export function noiseFor(
  { epsilon, delta }: Allowance,
  { samplingRate = 1, steps = 1 }: Omit<Mechanism, 'noiseMultiplier'>,
): number {
  checkEpsilon(epsilon);
  const fits = (noiseMultiplier: number): boolean =>
    epsilonOf({ noiseMultiplier, samplingRate, steps }, delta).epsilon <= epsilon;
  if (steps === 0 || samplingRate === 0) return 0;
  let [low, high] = [0, 1];
  while (!fits(high)) {
    [low, high] = [high, high * 2];
    if (high > MOST_NOISE)
      throw new RangeError(`no noise gives ε = ${epsilon} at δ = ${delta} over ${steps} steps`);
  }
  while (high - low > high * 1e-4) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}
const MOST_NOISE = 2 ** 30;

/** The most steps of this noise and sampling rate that keep to what is allowed; infinitely many where none spends anything. */
export function stepsFor({ epsilon, delta }: Allowance, mechanism: Omit<Mechanism, 'steps'>): number {
  checkEpsilon(epsilon);
  checkDelta(delta);
  // Steps add up within an order, so each order says for itself how many it has room for.
  const room = ORDERS.map((order) => {
    const one = renyiDivergence({ ...mechanism, steps: 1 }, order);
    const left = epsilon - conversion(order, delta);
    return one === 0 ? Number.POSITIVE_INFINITY : Math.floor(Math.max(left, hidden(delta)) / one);
  });
  return Math.max(...room);
}

function ofAllSteps({ noiseMultiplier, samplingRate = 1, steps = 1 }: Mechanism, order: number): number {
  if (!(noiseMultiplier >= 0)) throw new RangeError(`${noiseMultiplier} is no noise multiplier`);
  if (!(samplingRate >= 0 && samplingRate <= 1)) throw new RangeError(`${samplingRate} is no sampling rate`);
  if (!(Number.isSafeInteger(steps) && steps >= 0)) throw new RangeError(`${steps} is no number of steps`);
  if (samplingRate === 0 || steps === 0) return 0;
  if (noiseMultiplier === 0) return Number.POSITIVE_INFINITY;
  const unsampled = (steps * order) / (2 * noiseMultiplier ** 2);
  const isWhole = Number.isInteger(order);
  // Sampling only ever helps, and with so little noise hardly: the integral would take too many terms.
  if (samplingRate === 1 || (!isWhole && noiseMultiplier < LEAST_INTEGRATED)) return unsampled;
  const logMoment = isWhole ? wholeMoment : anyMoment;
  // Rounding may leave a divergence below 0, where it is all but 0.
  return (steps * Math.max(0, logMoment(samplingRate, noiseMultiplier, order))) / (order - 1);
}

const LEAST_INTEGRATED = 0.1;

/**
 * log A(α) of a whole α: the binomial sum over how often a record is in α draws, each term with the moment of the normal
 * distribution, exp((k² − k) / 2σ²) (Mironov, Talwar and Zhang 2019, section 3.3).
 */
export function wholeMoment(rate: number, noise: number, order: number): number {
  const terms: number[] = [];
  let logChoose = 0;
  for (let k = 0; k <= order; k++) {
    if (k > 0) logChoose += Math.log((order - k + 1) / k);
    terms.push(
      logChoose + k * Math.log(rate) + (order - k) * Math.log1p(-rate) + (k * k - k) / (2 * noise * noise),
    );
  }
  return logSumExp(terms);
}

/**
 * log A(α) of any α: the expectation, over z from N(0, σ²), of (1 − q + q·exp((2z − 1) / 2σ²))^α (the same, section 3.2).
 *
 * Integrated by the trapezoidal rule, whose error for such a function falls exponentially with the step: its nearest
 * singularity is πσ² from the real axis. All terms are positive, so nothing cancels, as the series of section 3.3 does.
 */
export function anyMoment(rate: number, noise: number, order: number): number {
  const step = Math.min(noise, noise * noise) / 4;
  // Below 0 and above α the integrand falls at least as a normal density does: 5e-32 of its largest is left out.
  const [low, high] = [-12 * noise, order + 12 * noise];
  const [logIn, logOut] = [Math.log(rate), Math.log1p(-rate)];
  const logDensity = -Math.log(noise * Math.sqrt(2 * Math.PI));
  const terms: number[] = [];
  for (let at = 0; at <= Math.ceil((high - low) / step); at++) {
    const z = low + at * step;
    const ratio = logAdd(logOut, logIn + (2 * z - 1) / (2 * noise * noise));
    terms.push(order * ratio - (z * z) / (2 * noise * noise));
  }
  return logSumExp(terms) + logDensity + Math.log(step);
}

/** log(exp a + exp b). */
const logAdd = (a: number, b: number): number => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

/** The logarithm of a sum whose terms are given as logarithms. */
function logSumExp(terms: readonly number[]): number {
  const largest = terms.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY);
  return largest + Math.log(terms.reduce((sum, one) => sum + Math.exp(one - largest), 0));
}

const listed = (mechanisms: Mechanism | readonly Mechanism[]): readonly Mechanism[] =>
  Array.isArray(mechanisms) ? mechanisms : [mechanisms as Mechanism];

function checkDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw new RangeError(`δ is between 0 and 1, not ${delta}`);
}

function checkEpsilon(epsilon: number): void {
  if (!(epsilon > 0)) throw new RangeError(`ε is above 0, not ${epsilon}`);
}
