/** ONNX files whose weights lie beside them, as today's PyTorch writes them. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";

/** The model with its raw weights taken out into a file of this name. */
export function besideModel(
  bytes: Uint8Array,
  name: string,
): { readonly model: Uint8Array<ArrayBuffer>; readonly data: Uint8Array<ArrayBuffer> } {
  const proto = fromBinary(ModelProtoSchema, bytes);
  const parts: number[] = [];
  for (const tensor of proto.graph!.initializer) {
    const entries = { location: name, offset: String(parts.length), length: String(tensor.rawData.length) };
    if (tensor.rawData.length === 0) continue;
    parts.push(...tensor.rawData);
    tensor.rawData = new Uint8Array();
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value })
    );
  }
  return { model: toBinary(ModelProtoSchema, proto), data: Uint8Array.from(parts) };
}
