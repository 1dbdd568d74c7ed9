// Conversion between opsets.

export { type Conversion, type ConversionOptions, convertModel, OLDEST_OPSET } from './convert.ts';
