// Pictures as records: PNG and JPEG, all of one size, decoded to bytes.

import { diagnostic, type Tensor } from '../../ir/index.ts';
import { decoder } from './picture.ts';
import { Problems } from './problems.ts';
import type { Source } from './source.ts';

export interface ImageFile {
  /** For messages. */
  readonly name: string;
  readonly label: number;
  read(): Uint8Array;
}

export interface ImageOptions {
  /** 1: grey (ITU-R BT.601 luma of coloured ones), 3: red, green, blue. Default 3. */
  readonly channels?: 1 | 3;
  /** Axes of a record: channels, height, width (default), as convolutions of ONNX take them, or channels last. */
  readonly layout?: 'chw' | 'hwc';
}

/** Decoded pictures beyond this are not kept, and decoded again for each batch. */
const CACHE_BYTES = 256 * 2 ** 20;

/**
 * A source with fields `image` (uint8) and `label` (int64). Decodes every picture once, so that no run begins on a
 * broken folder. Throws DiagnosticError BB773 for each picture that does not decode, or is not of the first one's size.
 */
export async function images(
  name: string,
  files: readonly ImageFile[],
  { channels = 3, layout = 'chw' }: ImageOptions = {},
): Promise<Source> {
  const problems = new Problems();
  const decode = await decoder(channels, layout);
  const kept: (Uint8Array | undefined)[] = [];
  let size: readonly [number, number] | undefined;
  let bytes = 0;
  for (const file of files) {
    const wrong = (reason: string): void =>
      problems.add(diagnostic('BB773', { reason }, { at: { file: file.name } }));
    try {
      const { width, height, pixels } = decode(file.read());
      size ??= [width, height];
      if (width !== size[0] || height !== size[1])
        wrong(`the picture is ${width} × ${height}, the first one is ${size[0]} × ${size[1]}`);
      bytes += pixels.length;
      kept.push(bytes > CACHE_BYTES ? undefined : pixels);
    } catch (error) {
      wrong(`the picture cannot be decoded: ${error instanceof Error ? error.message : String(error)}`);
      kept.push(undefined);
    }
  }
  problems.check();
  const [width, height] = size ?? [0, 0];
  const dims = layout === 'chw' ? [channels, height, width] : [height, width, channels];
  const pixels = (record: number): Uint8Array => kept[record] ?? decode(files[record]!.read()).pixels;
  return {
    name,
    count: files.length,
    fields: [
      { name: 'image', dtype: 'uint8', dims },
      { name: 'label', dtype: 'int64', dims: [] },
    ],
    read: (field, records) => (field === 0 ? stacked(records, dims, pixels) : labels(records, files)),
    close() {},
  };
}

function stacked(
  records: Uint32Array,
  dims: readonly number[],
  pixels: (record: number) => Uint8Array,
): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const bytes = new Uint8Array(records.length * size);
  records.forEach((record, row) => {
    bytes.set(pixels(record), row * size);
  });
  return { dtype: 'uint8', dims: [records.length, ...dims], bytes };
}

function labels(records: Uint32Array, files: readonly ImageFile[]): Tensor {
  const found = BigInt64Array.from(records, (record) => BigInt(files[record]!.label));
  return { dtype: 'int64', dims: [records.length], bytes: new Uint8Array(found.buffer) };
}
