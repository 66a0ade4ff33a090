/** The child's side of a device: runs sessions and keeps resident tensors. The parent has checked what arrives here. */
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
import { Residents } from "./residents.ts";
import { layOut, readTensors, Spool, writeTensors } from "./spool.ts";

/**
 * V8 collects after this many bytes of dropped tensors. It would wait longer, since it knows little of memory outside
 * its heap.
 */
const COLLECT_AT = 64 * 2 ** 20;

/** `T` is the tensor of the runtime's library. */
export class DeviceHost<T = unknown> {
  readonly #runtime: Runtime<T>;
  readonly #spool: Spool;
  readonly #residents = new Residents<T>((tensor) => this.#free(tensor));
  /** Holds the feeds of the current run. Kept between runs, since fresh memory costs more than the copy into it. */
  #scratch = new ArrayBuffer(0);
  /** Bytes of tensors dropped since the last collection. */
  #garbageBytes = 0;

  private constructor(runtime: Runtime<T>, spool: Spool) {
    this.#runtime = runtime;
    this.#spool = spool;
  }

  static async open({ provider, runtime, threads, folder, facts }: OpenParams): Promise<DeviceHost> {
    const opened = await failingAs(`use ${provider}`, () => openRuntime(runtime, { threads, facts }));
    return new DeviceHost(opened, Spool.attach(folder));
  }

  get device(): OpenReply {
    const { deviceName, software } = this.#runtime;
    return { deviceName, software };
  }

  load({ path, options }: LoadParams): Promise<LoadReply> {
    return failingAs("load the model", async () => {
      const session = await this.#guarded(() => this.#runtime.load(path, options));
      try {
        const { inputs, outputs } = session;
        for (const [name, type] of Object.entries({ ...inputs, ...outputs })) this.#requireRoom(name, type);
        return { session: this.#residents.add(session), inputs, outputs };
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
      const feeds: Record<string, T> = {};
      for (const [name, t] of Object.entries(await this.#readFeeds(file))) {
        feeds[name] = this.#runtime.feed(this.#requireRoom(name, t));
      }
      for (const [name, resident] of Object.entries(residents)) feeds[name] = this.#residents.tensor(resident);
      const wanted = [...new Set([...fetch, ...Object.keys(keep)])];
      const graph = this.#residents.session(session);
      emit(STARTED);
      const first = Object.keys(graph.outputs).slice(0, 1);
      const results = await this.#guarded(() => graph.run(feeds, wanted.length > 0 ? wanted : first));
      const fetched: Record<string, Tensor> = {};
      for (const name of fetch) fetched[name] = await this.#runtime.download(results[name]);
      for (const t of Object.values(fetched)) this.#garbageBytes += t.data.byteLength;
      if (wanted.length === 0) this.#runtime.dispose(results[first[0]]);
      const reply = { file: await this.#place(fetched), kept: {} as Record<string, TensorType> };
      for (const [name, resident] of Object.entries(keep)) {
        reply.kept[resident] = this.#runtime.typeOf(results[name]);
        const tensor = name in fetched ? await this.#runtime.hold(fetched[name]) : results[name];
        const maker = !(name in fetched) && this.#runtime.isOnDevice(tensor) ? session : undefined;
        await this.#residents.replace(resident, { tensor, maker });
      }
      return reply;
    });
  }

  put({ name, file }: PutParams): Promise<void> {
    return failingAs(`keep "${name}" on the device`, async () => {
      const tensors = await readTensors(file.path, file.tensors);
      const value = this.#requireRoom(name, tensors[name]);
      const tensor = await this.#guarded(() => this.#runtime.hold(value));
      await this.#residents.replace(name, { tensor });
    });
  }

  get(name: string): Promise<Placement> {
    return failingAs(`read "${name}" from the device`, async () => {
      const tensor = this.#residents.tensor(name);
      const wasOnDevice = this.#runtime.isOnDevice(tensor); // and is not after the download
      const value = await this.#runtime.download(tensor);
      if (wasOnDevice) await this.#residents.set(name, { tensor: await this.#runtime.hold(value) });
      return await this.#place({ [name]: value });
    });
  }

  async drop(name: string): Promise<void> {
    await this.#residents.replace(name);
  }

  /** Returns unused memory to the system, in a pause between calls. */
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
    const path = this.#spool.place("outputs");
    await writeTensors(path, tensors);
    return { path, bytes, tensors: placed };
  }

  #collectGarbage(): void {
    if (this.#garbageBytes < COLLECT_AT) return;
    this.#garbageBytes = 0;
    (globalThis as { gc?: () => void }).gc?.();
  }

  #free(tensor: T): void {
    if (!this.#runtime.isOnDevice(tensor)) this.#garbageBytes += bytesOf(this.#runtime.typeOf(tensor));
    this.#runtime.dispose(tensor);
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
