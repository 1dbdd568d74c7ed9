// Bounds of what is read from ONNX files: far above any model that people have, low enough that a small hostile
// file cannot take a machine's memory. Bytes of weights are not bounded: they stay in their file.

export const modelLimits = {
  /** Messages within messages, as protobuf decoders have it by default. */
  nesting: 100,
  /** Messages and texts in one file: an empty one takes two bytes there and hundreds in memory. */
  messages: 2 ** 23,
  /** Numbers that are decoded one by one (`int64_data` …); `raw_data` holds weights without them. */
  numbers: 2 ** 25,
  /** Dimensions of one tensor; no backend takes as many. */
  rank: 64,
  /** Places within places. */
  placeDepth: 16,
  /** Functions that call functions that call functions. */
  callDepth: 100,
} as const;
