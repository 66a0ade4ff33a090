/**
 * A text of ours in the metadata of an ONNX file, as one more entry at the file's end: a message of protobuf may be
 * continued, so that nothing else of the file changes and the entry can be taken off again.
 */
import { decodeModel } from "../../graph/mod.ts";

/** Key of the description of a package in the metadata of a file. */
export const METADATA_KEY = "sulcus";

/** Tags of protobuf's fields of bytes: `ModelProto.metadata_props`, and key and value of its entries. */
const METADATA_PROPS = 14 << 3 | 2, KEY = 1 << 3 | 2, VALUE = 2 << 3 | 2;

/** The bytes that add our entry to the metadata of a model when they follow its own. */
export function metadataEntry(value: string): Uint8Array<ArrayBuffer> {
  const entry = joined([...field(KEY, encoded(METADATA_KEY)), ...field(VALUE, encoded(value))]);
  return joined(field(METADATA_PROPS, entry));
}

/** A model's metadata, and the model without our entry where it stands at the end. */
export function takeMetadata(
  bytes: Uint8Array<ArrayBuffer>,
): { readonly metadata: Readonly<Record<string, string>>; readonly model: Uint8Array<ArrayBuffer> } {
  const { metadata } = decodeModel(bytes);
  if (!Object.hasOwn(metadata, METADATA_KEY)) return { metadata, model: bytes };
  const entry = metadataEntry(metadata[METADATA_KEY]), from = bytes.length - entry.length;
  const isLast = from > 0 && entry.every((byte, i) => bytes[from + i] === byte);
  return { metadata, model: isLast ? bytes.subarray(0, from) : bytes };
}

const encoded = (text: string) => new TextEncoder().encode(text);

const field = (tag: number, content: Uint8Array): Uint8Array[] => [
  Uint8Array.from([tag]),
  Uint8Array.from(varint(content.length)),
  content,
];

function varint(value: number): number[] {
  const low = value & 0x7f, rest = Math.floor(value / 128);
  return rest === 0 ? [low] : [low | 0x80, ...varint(rest)];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
