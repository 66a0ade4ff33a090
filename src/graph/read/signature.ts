/**
 * The inputs and outputs that a model file states, without parsing its nodes and weights. For files that a library has
 * read: it refuses damaged ones in its own words.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type ValueInfoProto, ValueInfoProtoSchema } from "onnx-buf";

/** Field numbers of onnx.proto: of a model, and of a graph. */
const GRAPH = 7, INPUT = 11, OUTPUT = 12;

/** A stated input or output; a dimension that the file leaves open is -1. */
export interface StatedValue {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Signature {
  readonly inputs: readonly StatedValue[];
  readonly outputs: readonly StatedValue[];
}

/** @throws {Error} the bytes are no protobuf message */
export function signatureOf(bytes: Uint8Array): Signature {
  const inputs: StatedValue[] = [], outputs: StatedValue[] = [];
  for (const { content: graph } of messagesIn(bytes, [GRAPH])) {
    for (const { field, content } of messagesIn(graph, [INPUT, OUTPUT])) {
      (field === INPUT ? inputs : outputs).push(stated(fromBinary(ValueInfoProtoSchema, content)));
    }
  }
  return { inputs, outputs };
}

function* messagesIn(bytes: Uint8Array, wanted: readonly number[]): Generator<{ field: number; content: Uint8Array }> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, kind] = reader.tag();
    if (kind === WireType.LengthDelimited && wanted.includes(field)) yield { field, content: reader.bytes() };
    else reader.skip(kind, field);
  }
}

function stated({ name, type }: ValueInfoProto): StatedValue {
  const dims = type?.value.case === "tensorType" ? type.value.value.shape?.dim ?? [] : [];
  return { name, shape: dims.map(({ value }) => value.case === "dimValue" ? Number(value.value) : -1) };
}
