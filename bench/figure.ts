/** One measured number of a benchmark run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `×` for ratios. */
  readonly unit: string;
  /** The largest acceptable value. */
  readonly limit?: number;
}
