// Quantities as people write them, `256MiB`, `40ms`, and the numbers they stand for.

type Scale = Readonly<Record<string, number>>;

const bytes: Scale = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const bits: Scale = { bit: 1 / 8, kbit: 125, Mbit: 125e3, Gbit: 125e6 };

export interface Quantity {
  readonly what: string;
  readonly example: string;
  readonly scale: Scale;
}

export const quantities = {
  /** bytes */
  memory: { what: 'an amount of memory', example: '256MiB', scale: bytes },
  /** operations per second */
  compute: {
    what: 'a compute rate',
    example: '8GFLOPS',
    scale: { FLOPS: 1, kFLOPS: 1e3, MFLOPS: 1e6, GFLOPS: 1e9, TFLOPS: 1e12, PFLOPS: 1e15 },
  },
  /** ns */
  duration: {
    what: 'a duration',
    example: '40ms',
    scale: { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9 },
  },
  /** bytes per second */
  bandwidth: {
    what: 'a bandwidth',
    example: '5Mbit/s',
    scale: Object.fromEntries(
      [...Object.entries(bits), ...Object.entries(bytes)].map(([unit, factor]) => [`${unit}/s`, factor]),
    ),
  },
} as const satisfies Record<string, Quantity>;

/** The number that `text` stands for, in the quantity's base unit; undefined if it is not such a quantity. */
export function parseQuantity(text: string, quantity: Quantity): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-zµ/]+)$/.exec(text.trim());
  const factor = match === null ? undefined : ownFactor(quantity.scale, match[2]!);
  return factor === undefined ? undefined : Number(match![1]) * factor;
}

const ownFactor = (scale: Scale, unit: string): number | undefined =>
  Object.hasOwn(scale, unit) ? scale[unit] : undefined;

const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB`; for messages. */
export function formatBytes(count: number): string {
  let power = 0;
  let scaled = count;
  while (scaled >= 1024 && power < binary.length - 1) {
    scaled /= 1024;
    power++;
  }
  return `${scaled >= 100 || power === 0 ? Math.ceil(scaled) : scaled.toPrecision(3)} ${binary[power]}`;
}
