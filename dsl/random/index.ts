// Random numbers from explicit keys: a counter-based generator (Philox 4x32-10), recorded as plain ONNX.

export {
  bernoulli,
  bits,
  dropout,
  type NormalOptions,
  normal,
  type UniformOptions,
  uniform,
} from './draw.ts';
export { fixedKey, type Key, key } from './key.ts';
