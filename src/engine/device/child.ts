/**
 * The device child: owns one provider's sessions and resident tensors. Run by `DeviceEngine` under a `Supervisor`, never
 * imported; what it is sent has been checked by the parent.
 */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { bytesOf, type DType, type Tensor, type TensorType } from "../../tensor/mod.ts";
import { show } from "./_checks.ts";
import { EngineError } from "../errors.ts";
import { engineErrorOf } from "./_failures.ts";
import { giveBackMemory, serve } from "../../process/mod.ts";
import type { LoadReply, OpenParams, OpenReply, Placement, RunParams, RunReply } from "./_messages.ts";
import { type LoadOptions, openRuntime, type Runtime } from "../runtimes/runtime.ts";
import { layOut, readTensors, Spool, writeTensors } from "./_spool.ts";

const DTYPES: readonly string[] = ["float32", "float64", "int64", "int32", "uint8", "bool"] satisfies DType[];

interface Resident {
  readonly tensor: OrtTensor;
  /** The session whose run made it on the device: the buffer cannot be freed once that session is released. */
  readonly maker?: number;
}

let runtime: Runtime;
let spool: Spool;
let nextSession = 1;
const sessions = new Map<number, InferenceSession>();
/** Sessions that nobody will run again. */
const retired = new Set<number>();
const residents = new Map<string, Resident>();
/** Holds the feeds of the run under way; kept, since fresh memory costs more than the copy into it. */
let scratch = new ArrayBuffer(0);
/** Bytes of tensors let go since the last collection. V8 waits long with memory outside its heap, so it is told. */
let garbageBytes = 0;
const COLLECT_AT = 64 * 2 ** 20;
/** No dimension is larger. */
const MAX_SIZE = 2 ** 31 - 1;

const parent = serve({
  open: async ({ provider, runtime: module, threads, folders }: OpenParams): Promise<OpenReply> => {
    spool = Spool.attach(folders);
    parent.removeWhenOrphaned(folders);
    runtime = await failingAs(`use ${provider}`, () => openRuntime(module, { threads }));
    return { deviceName: runtime.deviceName, software: runtime.software };
  },

  load: ({ path, options }: { path: string; options: LoadOptions }): Promise<LoadReply> =>
    failingAs("load the model", async () => {
      const session = await guarded(() => runtime.createSession(path, options));
      const inputs = typesOf(session.inputMetadata), outputs = typesOf(session.outputMetadata);
      try {
        for (const [name, type] of Object.entries({ ...inputs, ...outputs })) requireRoom(name, type);
      } catch (error) {
        await session.release();
        throw error;
      }
      sessions.set(nextSession, session);
      return { session: nextSession++, inputs, outputs };
    }, path),

  release: async ({ session }: { session: number }): Promise<void> => {
    retired.add(session);
    await releaseRetired();
  },

  run: ({ session, file, residents: fed, keep, fetch }: RunParams): Promise<RunReply> =>
    failingAs("run the graph", async () => {
      collectGarbage();
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, t] of Object.entries(await readFeeds(file))) feeds[name] = toOrt(requireRoom(name, t));
      for (const [name, resident] of Object.entries(fed)) feeds[name] = held(residents.get(resident)).tensor;
      const wanted = [...new Set([...fetch, ...Object.keys(keep)])];
      const graph = held(sessions.get(session));
      const results = await guarded(() => graph.run(feeds, wanted.length > 0 ? wanted : graph.outputNames.slice(0, 1)));
      const fetched: Record<string, Tensor> = {};
      for (const name of fetch) fetched[name] = await download(results[name]);
      for (const t of Object.values(fetched)) garbageBytes += t.data.byteLength;
      if (wanted.length === 0) results[graph.outputNames[0]].dispose();
      const reply = { file: await place(fetched), kept: {} as Record<string, TensorType> };
      for (const [name, resident] of Object.entries(keep)) {
        reply.kept[resident] = typeOf(results[name]);
        if (name in fetched) await replace(resident, { tensor: await onDevice(fetched[name]) });
        else await replace(resident, { tensor: results[name], maker: session });
      }
      return reply;
    }),

  put: ({ name, file }: { name: string; file: NonNullable<Placement> }): Promise<void> =>
    failingAs(`keep "${name}" on the device`, async () => {
      const tensors = await readTensors(file.path, file.tensors);
      const value = requireRoom(name, tensors[name]);
      await replace(name, { tensor: await guarded(() => onDevice(value)) });
    }),

  get: ({ name }: { name: string }): Promise<Placement> =>
    failingAs(`read "${name}" from the device`, async () => {
      const { tensor } = held(residents.get(name));
      const wasOnDevice = tensor.location !== "cpu"; // and is not after the download
      const value = await download(tensor);
      if (wasOnDevice) residents.set(name, { tensor: await onDevice(value) });
      await releaseRetired();
      return await place({ [name]: value });
    }),

  drop: ({ name }: { name: string }): Promise<void> => replace(name),

  /** No call has come for a while. */
  rest: () => {
    scratch = new ArrayBuffer(0);
    garbageBytes = 0;
    giveBackMemory();
  },
});

