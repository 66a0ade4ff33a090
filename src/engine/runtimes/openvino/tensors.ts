/** Tensors in this process's memory, as OpenVINO reads and writes them: by their addresses, without copies. */
import { allocate, bytesOf, type DType, sizeOf, type Tensor, type TensorType } from "../../../tensor/mod.ts";
import { EngineError } from "../../errors.ts";
import type { Api, Handle } from "./api.ts";

/** The numbers of OpenVINO's element types (ov_element_type_e). */
const ELEMENTS = { bool: 1, float32: 4, int32: 9, int64: 10, uint8: 16 } as const satisfies Partial<
  Record<DType, number>
>;
type Element = keyof typeof ELEMENTS;
const NAMES = Object.keys(ELEMENTS) as Element[];

const { UnsafePointer, UnsafePointerView } = Deno;

/** @throws {EngineError} "unsupported": a type that it lacks or, as float64, computes in fewer bits */
export function dtypeOf(element: number, name: string): DType {
  const found = NAMES.find((dtype) => ELEMENTS[dtype] === element);
  if (found !== undefined) return found;
  throw new EngineError(
    "unsupported",
    `Cannot load the model: OpenVINO runs ${NAMES.join(", ")}, "${name}" is of another type (${element})`,
  );
}

/** Whole numbers of 64 bits are computed in 32: a larger one would be cut without a word. */
function requireNarrow(name: string, { dtype, data }: Tensor): void {
  if (dtype !== "int64") return;
  const wide = (data as BigInt64Array).find((value) => BigInt.asIntN(32, value) !== value);
  if (wide === undefined) return;
  throw new EngineError(
    "unsupported",
    `Cannot feed "${name}": OpenVINO computes whole numbers in 32 bits, got ${wide}, which needs more`,
  );
}

/** An OpenVINO tensor over the memory of ours, which must outlive each run that uses it. */
export function wrapped(api: Api, name: string, t: Tensor): Handle {
  requireNarrow(name, t);
  const element = ELEMENTS[t.dtype as Element], struct = api.shape(t.shape);
  if (t.data.length === 0) return api.made((out) => api.lib.ov_tensor_create(element, struct, out));
  // of the buffer: a small array without one may lie in V8's heap, where it moves
  const bytes = new Uint8Array(t.data.buffer as ArrayBuffer, t.data.byteOffset, t.data.byteLength);
  return api.made((out) => api.lib.ov_tensor_create_from_host_ptr(element, struct, UnsafePointer.of(bytes), out));
}

/** The values of a tensor that OpenVINO allocated, copied. */
export function copied(api: Api, handle: Handle, dtype: DType): Tensor {
  const found = new BigInt64Array(2);
  api.check(api.lib.ov_tensor_get_shape(handle, found));
  const shape = sizesAt(found);
  api.check(api.lib.ov_shape_free(found));
  const data = allocate(dtype, sizeOf(shape));
  if (data.length > 0) {
    const from = api.made((out) => api.lib.ov_tensor_data(handle, out));
    UnsafePointerView.copyInto(from, new Uint8Array(data.buffer as ArrayBuffer));
  }
  return { dtype, shape, data };
}

function sizesAt([rank, address]: BigInt64Array): number[] {
  const pointer = UnsafePointer.create(BigInt.asUintN(64, address));
  if (pointer === null) return [];
  const view = new UnsafePointerView(pointer);
  return Array.from({ length: Number(rank) }, (_, i) => Number(view.getBigInt64(8 * i)));
}

/** The type of an input or output as OpenVINO inferred it; an open dimension is -1. */
export function portType(api: Api, port: Handle, name: string): TensorType {
  const { lib } = api;
  const element = api.number((out) => lib.ov_port_get_element_type(port, out));
  const struct = new BigInt64Array(3); // the rank's bounds, then a pointer to the bounds of each dimension
  api.check(lib.ov_port_get_partial_shape(port, struct));
  const [least, most, address] = struct;
  if (least !== most) throw new EngineError("unsupported", `Cannot load the model: "${name}" has no fixed rank`);
  const bounds = sizesAt(BigInt64Array.of(2n * least, address));
  lib.ov_partial_shape_free(struct);
  const shape = Array.from(
    { length: Number(least) },
    (_, i) => bounds[2 * i] === bounds[2 * i + 1] ? bounds[2 * i] : -1,
  );
  return { dtype: dtypeOf(element, name), shape };
}

/**
 * Memory of outputs. A training step replaces its state at every update: fresh memory, which the system fills with
 * zeros first, would cost more than the copy that is saved.
 */
export class Buffers {
  readonly #own = new WeakSet<ArrayBufferLike>();
  readonly #free = new Map<number, Tensor["data"][]>();

  take({ dtype, shape }: TensorType): Tensor {
    const kept = this.#free.get(bytesOf({ dtype, shape })) ?? [];
    const at = kept.findIndex((data) => data.constructor === allocate(dtype, 0).constructor);
    const data = at < 0 ? allocate(dtype, sizeOf(shape)) : kept.splice(at, 1)[0];
    this.#own.add(data.buffer);
    return { dtype, shape, data };
  }

  /** Keeps the memory of a tensor that nobody reads any more for the next one of its size. */
  giveBack({ data }: Tensor): void {
    if (!this.#own.delete(data.buffer)) return; // fed from outside: its memory is another's
    const kept = this.#free.get(data.byteLength);
    if (kept === undefined) this.#free.set(data.byteLength, [data]);
    else kept.push(data);
  }

  clear(): void {
    this.#free.clear();
  }
}
