// Aggregators by the book, in double precision: one loop after the other, nothing shared with those of the graph.

export type Row = readonly number[];

const isWhole = (row: Row): boolean => row.every(Number.isFinite);
const columns = (rows: readonly Row[]): number[][] => rows[0]!.map((_, at) => rows.map((row) => row[at]!));
/** What is not a number counts as infinite. */
const inOrder = (numbers: Row): number[] =>
  numbers
    .map((one) => (Number.isNaN(one) ? Number.POSITIVE_INFINITY : one))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
const total = (numbers: Row): number => numbers.reduce((sum, one) => sum + one, 0);
const average = (numbers: Row): number => total(numbers) / numbers.length;
const middle = (numbers: Row): number => {
  const sorted = inOrder(numbers);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};
const length = (row: Row): number => Math.sqrt(total(row.map((one) => one * one)));
const minus = (a: Row, b: Row): Row => a.map((one, at) => one - b[at]!);
const weighted = (rows: readonly Row[], weights: Row): Row =>
  rows[0]!.map((_, at) => total(rows.map((row, index) => row[at]! * weights[index]!)) / total(weights));

const majority = (rows: readonly Row[]): boolean => 2 * rows.filter(isWhole).length > rows.length;
const allBut = (rows: readonly Row[], f: number, least: number): boolean =>
  rows.length >= least && rows.length - rows.filter(isWhole).length <= f;

/** The combined row; undefined where the aggregator declines. */
export type Reference = (rows: readonly Row[], counts: Row) => Row | undefined;

export const median: Reference = (rows) => (majority(rows) ? columns(rows).map(middle) : undefined);

export const trimmedMean =
  (f: number): Reference =>
  (rows) =>
    allBut(rows, f, 2 * f + 1)
      ? columns(rows).map((column) => average(inOrder(column).slice(f, rows.length - f)))
      : undefined;

/** By member: the sum of its squared distances to its nearest others. */
export function krumScores(rows: readonly Row[], f: number, nearest = rows.length - f - 2): Row {
  return rows.map((row, own) => {
    const others = rows.flatMap((other, at) => {
      if (at === own) return [];
      return [isWhole(row) && isWhole(other) ? length(minus(row, other)) ** 2 : Number.POSITIVE_INFINITY];
    });
    return total(inOrder(others).slice(0, nearest));
  });
}

/** The `m` members with the least sums. */
const best = (scores: Row, m: number): number[] =>
  scores
    .map((score, at) => ({ score, at }))
    .sort((a, b) => (a.score === b.score ? a.at - b.at : a.score < b.score ? -1 : 1))
    .slice(0, m)
    .map(({ at }) => at);

export const multiKrum =
  (f: number, m: number): Reference =>
  (rows) =>
    allBut(rows, f, Math.max(2 * f + 3, m + f + 2))
      ? columns(best(krumScores(rows, f), m).map((at) => rows[at]!)).map(average)
      : undefined;

export const bulyan =
  (f: number): Reference =>
  (rows) => {
    if (!allBut(rows, f, 4 * f + 3)) return undefined;
    const left = rows.map((row, at) => ({ row, at }));
    const found: { row: Row; at: number }[] = [];
    while (found.length < rows.length - 2 * f) {
      const others = left.map(({ row }) => row);
      const [next] = best(krumScores(others, f, Math.max(1, others.length - f - 2)), 1);
      found.push(...left.splice(next!, 1));
    }
    const chosen = found.sort((a, b) => a.at - b.at).map(({ row }) => row);
    return columns(chosen).map((column) => {
      const centre = middle(column);
      const near = column
        .map((value, at) => ({ value, at, off: Math.abs(value - centre) }))
        .sort((a, b) => a.off - b.off || a.at - b.at);
      return average(near.slice(0, rows.length - 4 * f).map(({ value }) => value));
    });
  };

export const geometricMedian =
  (steps: number, smoothing: number, byCount = false): Reference =>
  (rows, counts) => {
    if (!majority(rows)) return undefined;
    const kept = rows.flatMap((row, at) => (isWhole(row) ? [{ row, share: byCount ? counts[at]! : 1 }] : []));
    if (total(kept.map(({ share }) => share)) === 0) return undefined;
    let point: Row = columns(rows).map(middle);
    for (let step = 0; step < steps; step++) {
      const from = point;
      const weights = kept.map(({ row, share }) => share / Math.max(smoothing, length(minus(row, from))));
      point = weighted(
        kept.map(({ row }) => row),
        weights,
      );
    }
    return point;
  };

/** The sum of distances to a point, which the geometric median has least. */
export const distanceSum = (rows: readonly Row[], point: Row): number =>
  total(rows.filter(isWhole).map((row) => length(minus(row, point))));

export const clippedMean =
  (norm: number | 'median', around: 'zero' | 'median', byCount = false): Reference =>
  (rows, counts) => {
    if (!majority(rows)) return undefined;
    const centre = around === 'zero' ? rows[0]!.map(() => 0) : columns(rows).map(middle);
    const kept = rows.flatMap((row, at) =>
      isWhole(row) ? [{ off: minus(row, centre), share: byCount ? counts[at]! : 1 }] : [],
    );
    if (total(kept.map(({ share }) => share)) === 0) return undefined;
    const most = norm === 'median' ? middle(kept.map(({ off }) => length(off))) : norm;
    const shortened = kept.map(({ off }) =>
      off.map((one) => one * (length(off) > most ? most / length(off) : 1)),
    );
    const mean = weighted(
      shortened,
      kept.map(({ share }) => share),
    );
    return mean.map((one, at) => one + centre[at]!);
  };

export const cosineScreened =
  (least: number, byCount = false): Reference =>
  (rows, counts) => {
    if (!majority(rows)) return undefined;
    const centre = columns(rows).map(middle);
    const kept = rows.flatMap((row, at) => {
      const scale = length(row) * length(centre);
      const cosine = scale > 0 ? total(row.map((one, index) => one * centre[index]!)) / scale : 0;
      return isWhole(row) && cosine >= least ? [{ row, share: byCount ? counts[at]! : 1 }] : [];
    });
    if (total(kept.map(({ share }) => share)) === 0) return undefined;
    return weighted(
      kept.map(({ row }) => row),
      kept.map(({ share }) => share),
    );
  };