async function failingAs<T>(doing: string, work: () => Promise<T>, path?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw engineErrorOf(error, doing, path);
    console.error(error); // a trap leaves the heap in disorder: only a new process can be trusted
    Deno.exit(70);
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  return await (runtime.guarded?.(work) ?? work());
}

/** @throws {EngineError} "out-of-memory": the tensor is larger than any that the device can hold */
function requireRoom<T extends TensorType>(name: string, t: T): T {
  const limit = runtime.maxTensorBytes ?? Infinity;
  if (t.shape.every((d) => d >= 0) && bytesOf(t) > limit) {
    const sizes = `expected at most ${limit} bytes, got ${bytesOf(t)} of ${show(t)}`;
    throw new EngineError("out-of-memory", `Cannot hold "${name}" on the device: ${sizes}`);
  }
  return t;
}

/** The parent names only what it saw here, so what is missing was lost with a process since. */
function held<T>(value: T | undefined): T {
  if (value === undefined) throw new EngineError("crashed", "The device process ended: load the model again");
  return value;
}

async function readFeeds(file: Placement): Promise<Record<string, Tensor>> {
  if (file === null) return {};
  if (scratch.byteLength < file.bytes) scratch = new ArrayBuffer(file.bytes);
  return await readTensors(file.path, file.tensors, { scratch });
}

/** Writes tensors to a file for the parent. */
async function place(tensors: Readonly<Record<string, Tensor>>): Promise<Placement> {
  const { placed, bytes } = layOut(tensors);
  if (Object.keys(placed).length === 0) return null;
  const path = spool.place("outputs", bytes);
  await writeTensors(path, tensors);
  return { path, bytes, tensors: placed };
}

function collectGarbage(): void {
  if (garbageBytes < COLLECT_AT) return;
  garbageBytes = 0;
  (globalThis as { gc?: () => void }).gc?.();
}

/** Frees the resident of this name and puts another, if any, in its place. */
async function replace(name: string, next?: Resident): Promise<void> {
  const old = residents.get(name)?.tensor;
  if (old?.location === "cpu") garbageBytes += bytesOf(typeOf(old));
  old?.dispose();
  residents.delete(name);
  if (next !== undefined) residents.set(name, next);
  await releaseRetired();
}

/** Releases retired sessions, but not those whose buffers on the device are in use. */
async function releaseRetired(): Promise<void> {
  if (retired.size === 0) return;
  const makers = new Set<number | undefined>();
  for (const { tensor, maker } of residents.values()) if (tensor.location !== "cpu") makers.add(maker);
  for (const session of [...retired].filter((s) => !makers.has(s))) {
    retired.delete(session);
    await sessions.get(session)?.release();
    sessions.delete(session);
  }
}

function toOrt({ dtype, data, shape }: Tensor): OrtTensor {
  return new runtime.Tensor(dtype as Exclude<DType, "bfloat16">, data as never, shape);
}

async function onDevice(t: Tensor): Promise<OrtTensor> {
  return await runtime.upload?.(toOrt(t)) ?? toOrt(t);
}

/** The values in the process's memory; a GPU buffer is freed. */
async function download(t: OrtTensor): Promise<Tensor> {
  const type = typeOf(t);
  return { ...type, data: await t.getData(true) as Tensor["data"] };
}

function typeOf(t: OrtTensor): TensorType {
  return { dtype: dtypeOf(t.type, "a tensor"), shape: t.dims };
}

/** Types by name; a dimension that the model leaves open is -1. */
function typesOf(metadata: readonly InferenceSession.ValueMetadata[]): Record<string, TensorType> {
  const types: Record<string, TensorType> = {};
  for (const value of metadata) {
    const { name } = value;
    if (!value.isTensor) throw new EngineError("unsupported", `Cannot load the model: "${name}" is not a tensor`);
    // onnxruntime-web gives a dimension without a name as the unsigned form of -1
    const shape = value.shape.map((d) => typeof d === "number" && d <= MAX_SIZE ? d : -1);
    types[name] = { dtype: dtypeOf(value.type, `"${name}"`), shape };
  }
  return types;
}

function dtypeOf(type: string, what: string): DType {
  if (DTYPES.includes(type)) return type as DType;
  throw new EngineError("unsupported", `Cannot use ${what} of type ${type}: expected one of ${DTYPES.join(", ")}`);
}
