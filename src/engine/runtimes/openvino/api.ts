/** OpenVINO's C interface: the functions that the program uses, with its errors as exceptions. Knows no tensors of ours. */
import { EngineError } from "../../errors.ts";

const STATUS = "i32", POINTER = "pointer", OUT = "buffer", TEXT = "buffer";
/** ov_shape_t: the rank, and a pointer to the sizes. */
const SHAPE = { struct: ["i64", "pointer"] } as const;

const SYMBOLS = {
  ov_get_last_err_msg: { parameters: [], result: POINTER },
  ov_get_error_info: { parameters: [STATUS], result: POINTER },
  ov_free: { parameters: [POINTER], result: "void" },
  ov_core_create: { parameters: [OUT], result: STATUS },
  ov_core_get_property: { parameters: [POINTER, TEXT, TEXT, OUT], result: STATUS },
  ov_core_read_model: { parameters: [POINTER, TEXT, POINTER, OUT], result: STATUS },
  ov_core_compile_model_props: { parameters: [POINTER, POINTER, TEXT, "usize", "buffer", OUT], result: STATUS },
  ov_model_free: { parameters: [POINTER], result: "void" },
  ov_compiled_model_free: { parameters: [POINTER], result: "void" },
  ov_compiled_model_inputs_size: { parameters: [POINTER, OUT], result: STATUS },
  ov_compiled_model_outputs_size: { parameters: [POINTER, OUT], result: STATUS },
  ov_compiled_model_input_by_index: { parameters: [POINTER, "usize", OUT], result: STATUS },
  ov_compiled_model_output_by_index: { parameters: [POINTER, "usize", OUT], result: STATUS },
  ov_compiled_model_create_infer_request: { parameters: [POINTER, OUT], result: STATUS },
  ov_output_const_port_free: { parameters: [POINTER], result: "void" },
  ov_port_get_element_type: { parameters: [POINTER, OUT], result: STATUS },
  ov_port_get_partial_shape: { parameters: [POINTER, OUT], result: STATUS },
  ov_partial_shape_free: { parameters: ["buffer"], result: "void" },
  ov_shape_free: { parameters: ["buffer"], result: STATUS },
  ov_infer_request_free: { parameters: [POINTER], result: "void" },
  ov_infer_request_set_input_tensor_by_index: { parameters: [POINTER, "usize", POINTER], result: STATUS },
  ov_infer_request_set_output_tensor_by_index: { parameters: [POINTER, "usize", POINTER], result: STATUS },
  ov_infer_request_get_output_tensor_by_index: { parameters: [POINTER, "usize", OUT], result: STATUS },
  ov_infer_request_start_async: { parameters: [POINTER], result: STATUS },
  /** In a thread of its own, so that this process still answers. */
  ov_infer_request_wait: { parameters: [POINTER], result: STATUS, nonblocking: true },
  ov_tensor_create_from_host_ptr: { parameters: ["i32", SHAPE, POINTER, OUT], result: STATUS },
  ov_tensor_create: { parameters: ["i32", SHAPE, OUT], result: STATUS },
  ov_tensor_get_shape: { parameters: [POINTER, OUT], result: STATUS },
  ov_tensor_data: { parameters: [POINTER, OUT], result: STATUS },
  ov_tensor_free: { parameters: [POINTER], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

export type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** An object of OpenVINO. */
export type Handle = Deno.PointerObject;

const OK = 0;

const MAX_RANK = 16;

const { UnsafePointer, UnsafePointerView } = Deno;

/** A C string; the buffer must live as long as it is read. */
export const cString = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(`${text}\0`);

/** Key–value pairs as an array of ov_property_t. */
export class Properties {
  readonly #texts: readonly Uint8Array<ArrayBuffer>[];
  /** The array; it points at texts that live as long as this object. */
  readonly structs: BigUint64Array<ArrayBuffer>;

  constructor(pairs: Readonly<Record<string, string>>) {
    this.#texts = Object.entries(pairs).flat().map(cString);
    this.structs = BigUint64Array.from(this.#texts, (text) => UnsafePointer.value(UnsafePointer.of(text)));
  }

  get count(): number {
    return this.#texts.length / 2;
  }
}

export class Api {
  readonly lib: Symbols;

  /** The struct of the last shape, and its sizes: OpenVINO copies them before its function returns. */
  readonly #shape = new BigUint64Array(2);
  readonly #sizes = new BigInt64Array(MAX_RANK);

  /** @throws {EngineError} "unsupported": the library, or one that it needs, cannot be loaded */
  constructor(path: string) {
    try {
      this.lib = Deno.dlopen(path, SYMBOLS).symbols;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new EngineError("unsupported", `Cannot use OpenVINO: its library cannot be loaded (${why.slice(0, 200)})`);
    }
  }

  /** An ov_shape_t, valid until the next one. */
  shape(sizes: readonly number[]): Uint8Array<ArrayBuffer> {
    if (sizes.length > MAX_RANK) throw new RangeError(`Cannot use a tensor of more than ${MAX_RANK} dimensions`);
    sizes.forEach((size, i) => this.#sizes[i] = BigInt(size));
    this.#shape[0] = BigInt(sizes.length);
    this.#shape[1] = UnsafePointer.value(UnsafePointer.of(this.#sizes));
    return new Uint8Array(this.#shape.buffer);
  }

  /** @throws {Error} with OpenVINO's own words, unless the status is that of success */
  check(status: number): void {
    if (status === OK) return;
    const words = text(this.lib.ov_get_last_err_msg());
    throw new Error(words || text(this.lib.ov_get_error_info(status)) || `status ${status}`);
  }

  /** The object that a function writes to its last parameter. */
  made(call: (out: BigUint64Array<ArrayBuffer>) => number): Handle {
    const out = new BigUint64Array(1);
    this.check(call(out));
    const pointer = UnsafePointer.create(out[0]);
    if (pointer === null) throw new Error("OpenVINO returned no object");
    return pointer;
  }

  /** The number that a function writes to its last parameter. */
  number(call: (out: BigUint64Array<ArrayBuffer>) => number): number {
    const out = new BigUint64Array(1);
    this.check(call(out));
    return Number(out[0]);
  }

  /** The text that a function allocates, which is freed here. */
  string(call: (out: BigUint64Array<ArrayBuffer>) => number): string {
    const pointer = this.made(call);
    const found = text(pointer);
    this.lib.ov_free(pointer);
    return found;
  }
}

function text(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : UnsafePointerView.getCString(pointer);
}
