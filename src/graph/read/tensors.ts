/**
 * Tensors of an ONNX file. Element types that Sulcus does not run are widened to the next one that holds every value of
 * theirs: float16 and bfloat16 to float32, small integers to int32.
 */
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType as Type } from "onnx-buf";
import { dtypeNumbered } from "../ir/dtypes.ts";
import {
  bytesOf,
  type DType,
  sizeOf,
  type Tensor,
  tensor,
  tensorFromBytes,
  type TensorType,
} from "../../tensor/mod.ts";
import { checkShape, DAMAGED, type ImportLimits, type RawTensor } from "./raw.ts";

/** An element type that is read but not run. */
interface Wide {
  readonly dtype: DType;
  /** Size of an element in the file. */
  readonly bits: number;
  /** Its elements, of raw bytes that are aligned and whole. */
  readonly read: (buffer: ArrayBuffer) => Tensor["data"];
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(buffer: ArrayBuffer): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer);
}

/** Two integers of 4 bits in each byte, the lower half first. */
function nibbles(signed: boolean) {
  return (buffer: ArrayBuffer) => {
    const bytes = new Uint8Array(buffer);
    return Int32Array.from({ length: 2 * bytes.length }, (_, i) => {
      const v = (bytes[i >> 1] >> (4 * (i % 2))) & 15;
      return signed && v > 7 ? v - 16 : v;
    });
  };
}

const WIDE: Readonly<Partial<Record<number, Wide>>> = {
  [Type.FLOAT16]: { dtype: "float32", bits: 16, read: (b) => Float32Array.from(new Float16Array(b)) },
  [Type.BFLOAT16]: { dtype: "float32", bits: 16, read: fromBfloat16 },
  [Type.INT4]: { dtype: "int32", bits: 4, read: nibbles(true) },
  [Type.UINT4]: { dtype: "int32", bits: 4, read: nibbles(false) },
  [Type.INT8]: { dtype: "int32", bits: 8, read: (b) => Int32Array.from(new Int8Array(b)) },
  [Type.INT16]: { dtype: "int32", bits: 16, read: (b) => Int32Array.from(new Int16Array(b)) },
  [Type.UINT16]: { dtype: "int32", bits: 16, read: (b) => Int32Array.from(new Uint16Array(b)) },
  [Type.UINT32]: { dtype: "int64", bits: 32, read: (b) => BigInt64Array.from(new Uint32Array(b), BigInt) },
};

const REMEDY = 'export the model as float32 (for PyTorch: "model.float()" before torch.onnx.export)';

/** The name of an element type in lower case; that of float and double with their bits. */
export function typeName(code: number): string {
  return dtypeNumbered(code) ?? Type[code]?.toLowerCase() ?? String(code);
}

/** The dtype that stands for an element type of a file. @throws {TypeError} no dtype holds its values */
export function dtypeOf(code: number): DType {
  const found = WIDE[code]?.dtype ?? dtypeNumbered(code);
  if (found !== undefined) return found;
  throw new TypeError(
    `expected float32, float64, float16, bfloat16, bool or integer elements, got ${typeName(code)}: ${REMEDY}`,
  );
}

/** Reports whether values of this element type are kept in a wider one. */
export function isWidened(code: number): boolean {
  return WIDE[code] !== undefined;
}

/** Bytes of the elements as a file stores them. @throws {TypeError} a type that is not read */
export function storedBytes({ dataType, dims }: Pick<TensorProto, "dataType" | "dims">): number {
  const dtype = dtypeOf(dataType), bits = WIDE[dataType]?.bits ?? 8 * bytesOf({ dtype, shape: [] });
  return Math.ceil(sizeOf(dims.map(Number)) * bits / 8);
}

/** Reports whether the elements lie in another file. */
export function isExternal({ dataLocation, externalData }: TensorProto): boolean {
  return dataLocation === TensorProto_DataLocation.EXTERNAL || externalData.length > 0;
}

/** A whole tensor. Large ones are views of the file where their alignment and type allow. */
export function tensorOf(proto: TensorProto, { what, limits }: { what: string; limits: ImportLimits }): RawTensor {
  const { dataType, rawData } = proto;
  if (proto.segment !== undefined) {
    throw new TypeError(`Cannot import ${what}: expected a whole tensor, got a segment: ${DAMAGED}`);
  }
  const type: TensorType = { dtype: explained(what, () => dtypeOf(dataType)), shape: proto.dims.map(Number) };
  checkShape(type.shape, what, limits);
  const widened = isWidened(dataType) ? { widenedFrom: typeName(dataType) } : {};
  if (rawData.length === 0) return { ...listed(proto, type, what), ...widened };
  const bytes = storedBytes(proto);
  if (rawData.length !== bytes) {
    throw new RangeError(
      `Cannot import ${what}: expected ${bytes} bytes for ${
        typeName(dataType)
      }[${type.shape}], got ${rawData.length}: ` +
        DAMAGED,
    );
  }
  const wide = WIDE[dataType];
  if (wide !== undefined) {
    const data = wide.read(rawData.slice().buffer);
    return { ...type, data: data.subarray(0, sizeOf(type.shape)), ...widened };
  }
  if (type.dtype === "bool" && rawData.some((v) => v > 1)) {
    throw new RangeError(`Cannot import ${what}: expected 0 or 1: ${DAMAGED}`);
  }
  return tensorFromBytes(type, rawData);
}

/** The result of `read`; its errors name what was read. */
export function explained<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) error.message = `Cannot import ${what}: ${error.message}`;
    throw error;
  }
}

/** A tensor whose elements are listed one by one instead of as raw bytes. */
function listed(proto: TensorProto, type: TensorType, what: string): Tensor {
  const size = sizeOf(type.shape), data = listedData(proto);
  if (data.length !== size) {
    throw new RangeError(
      `Cannot import ${what}: expected ${size} elements for [${type.shape}], got ${data.length}: ${DAMAGED}`,
    );
  }
  if (type.dtype === "bool" && data.some((v) => Number(v) !== 0 && Number(v) !== 1)) {
    throw new RangeError(`Cannot import ${what}: expected 0 or 1: ${DAMAGED}`);
  }
  if (type.dtype === "int64") return tensor(type.dtype, type.shape, BigInt64Array.from(data, BigInt));
  return tensor(type.dtype, type.shape, Array.from<number | bigint, number>(data, Number));
}

/** The elements of the list that the element type uses: 16-bit floats are bit patterns, 4-bit integers come in pairs. */
function listedData({ dataType, dims, ...lists }: TensorProto): readonly (number | bigint)[] {
  switch (dataType) {
    case Type.INT64:
      return lists.int64Data;
    case Type.UINT32:
      return lists.uint64Data;
    case Type.DOUBLE:
      return lists.doubleData;
    case Type.FLOAT:
      return lists.floatData;
    case Type.FLOAT16:
    case Type.BFLOAT16:
      return Array.from(WIDE[dataType]!.read(Uint16Array.from(lists.int32Data).buffer), Number);
    case Type.INT4:
    case Type.UINT4:
      return Array.from(WIDE[dataType]!.read(Uint8Array.from(lists.int32Data).buffer), Number)
        .slice(0, sizeOf(dims.map(Number)));
    default:
      return lists.int32Data;
  }
}
