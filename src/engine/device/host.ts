/** The child's side of a device: its sessions and resident tensors. The parent has checked what arrives here. */
import type { Tensor as OrtTensor } from "onnxruntime-node";
import { emit, giveBackMemory } from "../../process/mod.ts";
import { bytesOf, type Tensor, type TensorType } from "../../tensor/mod.ts";
import { EngineError } from "../errors.ts";
import { openRuntime, type Runtime } from "../runtimes/runtime.ts";
import { show } from "./checks.ts";
import { engineErrorOf } from "./failures.ts";
import {
  type LoadParams,
  type LoadReply,
  type OpenParams,
  type OpenReply,
  type Placement,
  type PutParams,
  type RunParams,
  type RunReply,
  STARTED,
} from "./messages.ts";
import { download, toOrt, typeOf, typesOf } from "./ort_tensors.ts";
import { Residents } from "./residents.ts";
import { layOut, readTensors, Spool, writeTensors } from "./spool.ts";

/** Bytes of tensors let go after which V8 is asked to collect: of memory outside its heap it knows little. */
const COLLECT_AT = 64 * 2 ** 20;

export class DeviceHost {
  readonly #runtime: Runtime;
  readonly #spool: Spool;
  readonly #residents = new Residents();
  /** Holds the feeds of the current run. Kept between runs, since fresh memory costs more than the copy into it. */
  #scratch = new ArrayBuffer(0);
  /** Bytes of tensors let go since the last collection. */
  #garbageBytes = 0;

  private constructor(runtime: Runtime, spool: Spool) {
    this.#runtime = runtime;
    this.#spool = spool;
  }

  static async open({ provider, runtime, threads, folders }: OpenParams): Promise<DeviceHost> {
    const opened = await failingAs(`use ${provider}`, () => openRuntime(runtime, { threads }));
    return new DeviceHost(opened, Spool.attach(folders));
  }

  get device(): OpenReply {
    const { deviceName, software } = this.#runtime;
    return { deviceName, software };
  }

  load({ path, options }: LoadParams): Promise<LoadReply> {
    return failingAs("load the model", async () => {
      const session = await this.#guarded(() => this.#runtime.createSession(path, options));
      try {
        const inputs = typesOf(session.inputMetadata), outputs = typesOf(session.outputMetadata);
        for (const [name, type] of Object.entries({ ...inputs, ...outputs })) this.#requireRoom(name, type);
        return { session: this.#residents.addSession(session), inputs, outputs };
      } catch (error) {
        await session.release();
        throw error;
      }
    }, path);
  }

  release(session: number): Promise<void> {
    return this.#residents.release(session);
  }

  run({ session, file, residents, keep, fetch }: RunParams): Promise<RunReply> {
    return failingAs("run the graph", async () => {
      this.#collectGarbage();
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, t] of Object.entries(await this.#readFeeds(file))) {
        feeds[name] = this.#toOrt(this.#requireRoom(name, t));
      }
      for (const [name, resident] of Object.entries(residents)) feeds[name] = this.#residents.tensor(resident);
      const wanted = [...new Set([...fetch, ...Object.keys(keep)])];
      const graph = this.#residents.session(session);
      emit(STARTED);
      const results = await this.#guarded(() =>
        graph.run(feeds, wanted.length > 0 ? wanted : graph.outputNames.slice(0, 1))
      );
      const fetched: Record<string, Tensor> = {};
      for (const name of fetch) fetched[name] = await download(results[name]);
      for (const t of Object.values(fetched)) this.#garbageBytes += t.data.byteLength;
      if (wanted.length === 0) results[graph.outputNames[0]].dispose();
      const reply = { file: await this.#place(fetched), kept: {} as Record<string, TensorType> };
      for (const [name, resident] of Object.entries(keep)) {
        reply.kept[resident] = typeOf(results[name]);
        const next = name in fetched
          ? { tensor: await this.#onDevice(fetched[name]) }
          : { tensor: results[name], maker: session };
        this.#garbageBytes += await this.#residents.replace(resident, next);
      }
      return reply;
    });
  }

  put({ name, file }: PutParams): Promise<void> {
    return failingAs(`keep "${name}" on the device`, async () => {
      const tensors = await readTensors(file.path, file.tensors);
      const value = this.#requireRoom(name, tensors[name]);
      const tensor = await this.#guarded(() => this.#onDevice(value));
      this.#garbageBytes += await this.#residents.replace(name, { tensor });
    });
  }

  get(name: string): Promise<Placement> {
    return failingAs(`read "${name}" from the device`, async () => {
      const tensor = this.#residents.tensor(name);
      const wasOnDevice = tensor.location !== "cpu"; // and is not after the download
      const value = await download(tensor);
      if (wasOnDevice) await this.#residents.set(name, { tensor: await this.#onDevice(value) });
      return await this.#place({ [name]: value });
    });
  }

  async drop(name: string): Promise<void> {
    this.#garbageBytes += await this.#residents.replace(name);
  }

  /** Gives back memory in a pause between calls. */
  rest(): void {
    this.#scratch = new ArrayBuffer(0);
    this.#garbageBytes = 0;
    giveBackMemory();
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    return await (this.#runtime.guarded?.(work) ?? work());
  }

  /** @throws {EngineError} "out-of-memory": the tensor is larger than any that the device can hold */
  #requireRoom<T extends TensorType>(name: string, t: T): T {
    const limit = this.#runtime.maxTensorBytes ?? Infinity;
    if (t.shape.every((d) => d >= 0) && bytesOf(t) > limit) {
      const sizes = `expected at most ${limit} bytes, got ${bytesOf(t)} of ${show(t)}`;
      throw new EngineError("out-of-memory", `Cannot hold "${name}" on the device: ${sizes}`);
    }
    return t;
  }

  async #readFeeds(file: Placement): Promise<Record<string, Tensor>> {
    if (file === null) return {};
    if (this.#scratch.byteLength < file.bytes) this.#scratch = new ArrayBuffer(file.bytes);
    return await readTensors(file.path, file.tensors, { scratch: this.#scratch });
  }

  /** Writes tensors to a file for the parent. */
  async #place(tensors: Readonly<Record<string, Tensor>>): Promise<Placement> {
    const { placed, bytes } = layOut(tensors);
    if (Object.keys(placed).length === 0) return null;
    const path = this.#spool.place("outputs", bytes);
    await writeTensors(path, tensors);
    return { path, bytes, tensors: placed };
  }

  #collectGarbage(): void {
    if (this.#garbageBytes < COLLECT_AT) return;
    this.#garbageBytes = 0;
    (globalThis as { gc?: () => void }).gc?.();
  }

  #toOrt(t: Tensor): OrtTensor {
    return toOrt(this.#runtime.Tensor, t);
  }

  async #onDevice(t: Tensor): Promise<OrtTensor> {
    return await this.#runtime.upload?.(this.#toOrt(t)) ?? this.#toOrt(t);
  }
}

async function failingAs<T>(doing: string, work: () => Promise<T>, path?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw engineErrorOf(error, doing, path);
    console.error(error); // a trap leaves the heap in disorder: only a new process can be trusted
    Deno.exit(70);
  }
}
