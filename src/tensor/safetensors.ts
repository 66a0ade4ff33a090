/**
 * The safetensors format: 8 bytes of header length, a JSON header, raw little-endian data. Reads untrusted files within
 * bounds; knows no keys.
 * Source: the format's description in the repository huggingface/safetensors.
 */
import { type Tensor, tensorBytes } from "./tensor.ts";
import {
  shapeFault,
  STORED_BYTES,
  type StoredTensor,
  type StoredType,
  TENSOR_LIMITS,
  type TensorLimits,
} from "./stored.ts";

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, StoredType>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};
const NAMES = Object.fromEntries(Object.entries(TYPES).map(([name, dtype]) => [dtype, name]));
/** The bound of the format's own reader. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";

/** The parts of a file in order; the tensors' bytes are not copied. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const entries: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA]: metadata } : {};
  let at = 0;
  for (const [name, t] of tensors) {
    entries[name] = { dtype: NAMES[t.dtype], shape: t.shape, data_offsets: [at, at += t.data.byteLength] };
  }
  const text = JSON.stringify(entries);
  const bytes = new TextEncoder().encode(text);
  const header = new Uint8Array(Math.ceil(bytes.length / 8) * 8).fill(0x20); // data aligned by spaces
  header.set(bytes);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return [length, header, ...[...tensors.values()].map(tensorBytes)];
}

/**
 * Reads a file's bytes; tensors are views of them.
 * @throws {SyntaxError} damaged: the header is no such JSON, or the tensors do not cover the data exactly, each once
 * @throws {RangeError} beyond `limits`
 */
export function decodeSafetensors(bytes: Uint8Array, limits: TensorLimits = TENSOR_LIMITS): Safetensors {
  const { header, data } = split(bytes);
  const { [METADATA]: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((v) => typeof v !== "string")) {
    refuse("expected texts as metadata");
  }
  const names = Object.keys(entries);
  if (names.length > limits.tensors) tooMuch(`expected at most ${limits.tensors} tensors, got ${names.length}`);
  if (data.length > limits.bytes) tooMuch(`expected at most ${limits.bytes} bytes of tensors, got ${data.length}`);
  const found = names.map((name) => ({ name, ...entryOf(entries[name], limits) }));
  let end = 0;
  for (const { from, to } of found.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) refuse(from < end ? "two tensors share the same bytes" : "there are bytes of no tensor");
    end = to;
  }
  if (end !== data.length) refuse(`expected ${end} bytes of tensors, got ${data.length}`);
  const tensors = new Map(found.map(({ name, from, to, dtype, shape }) => {
    return [name, { dtype, shape, bytes: data.subarray(from, to) }];
  }));
  return { tensors, metadata: metadata as Record<string, string> };
}

function split(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < 8) refuse(`expected 8 bytes or more, got ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) tooMuch(`expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  if (8 + length > bytes.length) refuse("its header is cut short");
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    refuse("its header is no JSON");
  }
  if (!isRecord(header)) refuse("its header is no JSON object");
  return { header, data: bytes.subarray(8 + length) };
}

function entryOf(entry: unknown, limits: TensorLimits) {
  if (!isRecord(entry)) refuse("an entry of its header is no object");
  const { dtype: name, shape, data_offsets: offsets } = entry;
  if (typeof name !== "string" || !Object.hasOwn(TYPES, name)) {
    refuse(`expected element types ${Object.keys(TYPES).join(", ")}, got ${String(name).slice(0, 20)}`);
  }
  if (!Array.isArray(shape) || !Array.isArray(offsets)) refuse("an entry of its header lacks shape or offsets");
  const fault = shapeFault(shape, limits);
  if (fault !== null) refuse(`a tensor has ${fault}`);
  const [from, to] = offsets;
  const dtype = TYPES[name];
  const expected = shape.reduce((n: number, d: number) => n * d, STORED_BYTES[dtype]);
  if (!Number.isSafeInteger(from) || from < 0 || to - from !== expected) {
    refuse(`a tensor of shape [${shape}] has offsets ${JSON.stringify(offsets).slice(0, 60)}, not ${expected} bytes`);
  }
  return { dtype, shape: shape as readonly number[], from: from as number, to: to as number };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(why: string): never {
  throw new SyntaxError(`Cannot read the safetensors file: ${why}`);
}
function tooMuch(why: string): never {
  throw new RangeError(`Cannot read the safetensors file: ${why}`);
}
