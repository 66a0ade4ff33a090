/** The table of file formats, in the order in which they are tried. */
import { type Contents, HEAD_BYTES, type WeightFormat } from "./format.ts";
import { ONNX } from "./onnx.ts";
import { PYTORCH } from "./pytorch.ts";
import { SAFETENSORS } from "./safetensors.ts";

/** A safetensors header length may begin like a pickle, so that format is tried first; ONNX takes the rest. */
const FORMATS = { safetensors: SAFETENSORS, pytorch: PYTORCH, onnx: ONNX } satisfies Record<string, WeightFormat>;

export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as [FormatName, ...FormatName[]];

/** The format of a file by its first bytes. @throws {TypeError} a variant that cannot be read */
export async function formatOf(path: string): Promise<FormatName> {
  using file = await Deno.open(path);
  const head = new Uint8Array(HEAD_BYTES);
  let length = 0;
  for (let n: number | null; length < HEAD_BYTES && (n = await file.read(head.subarray(length))) !== null;) length += n;
  return FORMAT_NAMES.find((name) => FORMATS[name].recognises(head.subarray(0, length))) ?? "onnx";
}

/** Reads a file of a format. @throws as `WeightFormat.read()` does */
export const readFormat = (path: string, format: FormatName): Promise<Contents> => FORMATS[format].read(path);
