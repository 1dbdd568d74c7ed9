// What topology.json says of the data that the members of a class have.

import type { DType } from './types.ts';

/** How records are dealt out to members; `seed` is a whole number from 0 below 2^53. */
export type Sharding =
  /** In random order, in parts of equal size (give or take one). */
  | { readonly by: 'iid'; readonly seed: number }
  /**
   * Sorted by label and cut into `pieces` × shards runs of equal size; each shard gets `pieces` of them (default 2), so
   * it sees few labels (McMahan et al. 2017, section 3).
   */
  | { readonly by: 'label'; readonly seed: number; readonly label: string; readonly pieces?: number }
  /**
   * Of each label, shares drawn from a symmetric Dirichlet(alpha) distribution (Hsu et al. 2019): the smaller alpha, the
   * more skewed. Drawn again until each shard has at least `atLeast` records (default 1).
   */
  | {
      readonly by: 'dirichlet';
      readonly seed: number;
      readonly label: string;
      readonly alpha: number;
      readonly atLeast?: number;
    };

/** One of the two parts of a source: `share` of its records, drawn at random, is for testing. */
export interface Part {
  readonly take: 'train' | 'test';
  /** From 0 to 1; the test part has ⌊share × count⌋ records. */
  readonly share: number;
  readonly seed: number;
}

export interface Shuffle {
  /** A whole number from 0 below 2^53. */
  readonly seed: number;
}

/** Columns of a CSV file that make one field. */
export interface CsvField {
  /** Several are one record of so many elements. */
  readonly columns: readonly string[];
  readonly many: boolean;
  readonly dtype: DType;
  /** Words that stand for 0, 1, 2 … */
  readonly classes?: readonly string[];
}

/** Where records come from. Paths are relative to the topology's folder; `{index}` in them is the member's number. */
export type DataFiles =
  | { readonly kind: 'idx'; readonly files: Readonly<Record<string, string>> }
  | { readonly kind: 'npz'; readonly file: string; readonly fields?: Readonly<Record<string, string>> }
  | {
      readonly kind: 'csv';
      readonly file: string;
      /** undefined: every column is a field, float32. */
      readonly fields?: Readonly<Record<string, CsvField>>;
      readonly separator: string;
    }
  | {
      readonly kind: 'images';
      readonly folder: string;
      /** A CSV file with columns `file` and `label`; undefined: a folder for each class. */
      readonly labels?: string;
      readonly channels: 1 | 3;
      readonly layout: 'chw' | 'hwc';
    };

/** A component of each member of a class: in this order, a part of the records, the member's shard, an order. */
export interface DataBinding {
  /** The slot that it fills. */
  readonly name: string;
  readonly files: DataFiles;
  readonly part?: Part;
  readonly shard?: Sharding;
  readonly shuffle?: Shuffle;
}
