/**
 * Weights that lie in files beside a model, as PyTorch writes them by default. Only files that the caller gives are
 * read, and only by plain names: a model cannot name a path.
 */
import { clearField, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { quoted } from "../../tensor/mod.ts";
import { joinModel } from "../write/encode.ts";
import { parseModel, tensorsOf } from "./proto.ts";
import { IMPORT_LIMITS } from "./raw.ts";
import { explained, isExternal, storedBytes } from "./tensors.ts";

const REMEDY = "export the model with its weights inside (external_data=False)";

/** Longest file name of common file systems. */
const MAX_NAME = 255;

/** The part of a file that holds a tensor. */
interface Extent {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * The names of the files beside a model that hold its weights, each once; none where the model is self-contained.
 * @throws {SyntaxError | TypeError | RangeError} not an ONNX file; a name with a path, an offset or length out of bounds
 */
export function externalFiles(bytes: Uint8Array): string[] {
  return filesOf(parseModel(bytes, IMPORT_LIMITS));
}

/** @throws {TypeError} weights beside the file, naming the files to give */
export function refuseExternal(model: ModelProto): void {
  const files = filesOf(model);
  if (files.length === 0) return;
  throw new TypeError(
    `Cannot import model: expected its weights inside the file, got some in ${files.map(quoted).join(", ")}: ` +
      `give these files beside the model, or ${REMEDY}`,
  );
}

function filesOf(model: ModelProto): string[] {
  const found = new Set<string>();
  for (const { proto, what } of tensorsOf(model)) {
    if (isExternal(proto)) found.add(explained(what, () => extentOf(proto)).file);
  }
  return [...found];
}

/**
 * The model with the weights that lie in `files`, by name, as one self-contained file.
 * @throws {TypeError | RangeError} a file is missing or too short; the whole would exceed protobuf's 2 GiB
 * @example withExternalData(model, new Map([["model.onnx.data", await Deno.readFile("model.onnx.data")]]))
 */
export function withExternalData(
  bytes: Uint8Array,
  files: ReadonlyMap<string, Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const model = parseModel(bytes, IMPORT_LIMITS);
  const { graph } = model;
  if (graph === undefined) throw new SyntaxError("Cannot import model: expected a graph with nodes, got none");
  let total = bytes.length;
  for (const { proto, what } of tensorsOf(model)) {
    if (!isExternal(proto)) continue;
    total += explained(what, () => takeData(proto, files));
    if (total > IMPORT_LIMITS.bytes) {
      throw new RangeError(
        `Cannot import model: expected at most ${IMPORT_LIMITS.bytes} bytes with its weights, got more than ` +
          `${total}: export it with half as wide weights ("model.half()"), which are read as float32`,
      );
    }
  }
  const { initializer } = graph;
  graph.initializer = [];
  model.graph = undefined;
  const body = toBinary(GraphProtoSchema, graph);
  return joinModel(toBinary(ModelProtoSchema, model), body, initializer);
}

/** Puts the tensor's bytes into it and returns their number. */
function takeData(proto: TensorProto, files: ReadonlyMap<string, Uint8Array>): number {
  const { file, offset, length } = extentOf(proto);
  const data = files.get(file);
  if (data === undefined) {
    throw new TypeError(`expected the file ${quoted(file)} with its weights beside the model, got none: give it too`);
  }
  if (offset + length > data.length) {
    throw new RangeError(
      `expected bytes ${offset} to ${offset + length} of ${quoted(file)}, got a file of ${data.length}: ` +
        "give the file of the same export",
    );
  }
  proto.rawData = viewOf(data, offset, length);
  clearField(proto, TensorProtoSchema.field.dataLocation);
  proto.externalData = [];
  return length;
}

/** A view of a file's part; a copy where other threads share it. */
function viewOf({ buffer, byteOffset }: Uint8Array, offset: number, length: number): Uint8Array<ArrayBuffer> {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset + offset, length);
  return new Uint8Array(buffer, byteOffset + offset, length).slice();
}

function extentOf(proto: TensorProto): Extent {
  const entries = new Map<string, string>();
  for (const { key, value } of proto.externalData) {
    if (entries.has(key)) throw new RangeError(`expected one ${quoted(key)} of external data, got two: ${REMEDY}`);
    entries.set(key, value);
  }
  if (proto.dataLocation !== TensorProto_DataLocation.EXTERNAL || proto.rawData.length > 0) {
    throw new TypeError(`expected its data inside the file or beside it, got both: ${REMEDY}`);
  }
  const bytes = storedBytes(proto);
  const offset = wholeNumber(entries.get("offset") ?? "0", "offset");
  const length = wholeNumber(entries.get("length") ?? String(bytes), "length");
  if (length !== bytes) {
    throw new RangeError(`expected external data of ${bytes} bytes, got a length of ${length}: ${REMEDY}`);
  }
  return { file: plainName(entries.get("location") ?? ""), offset, length };
}

function wholeNumber(text: string, what: string): number {
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new RangeError(`expected a whole number of bytes as ${what} of external data, got ${quoted(text)}: ${REMEDY}`);
}

/** @throws {TypeError} a name that could lead out of the model's folder */
function plainName(name: string): string {
  // deno-lint-ignore no-control-regex -- names with control characters are refused
  const isPlain = /^[^/\\:\x00-\x1f\x7f]+$/.test(name) && !/^\.+$/.test(name) && name.length <= MAX_NAME;
  if (isPlain) return name;
  throw new TypeError(
    `expected the plain name of a file beside the model as location of external data, got ${quoted(name)}: ${REMEDY}`,
  );
}
