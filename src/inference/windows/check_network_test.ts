import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { encodeModel, GraphBuilder } from "../../graph/mod.ts";
import type { ImportSpec } from "../spec.ts";
import { checkNetwork } from "./check_network.ts";

const SPEC: ImportSpec = {
  architecture: { kind: "onnx", config: {} },
  task: "segmentation",
  modalities: ["t1", "flair"],
  labels: ["a", "b"].map((name, i) => ({ name, value: i + 1, colour: "#ff0000" })),
  classes: [],
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
  await check(network, { ...SPEC, task: "encoder", architecture });
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

Deno.test("checkNetwork() refuses a network whose output does not fit the labels, and names what it fits", async () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 2, 8, 8, 8] });
  const network = encodeModel(b.build("relu", { y: b.op.Relu(x) }));
  const [label] = SPEC.labels;
  await assert.rejects(check(network, { ...SPEC, labels: [label] }), {
    name: "TypeError",
    message: "Cannot use the network: expected an output of [1, 1, 8, 8, 8], a logit per label for 1 labels " +
      "(activation sigmoid), got [1, 2, 8, 8, 8], which fits the activation softmax or class-probabilities",
  });
  await check(network, { ...SPEC, labels: [label], inference: { ...SPEC.inference, activation: "softmax" } });
  await assert.rejects(check(network, { ...SPEC, task: "classification", labels: [], classes: ["a", "b"] }), {
    message: "Cannot use the network: expected an output of 2 numbers for 2 classes (activation softmax), " +
      "got [1, 2, 8, 8, 8]",
  });
});
