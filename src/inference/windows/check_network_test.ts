import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { encodeModel, GraphBuilder } from "../../graph/mod.ts";
import type { ImportSpec } from "../spec.ts";
import { checkNetwork } from "./check_network.ts";

const SPEC: ImportSpec = {
  architecture: { kind: "onnx", config: {} },
  modalities: ["t1", "flair"],
  inference: { roi: [8, 8, 8], overlap: 0.5, blending: "constant", threshold: 0.5 },
};

async function check(network: Uint8Array, spec = SPEC): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await writeFile(`${directory}/network.onnx`, network);
    await checkNetwork(directory, spec);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("checkNetwork() takes the channels of an encoder for single modalities from its architecture", async () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 1, 8, 8, 8] });
  const network = encodeModel(b.build("relu", { y: b.op.Relu(x) }));
  const architecture = { kind: "uniformer-pretraining", config: { inChannels: 1 } } as const;
  await check(network, { ...SPEC, architecture });
  await assert.rejects(check(network), { name: "TypeError", message: /^Cannot import input "x"/ });
});

Deno.test("checkNetwork() takes a network that can be imported and refuses other bytes with the importer's reason", async () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 2, 8, 8, 8] });
  await check(encodeModel(b.build("relu", { y: b.op.Relu(x) })));
  await assert.rejects(check(new TextEncoder().encode("no network")), {
    name: "TypeError",
    message: /^Cannot (read|decode|import)/,
  });
});
