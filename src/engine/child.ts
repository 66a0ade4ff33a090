/**
 * The device child: owns one provider's sessions and resident tensors. Run by `DeviceEngine` under a `Supervisor`, never
 * imported; what it is sent has been checked by the parent.
 */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type DType, type Tensor, type TensorType } from "../graph/tensor.ts";
import { EngineError, type LoadOptions } from "./engine.ts";
import { engineErrorOf } from "./_failures.ts";
import type { LoadReply, OpenParams, OpenReply, Placement, RunParams, RunReply } from "./_messages.ts";
import { openRuntime, type Runtime } from "./_runtime.ts";
import { serve } from "./serve.ts";
import { layOut, readTensors, remove, Spool, writeTensors } from "./_spool.ts";

const DTYPES: readonly string[] = ["float32", "float64", "int64", "int32", "uint8", "bool"] satisfies DType[];

let runtime: Runtime;
let spool: Spool;
let nextSession = 1;
const sessions = new Map<number, InferenceSession>();
const residents = new Map<string, OrtTensor>();

serve({
  open: async ({ provider, threads, folders }: OpenParams): Promise<OpenReply> => {
    spool = Spool.attach(folders);
    runtime = await failingAs(`use ${provider}`, () => openRuntime(provider, { threads }));
    return { deviceName: runtime.deviceName, software: runtime.software };
  },

  load: ({ path, options }: { path: string; options: LoadOptions }): Promise<LoadReply> =>
    failingAs("load the model", async () => {
      const session = await runtime.createSession(path, options);
      sessions.set(nextSession, session);
      return {
        session: nextSession++,
        inputs: typesOf(session.inputMetadata),
        outputs: typesOf(session.outputMetadata),
      };
    }),

  release: async ({ session }: { session: number }): Promise<void> => {
    await sessions.get(session)?.release();
    sessions.delete(session);
  },

  run: ({ session, file, residents: fed, keep, fetch }: RunParams): Promise<RunReply> =>
    failingAs("run the graph", async () => {
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, t] of Object.entries(await take(file))) feeds[name] = toOrt(t);
      for (const [name, resident] of Object.entries(fed)) feeds[name] = residents.get(resident)!;
      const results = await sessions.get(session)!.run(feeds, [...new Set([...fetch, ...Object.keys(keep)])]);
      const fetched: Record<string, Tensor> = {};
      for (const name of fetch) fetched[name] = await download(results[name]);
      const reply = { file: await place(fetched), kept: {} as Record<string, TensorType> };
      for (const [name, resident] of Object.entries(keep)) {
        reply.kept[resident] = typeOf(results[name]);
        replace(resident, name in fetched ? await onDevice(fetched[name]) : results[name]);
      }
      return reply;
    }),

  put: ({ name, file }: { name: string; file: Placement }): Promise<void> =>
    failingAs(`keep "${name}" on the device`, async () => {
      const tensors = await take(file);
      replace(name, await onDevice(tensors[name]));
    }),

  get: ({ name }: { name: string }): Promise<Placement> =>
    failingAs(`read "${name}" from the device`, async () => {
      const resident = residents.get(name)!;
      const wasOnDevice = resident.location !== "cpu"; // and is not after the download
      const value = await download(resident);
      if (wasOnDevice) residents.set(name, await onDevice(value));
      return await place({ [name]: value });
    }),

  drop: ({ name }: { name: string }): void => {
    residents.get(name)?.dispose();
    residents.delete(name);
  },
});

async function failingAs<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw engineErrorOf(error, doing);
  }
}

/** Reads the tensors of a file and removes it. */
async function take(file: Placement): Promise<Record<string, Tensor>> {
  if (file === null) return {};
  const tensors = await readTensors(file.path, file.tensors);
  remove(file.path);
  return tensors;
}

/** Writes tensors to a file for the parent. */
async function place(tensors: Readonly<Record<string, Tensor>>): Promise<Placement> {
  const { placed, bytes } = layOut(tensors);
  if (Object.keys(placed).length === 0) return null;
  const path = spool.place(bytes);
  await writeTensors(path, tensors);
  return { path, tensors: placed };
}

function replace(name: string, tensor: OrtTensor): void {
  residents.get(name)?.dispose();
  residents.set(name, tensor);
}

function toOrt({ dtype, data, shape }: Tensor): OrtTensor {
  return new runtime.Tensor(dtype, data as never, shape);
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
    const shape = value.shape.map((d) => typeof d === "number" ? d : -1);
    types[name] = { dtype: dtypeOf(value.type, `"${name}"`), shape };
  }
  return types;
}

function dtypeOf(type: string, what: string): DType {
  if (DTYPES.includes(type)) return type as DType;
  throw new EngineError("unsupported", `Cannot use ${what} of type ${type}: expected one of ${DTYPES.join(", ")}`);
}
