/**
 * Dense tensors in C order (last axis fastest): the one value type that crosses rooms.
 * Not an array library: arithmetic lives in `evaluate` (float64) and on the engines.
 */

/**
 * The element types that Sulcus runs; names as in ONNX, lower case. `bfloat16` exists only between two Casts of a
 * graph.
 */
export type DType = keyof typeof ARRAYS;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint16Array | Uint8Array;

/** A tensor's element type and static shape. A scalar has shape `[]`. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A tensor; `data.length` equals the product of `shape`. `bool` holds 0 and 1 in a Uint8Array. */
export interface Tensor extends TensorType {
  readonly data: TensorData;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Bytes that a tensor of this type occupies. */
export function bytesOf(type: TensorType): number {
  return sizeOf(type.shape) * ARRAYS[type.dtype].BYTES_PER_ELEMENT;
}

/** A zero-filled buffer for `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): TensorData {
  return new ARRAYS[dtype](length);
}

/**
 * Wraps `data` as a tensor, converting a plain number array to the dtype's buffer.
 * @throws {RangeError} when the number of elements does not fit the shape
 */
export function tensor(dtype: DType, shape: readonly number[], data: TensorData | readonly number[]): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(
      `Cannot make a tensor: expected ${sizeOf(shape)} elements for [${shape}], got ${data.length}`,
    );
  }
  if (!Array.isArray(data)) {
    if (!(data instanceof ARRAYS[dtype])) {
      throw new TypeError(`Cannot make a tensor: expected ${ARRAYS[dtype].name} for ${dtype}`);
    }
    return { dtype, shape, data: data as TensorData };
  }
  return {
    dtype,
    shape,
    data: dtype === "int64" ? BigInt64Array.from(data, BigInt) : (ARRAYS[dtype] as typeof Float32Array).from(data),
  };
}

/** The elements as JavaScript numbers. */
export function toNumbers(t: Tensor): number[] {
  return Array.from<number | bigint, number>(t.data, Number);
}

/** Reports whether values of this dtype have gradients. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "bfloat16";
}

/** Reports whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** The raw little-endian bytes of a tensor's data, without a copy. */
export function tensorBytes(t: Tensor): Uint8Array {
  return new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}

/** A tensor that is a view of `bytes`, or of a copy where they are not aligned. */
export function tensorFromBytes(type: TensorType, bytes: Uint8Array): Tensor {
  const ctor = ARRAYS[type.dtype];
  const aligned = bytes.byteOffset % ctor.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return tensor(
    type.dtype,
    type.shape,
    new ctor(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / ctor.BYTES_PER_ELEMENT),
  );
}
