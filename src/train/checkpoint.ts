/** Training state on disk, in the safetensors layout: 8-byte header length, JSON header, raw little-endian data. */
import { readFile } from "node:fs/promises";
import { type DType, type Tensor, tensorBytes, tensorFromBytes } from "../graph/mod.ts";
import { writeWhole } from "./files.ts";

/** State of one training run after `step` updates. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Updates done, the losses so far, and what identifies the run; JSON. */
  readonly progress: { readonly run: string; readonly step: number; readonly losses: readonly number[] };
}

const DTYPES: Readonly<Record<string, DType>> = {
  F32: "float32",
  F64: "float64",
  I64: "int64",
  I32: "int32",
  U8: "uint8",
};

/** Writes a checkpoint whole or not at all. */
export async function saveCheckpoint(path: string, { tensors, progress }: Checkpoint): Promise<void> {
  const entries: Record<string, unknown> = { __metadata__: { progress: JSON.stringify(progress) } };
  let at = 0;
  for (const [name, t] of tensors) {
    const dtype = Object.keys(DTYPES).find((k) => DTYPES[k] === t.dtype);
    entries[name] = { dtype, shape: t.shape, data_offsets: [at, at += t.data.byteLength] };
  }
  const header = new TextEncoder().encode(JSON.stringify(entries));
  const padding = " ".repeat((8 - (header.length % 8)) % 8);
  const length = new Uint8Array(new BigUint64Array([BigInt(header.length + padding.length)]).buffer);
  await writeWhole(path, length, header, padding, ...[...tensors.values()].map(tensorBytes));
}

/** The checkpoint at `path`, or null where there is none. @throws {SyntaxError} the file is damaged */
export async function readCheckpoint(path: string): Promise<Checkpoint | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    return null;
  }
  try {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const tensors = new Map<string, Tensor>();
    for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries<Entry>(entries)) {
      const data = bytes.subarray(8 + length + from, 8 + length + to);
      tensors.set(name, tensorFromBytes({ dtype: DTYPES[dtype], shape }, data));
    }
    return { tensors, progress: JSON.parse(__metadata__.progress) };
  } catch (cause) {
    throw new SyntaxError("Cannot read the checkpoint: the file is damaged", { cause });
  }
}

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}
