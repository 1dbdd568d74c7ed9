// What a host puts on the wire besides messages of values. Handshakes, and what sockets add, is not counted.

export interface Overhead {
  /** What nodes and hosts tell each other: errors, who is ready, who leaves. */
  controlMessages: number;
  controlBytes: number;
  /** Frames of values that a connection had begun with when it broke, sent once more. */
  resentMessages: number;
  resentBytes: number;
  /** Signs of life that were asked for. */
  heartbeats: number;
}

export const noOverhead = (): Overhead => ({
  controlMessages: 0,
  controlBytes: 0,
  resentMessages: 0,
  resentBytes: 0,
  heartbeats: 0,
});

export const sumOfOverheads = (all: readonly Readonly<Overhead>[]): Overhead => {
  const sum = noOverhead();
  for (const one of all)
    for (const [name, value] of Object.entries(one)) sum[name as keyof Overhead] += value;
  return sum;
};
