// What the operator facts do not say and the author functions need: which shape rule an operator has, which
// integers are flags, and which strings an attribute may be.

/** Made by hand in dsl/: control flow, and what is not called with values. */
export const handWritten = new Set(['If', 'Loop', 'Scan', 'SequenceMap', 'Constant']);

const rules = {
  same: `Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Bernoulli BitwiseNot Cast CastLike Ceil Celu Clip Cos
    Cosh CumProd CumSum DequantizeLinear Dropout Elu Erf Exp EyeLike Floor Gelu GroupNormalization HardSigmoid
    HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Log LogSoftmax
    LpNormalization MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear RMSNormalization RandomNormalLike
    RandomUniformLike Reciprocal Relu ReverseSequence RotaryEmbedding Round ScatterElements ScatterND Selu Shrink
    Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh TensorScatter ThresholdedRelu Trilu`,
  broadcast: `Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Mod
    Mul Or Pow Sub Xor`,
  broadcastAll: 'Max Mean Min Sum',
  where: 'Where',
  matmul: 'MatMul MatMulInteger',
  gemm: 'Gemm',
  transpose: 'Transpose',
  concat: 'Concat',
  reshape: 'Reshape',
  gather: 'Gather',
  squeeze: 'Squeeze',
  unsqueeze: 'Unsqueeze',
  reduce: `ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare`,
  reduceOne: 'ArgMax ArgMin',
  rank: `AveragePool Conv ConvInteger ConvTranspose DeformConv DepthToSpace GlobalAveragePool
    GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool MaxUnpool Pad QLinearConv Resize Slice SpaceToDepth Split
    Tile TopK`,
  scalar: 'Size SequenceLength OptionalHasElement',
  vector: 'Shape Range',
  matrix: 'Flatten NonZero',
};
const byType = new Map(
  Object.entries(rules).flatMap(([rule, types]) => types.split(/\s+/).map((type) => [type, rule])),
);

/** The shape rule of an operator's first output; `unknown` if only the infer pass can tell. */
export const ruleOf = (type) => byType.get(type) ?? 'unknown';

/** Integer attributes that mean yes or no. */
export const flags = new Set(
  `allowzero antialias ceil_mode center_point_box count_include_pad detect_negative detect_positive exclude_outside
   exclusive fmod input_forget interleaved inverse is_causal keepdims largest
   linear_before_reset new_axis noop_with_empty_axes normalize_variance onesided periodic reverse saturate
   select_last_index sorted storage_order training_mode transA transB upper`.split(/\s+/),
);

/** Strings that an attribute may be, by `Operator.attribute` or by attribute. */
export const enumerations = {
  auto_pad: ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'],
  reduction: ['none', 'mean', 'sum'],
  'ScatterElements.reduction': ['none', 'add', 'mul', 'max', 'min'],
  'ScatterND.reduction': ['none', 'add', 'mul', 'max', 'min'],
  direction: ['forward', 'reverse', 'bidirectional'],
  'BitShift.direction': ['LEFT', 'RIGHT'],
  approximate: ['none', 'tanh'],
  'Pad.mode': ['constant', 'reflect', 'edge', 'wrap'],
  'Resize.mode': ['nearest', 'linear', 'cubic'],
  coordinate_transformation_mode: [
    'half_pixel',
    'half_pixel_symmetric',
    'pytorch_half_pixel',
    'align_corners',
    'asymmetric',
    'tf_half_pixel_for_nn',
    'tf_crop_and_resize',
  ],
  'RoiAlign.coordinate_transformation_mode': ['half_pixel', 'output_half_pixel'],
  nearest_mode: ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'],
  keep_aspect_ratio_policy: ['stretch', 'not_larger', 'not_smaller'],
  'GridSample.mode': ['linear', 'nearest', 'cubic'],
  padding_mode: ['zeros', 'border', 'reflection'],
  'DepthToSpace.mode': ['DCR', 'CRD'],
  'RoiAlign.mode': ['avg', 'max'],
  'TensorScatter.mode': ['linear', 'circular'],
  pixel_format: ['RGB', 'BGR', 'Grayscale'],
  case_change_action: ['NONE', 'LOWER', 'UPPER'],
  'TfIdfVectorizer.mode': ['TF', 'IDF', 'TFIDF'],
};
