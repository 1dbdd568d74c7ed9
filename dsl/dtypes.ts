// The dtypes by name, so that authors write `float32` and editors complete it.

export const float32 = 'float32';
export const float64 = 'float64';
export const float16 = 'float16';
export const bfloat16 = 'bfloat16';
export const int8 = 'int8';
export const int16 = 'int16';
export const int32 = 'int32';
export const int64 = 'int64';
export const uint8 = 'uint8';
export const uint16 = 'uint16';
export const uint32 = 'uint32';
export const uint64 = 'uint64';
export const bool = 'bool';
export const string = 'string';
export const complex64 = 'complex64';
export const complex128 = 'complex128';
export const float8e4m3fn = 'float8e4m3fn';
export const float8e4m3fnuz = 'float8e4m3fnuz';
export const float8e5m2 = 'float8e5m2';
export const float8e5m2fnuz = 'float8e5m2fnuz';
export const float8e8m0 = 'float8e8m0';
export const float4e2m1 = 'float4e2m1';
export const int4 = 'int4';
export const uint4 = 'uint4';
export const int2 = 'int2';
export const uint2 = 'uint2';
