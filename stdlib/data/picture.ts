// One picture from its file's bytes: PNG by fast-png, JPEG by jpeg-js, both plain JavaScript, loaded when first needed.

import type { DecodedPng } from 'fast-png';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** One byte for each channel of each pixel, in the layout asked for. */
  readonly pixels: Uint8Array;
}

/** Of a size that no record has; a few bytes can claim it. */
const MAX_PIXELS = 2 ** 26;

/** Red, green, blue or grey of each pixel, row by row. */
interface Raw {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** A function that decodes; it throws Error with what is wrong with the file. */
export async function decoder(
  channels: 1 | 3,
  layout: 'chw' | 'hwc',
): Promise<(file: Uint8Array) => Picture> {
  const [png, { default: jpeg }] = await Promise.all([import('fast-png'), import('jpeg-js')]);
  const rawOf = (file: Uint8Array): Raw => {
    if (png.hasPngSignature(file)) {
      checkSize(file);
      const decoded = png.decode(file, { checkCrc: true });
      const { width, height, palette } = decoded;
      if (palette === undefined) return { width, height, channels: decoded.channels, data: bytesOf(decoded) };
      const data = new Uint8Array(png.convertIndexedToRgb(decoded));
      return { width, height, channels: palette[0]!.length, data };
    }
    if (file[0] !== 0xff || file[1] !== 0xd8) throw new Error('it is neither PNG nor JPEG');
    const { width, height, data } = jpeg.decode(file, { useTArray: true, formatAsRGBA: false });
    return { width, height, channels: 3, data };
  };
  return (file) => {
    // A copy: the decoder looks at the buffer behind a view, where what follows a file that is cut off would be read.
    const { width, height, ...raw } = whole(() => rawOf(new Uint8Array(file)));
    return { width, height, pixels: arranged(raw, width * height, channels, layout) };
  };
}

/** What reads beyond the end was cut off. */
function whole<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw cause instanceof RangeError ? new Error('it is cut off') : cause;
  }
}

function checkSize(png: Uint8Array): void {
  if (png.length < 24) throw new Error('it is cut off');
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width * height > MAX_PIXELS)
    throw new Error(`it is ${width} × ${height}, more than ${MAX_PIXELS} pixels`);
}

/** 8 bits for each element, whatever the file has. */
function bytesOf({ data, depth, width, height, channels }: DecodedPng): Uint8Array {
  if (depth === 16) return Uint8Array.from(data, (value) => value >>> 8);
  if (depth === 8) return new Uint8Array(data);
  // Rows of packed greys, each beginning at a byte.
  const [stride, scale] = [Math.ceil((width * depth * channels) / 8), 255 / (2 ** depth - 1)];
  const bytes = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const packed = data[y * stride + (bit >> 3)]! >> (8 - depth - (bit & 7));
      bytes[y * width + x] = (packed & (2 ** depth - 1)) * scale;
    }
  }
  return bytes;
}

function arranged(
  { channels: given, data }: Pick<Raw, 'channels' | 'data'>,
  count: number,
  channels: 1 | 3,
  layout: 'chw' | 'hwc',
): Uint8Array {
  const pixels = new Uint8Array(count * channels);
  const coloured = given >= 3;
  for (let pixel = 0; pixel < count; pixel++) {
    const from = pixel * given;
    const [red, green, blue] = coloured
      ? [data[from]!, data[from + 1]!, data[from + 2]!]
      : [data[from]!, data[from]!, data[from]!];
    if (channels === 1) {
      pixels[pixel] = Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
      continue;
    }
    const [at, step] = layout === 'chw' ? [pixel, count] : [pixel * 3, 1];
    pixels[at] = red;
    pixels[at + step] = green;
    pixels[at + 2 * step] = blue;
  }
  return pixels;
}
