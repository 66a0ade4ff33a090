/** A graph compiled by OpenVINO: reads it, states its inputs and outputs, and runs it on tensors of this process. */
import { type Signature, signatureOf } from "../../../graph/mod.ts";
import { sizeOf, type Tensor, type TensorType } from "../../../tensor/mod.ts";
import type { RuntimeSession } from "../runtime.ts";
import { type Api, cString, type Handle, type Properties } from "./api.ts";
import { type Buffers, copied, portType, wrapped } from "./tensors.ts";

export interface CompileOptions {
  readonly core: Handle;
  /** OpenVINO's name of the device, "CPU". */
  readonly device: string;
  readonly properties: Properties;
  readonly buffers: Buffers;
}

/** @throws {Error} OpenVINO cannot read or compile the model */
export function compile(
  api: Api,
  path: string,
  { core, device, properties, buffers }: CompileOptions,
): RuntimeSession<Tensor> {
  const { lib } = api;
  const model = api.made((out) => lib.ov_core_read_model(core, cString(path), null, out));
  let compiled: Handle;
  try {
    const { count, structs } = properties;
    compiled = api.made((out) =>
      lib.ov_core_compile_model_props(core, model, cString(device), BigInt(count), structs, out)
    );
  } finally {
    lib.ov_model_free(model);
  }
  try {
    return new OpenvinoSession(api, { compiled, buffers, signature: signatureOf(Deno.readFileSync(path)) });
  } catch (error) {
    lib.ov_compiled_model_free(compiled);
    throw error;
  }
}

/** An input or output: OpenVINO knows a name for several of them where they are one value, the file each by its own. */
interface Port {
  readonly name: string;
  /** As the file states it. */
  readonly type: TensorType;
  /** As OpenVINO has it: the same elements, but for a scalar perhaps as a vector of one. */
  readonly shape: readonly number[];
}

class OpenvinoSession implements RuntimeSession<Tensor> {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly #api: Api;
  readonly #compiled: Handle;
  readonly #request: Handle;
  readonly #buffers: Buffers;
  readonly #feeds: readonly Port[];
  readonly #results: readonly Port[];
  /** The tensors of the run in progress, at whose memory OpenVINO's point. */
  #used: readonly Tensor[] = [];

  constructor(
    api: Api,
    { compiled, buffers, signature }: { compiled: Handle; buffers: Buffers; signature: Signature },
  ) {
    const { lib } = api;
    this.#api = api;
    this.#compiled = compiled;
    this.#buffers = buffers;
    this.#feeds = portsOf(api, signature.inputs, {
      size: api.number((out) => lib.ov_compiled_model_inputs_size(compiled, out)),
      at: (i, out) => lib.ov_compiled_model_input_by_index(compiled, i, out),
    });
    this.#results = portsOf(api, signature.outputs, {
      size: api.number((out) => lib.ov_compiled_model_outputs_size(compiled, out)),
      at: (i, out) => lib.ov_compiled_model_output_by_index(compiled, i, out),
    });
    this.inputs = typesOf(this.#feeds);
    this.outputs = typesOf(this.#results);
    this.#request = api.made((out) => lib.ov_compiled_model_create_infer_request(compiled, out));
  }

  async run(feeds: Readonly<Record<string, Tensor>>, fetch: readonly string[]): Promise<Record<string, Tensor>> {
    const { lib } = this.#api, request = this.#request;
    this.#feeds.forEach(({ name }, i) =>
      this.#set(
        name,
        feeds[name],
        (handle) => lib.ov_infer_request_set_input_tensor_by_index(request, BigInt(i), handle),
      )
    );
    const results: Record<string, Tensor> = {}, unwanted: Tensor[] = [];
    this.#results.forEach(({ name, type, shape }, i) => {
      if (shape.includes(-1)) return;
      const made = this.#buffers.take({ dtype: type.dtype, shape });
      if (fetch.includes(name)) results[name] = { ...made, shape: type.shape };
      else unwanted.push(made);
      this.#set(name, made, (handle) => lib.ov_infer_request_set_output_tensor_by_index(request, BigInt(i), handle));
    });
    this.#used = [...Object.values(feeds), ...Object.values(results), ...unwanted];
    this.#api.check(lib.ov_infer_request_start_async(request));
    this.#api.check(await lib.ov_infer_request_wait(request));
    this.#used = [];
    for (const tensor of unwanted) this.#buffers.giveBack(tensor);
    for (const name of fetch) results[name] ??= this.#openResult(name);
    return results;
  }

  release(): Promise<void> {
    this.#api.lib.ov_infer_request_free(this.#request);
    this.#api.lib.ov_compiled_model_free(this.#compiled);
    this.#buffers.clear();
    return Promise.resolve();
  }

  #set(name: string, tensor: Tensor, set: (handle: Handle) => number): void {
    const handle = wrapped(this.#api, name, tensor);
    try {
      this.#api.check(set(handle));
    } finally {
      this.#api.lib.ov_tensor_free(handle);
    }
  }

  /** An output whose size was open before the run: OpenVINO allocated it. */
  #openResult(name: string): Tensor {
    const i = BigInt(this.#results.findIndex((port) => port.name === name));
    const { lib } = this.#api;
    const handle = this.#api.made((out) => lib.ov_infer_request_get_output_tensor_by_index(this.#request, i, out));
    try {
      return copied(this.#api, handle, this.outputs[name].dtype);
    } finally {
      lib.ov_tensor_free(handle);
    }
  }
}

/** @throws {Error} OpenVINO has others than the file states */
function portsOf(
  api: Api,
  stated: Signature["inputs"],
  { size, at }: { readonly size: number; readonly at: (i: bigint, out: BigUint64Array<ArrayBuffer>) => number },
): Port[] {
  if (size !== stated.length) {
    throw new Error(`OpenVINO has ${size} inputs or outputs where the file states ${stated.length}`);
  }
  return stated.map(({ name, shape }, i) => {
    const port = api.made((out) => at(BigInt(i), out));
    try {
      const found = portType(api, port, name);
      const isSame = found.shape.includes(-1) || shape.includes(-1) || sizeOf(found.shape) === sizeOf(shape);
      if (!isSame) throw new Error(`OpenVINO has [${found.shape}] where the file states [${shape}] for "${name}"`);
      return { name, type: { dtype: found.dtype, shape }, shape: found.shape };
    } finally {
      api.lib.ov_output_const_port_free(port);
    }
  });
}

const typesOf = (ports: readonly Port[]) => Object.fromEntries(ports.map(({ name, type }) => [name, type]));
