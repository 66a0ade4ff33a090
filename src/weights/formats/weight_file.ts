/** Files of weights from outside, told apart by their content. What is in a tensor or a graph is not looked at here. */
import { decodeSafetensors, type StoredTensor, TENSOR_LIMITS } from "../../tensor/mod.ts";
import { readTorchFile } from "./torch_file.ts";
import { type ZipLimits, ZipReader } from "../../storage/mod.ts";

export type WeightFormat = "pytorch" | "safetensors" | "onnx";

export interface WeightFile {
  readonly format: Exclude<WeightFormat, "onnx">;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const ARCHIVE_LIMITS: ZipLimits = { maxEntries: 200_000, maxTotalBytes: 16 * 2 ** 30, maxRatio: 100 };
/** What a whole file in memory may have: the tensors and the header. */
const MAX_FILE_BYTES = TENSOR_LIMITS.bytes + 128 * 2 ** 20;

/** The format of a file by its first bytes; ONNX where they are of none of the others. */
export async function weightFormatOf(path: string): Promise<WeightFormat> {
  using file = await Deno.open(path);
  const start = new Uint8Array(9);
  let length = 0;
  for (let n: number | null; length < 9 && (n = await file.read(start.subarray(length))) !== null;) length += n;
  const is = (...bytes: number[]) => bytes.every((b, i) => i < length && start[i] === b);
  if (is(0x50, 0x4b)) return "pytorch"; // a zip
  // "{" begins the header, whose length is far below 2^40
  if (length === 9 && start[8] === 0x7b && start[5] + start[6] + start[7] === 0) return "safetensors";
  if (is(0x80) && start[1] <= 5) {
    throw new TypeError(
      "Cannot read the weights: expected a file that PyTorch 1.6 or later wrote, got an older one (or a plain pickle). " +
        "In PyTorch: torch.save(torch.load(FILE, weights_only=True), NEW_FILE)",
    );
  }
  return "onnx";
}

/**
 * Reads the tensors of a file.
 * @throws {DomainError} `invalid-archive`, `too-large`
 * @throws {SyntaxError | TypeError | RangeError} damaged, refused, beyond bounds
 */
export async function readWeightFile(path: string, format: WeightFile["format"]): Promise<WeightFile> {
  if (format === "pytorch") return { format, tensors: await readTorch(path), metadata: {} };
  const { size } = await Deno.stat(path);
  if (size > MAX_FILE_BYTES) {
    throw new RangeError(`Cannot read the weights: expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
  }
  return { format, ...decodeSafetensors(await Deno.readFile(path)) };
}

async function readTorch(path: string): Promise<Map<string, StoredTensor>> {
  using zip = await ZipReader.open(path, ARCHIVE_LIMITS);
  const entries = new Map(zip.entries.map((e) => [e.name, e]));
  if (entries.has("manifest.json")) {
    throw new TypeError("Cannot read the weights: this is a model package; import it as such (sulcus models import)");
  }
  return await readTorchFile({
    entries: new Map(zip.entries.map((e) => [e.name, e.bytes])),
    read: (name) => zip.readBytes(entries.get(name)!, MAX_FILE_BYTES),
  });
}
