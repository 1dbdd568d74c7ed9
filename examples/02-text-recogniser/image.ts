// From a PNG to the recogniser's input: pixels of one text line, 48 high, padded to a fixed width.

import { readFileSync } from 'node:fs';
import { convertIndexedToRgb, decode } from 'fast-png';

export const HEIGHT = 48;
export const WIDTH = 480;
/** Grey, which normalises to zero: what the recogniser saw beside short lines in training. */
const PADDING = 128;

/** uint8[1, HEIGHT, WIDTH, 3], the channels in the order blue, green, red, as the recogniser was trained. */
export function readLine(file: string): Uint8Array {
  const source = decodeRgb(file);
  const width = Math.min(WIDTH, Math.round((source.width * HEIGHT) / source.height));
  const pixels = new Uint8Array(HEIGHT * WIDTH * 3).fill(PADDING);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = bilinear(
          source,
          2 - channel,
          ((x + 0.5) * source.width) / width,
          ((y + 0.5) * source.height) / HEIGHT,
        );
        pixels[(y * WIDTH + x) * 3 + channel] = Math.round(value);
      }
    }
  }
  return pixels;
}

interface Image {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, row by row. */
  readonly data: ArrayLike<number>;
}

function decodeRgb(file: string): Image {
  const png = decode(readFileSync(file));
  if (png.depth === 16) throw new Error(`${file}: 16 bits per channel; save it with 8`);
  if (png.palette !== undefined) {
    return {
      width: png.width,
      height: png.height,
      data: dropAlpha(convertIndexedToRgb(png), png.palette[0]!.length),
    };
  }
  return { width: png.width, height: png.height, data: dropAlpha(png.data, png.channels) };
}

/** Three channels from one (grey), two (grey, alpha), three or four. */
function dropAlpha(data: ArrayLike<number>, channels: number): ArrayLike<number> {
  if (channels === 3) return data;
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      rgb[pixel * 3 + channel] = data[pixel * channels + (channels < 3 ? 0 : channel)]!;
    }
  }
  return rgb;
}

/** The image at a point between pixels, whose centres are at n + 0.5; edges repeat. */
function bilinear({ width, height, data }: Image, channel: number, x: number, y: number): number {
  const left = Math.max(0, Math.min(width - 1, x - 0.5));
  const top = Math.max(0, Math.min(height - 1, y - 0.5));
  const [x0, y0] = [Math.floor(left), Math.floor(top)];
  const at = (column: number, row: number): number =>
    data[(Math.min(row, height - 1) * width + Math.min(column, width - 1)) * 3 + channel]!;
  const [fx, fy] = [left - x0, top - y0];
  const upper = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
  const lower = at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx;
  return upper * (1 - fy) + lower * fy;
}
