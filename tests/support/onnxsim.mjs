// node onnxsim.mjs FOLDER MODEL OUT: simplifies a model by the package onnxsim in FOLDER, its fusions left out. In a
// process of its own: the package prints tables, and its WebAssembly runtime stays.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** They make other ops of several, which is what a backend does, and round differently. */
const fusions = [
  'fuse_add_bias_into_conv',
  'fuse_bn_into_conv',
  'fuse_concat_into_reshape',
  'fuse_consecutive_concats',
  'fuse_consecutive_log_softmax',
  'fuse_consecutive_mul',
  'fuse_consecutive_reduce_unsqueeze',
  'fuse_consecutive_slices',
  'fuse_consecutive_squeeze_unsqueeze',
  'fuse_consecutive_squeezes',
  'fuse_consecutive_transposes',
  'fuse_consecutive_unsqueezes',
  'fuse_matmul_add_bias_into_gemm',
  'fuse_matmul_add_bias_into_gemm_batched',
  'fuse_mul_into_conv',
  'fuse_pad_into_conv',
  'fuse_pad_into_pool',
  'fuse_preceding_mul_into_conv',
  'fuse_transpose_into_gemm',
];

const [folder, model, out] = process.argv.slice(2);
const { simplify } = await import(pathToFileURL(path.join(folder, 'index.mjs')).href);
const { model: bytes } = await simplify(readFileSync(model), { skipOptimizers: fusions });
writeFileSync(out, bytes);
process.exit(0);
