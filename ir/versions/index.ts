// Conversion between opsets.

export {
  type Conversion,
  type ConversionOptions,
  convertModel,
  convertOps,
  OLDEST_OPSET,
} from './convert.ts';
export { isIdle } from './fit.ts';
