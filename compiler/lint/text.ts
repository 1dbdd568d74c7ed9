// How findings write numbers.

/** `720 KiB`; one decimal below ten. */
export function bytesText(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [scaled, index] = [bytes, 0];
  for (; scaled >= 1024 && index < names.length - 1; index++) scaled /= 1024;
  return `${rounded(scaled)} ${names[index]}`;
}

/** `40 ms`. */
export function timeText(ns: number): string {
  const names = ['ns', 'µs', 'ms', 's'];
  let [scaled, index] = [ns, 0];
  for (; scaled >= 1000 && index < names.length - 1; index++) scaled /= 1000;
  return `${rounded(scaled)} ${names[index]}`;
}

/** As authors write it, in whole seconds and never less: `30s`. */
export const durationText = (ns: number): string => `${Math.ceil(ns / 1e9)}s`;

const rounded = (value: number): string =>
  value < 10 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value));

/** `1 member`, `3 members`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
