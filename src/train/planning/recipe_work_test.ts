import assert from "node:assert/strict";
import { GraphBuilder } from "../../graph/mod.ts";
import { checkFinetune, type FinetuneCheck } from "../finetuning/check_finetune.ts";
import { resolvePretraining } from "../pretraining/methods.ts";
import { checkNetwork, checkSamples } from "./recipe_work.ts";

const GIB = 2 ** 30;

Deno.test("checkSamples() refuses samples and templates that would not fit, with the figures", () => {
  const roi = [96, 96, 96] as const;
  checkSamples("fine-tune", { samples: 8, roi, volumes: 9 }, 4 * GIB);
  assert.throws(() => checkSamples("fine-tune", { samples: 64, roi: [256, 256, 256], volumes: 7 }, 12 * GIB), {
    code: "invalid-recipe",
    message: "Cannot fine-tune: 64 samples an update of 7 volumes of 256×256×256 voxels would take about 84 GiB of " +
      "memory, expected at most 12 GiB",
  });
  const templates = { count: 4, sizeVox: [512, 512, 512] } as const;
  assert.throws(
    () => checkSamples("pre-train", { samples: 1, roi, volumes: 6, templates }, 12 * GIB),
    /^TrainingError: Cannot pre-train: 4 templates of 512×512×512 voxels would take about 20 GiB/,
  );
});

Deno.test("checkNetwork() refuses a network of which one operator takes more memory than there may be", () => {
  const b = new GraphBuilder(), value = { dtype: "float32", shape: [1, 64, 256, 256, 256] } as const;
  const network = b.build("sum", { y: b.op.Add(b.input("a", value), b.input("b", value)) });
  const roi = [256, 256, 256] as const;
  checkNetwork(network, { roi, memoryBytes: 8 * GIB });
  assert.throws(() => checkNetwork(network, { roi, memoryBytes: 8 * GIB - 1 }), {
    code: "invalid-recipe",
    message: "Cannot fine-tune: one operator of the network would take at least 8 GiB of memory for crops of " +
      "256×256×256 voxels, expected at most 8 GiB. Choose a smaller roi",
  });
});

Deno.test("checkFinetune() and resolvePretraining() check the sizes of a recipe", async () => {
  const encoder: FinetuneCheck["request"]["base"]["spec"] = {
    task: "encoder",
    architecture: { kind: "uniunet", config: {} },
    modalities: ["t1"],
    labels: [],
    classes: [],
    preprocessing: {
      spacingMm: [1, 1, 1],
      percentiles: { lower: 5, upper: 95, clip: false },
      foregroundMargin: 1,
      percentilesOver: "volume",
    },
    inference: { roi: [96, 96, 96], overlap: 0.5, blending: "gaussian", threshold: 0.5 },
  };
  const check: FinetuneCheck = {
    request: {
      task: "segmentation",
      modalities: ["t1"],
      labels: [{ name: "a", value: 1, colour: "#ff0000" }],
      classes: [],
      base: { name: "base", version: 1, directory: "/none", spec: encoder },
    },
    recipe: { preset: "edge", roi: [256, 256, 256], batchSize: 64 },
    cases: 10,
    baseHasTemplates: false,
    memoryBytes: 8 * GIB,
  };
  await assert.rejects(checkFinetune(check), /^TrainingError: Cannot fine-tune: 64 samples an update of 2 volumes/);
  await checkFinetune({ ...check, recipe: { preset: "edge" } });
  // crops of an unusual size are judged by the network, which a child makes of the base
  const large = checkFinetune({ ...check, recipe: { preset: "edge", roi: [160, 160, 160], batchSize: 1 } });
  await assert.rejects(large, /^TrainingError: Cannot fine-tune: the base is unreadable$/);
  const sizeVox: [number, number, number] = [512, 512, 512];
  assert.throws(
    () => resolvePretraining({ preset: "edge", templates: { sizeVox } }, 2, 8 * GIB),
    /^TrainingError: Cannot pre-train: \d+ templates of 512×512×512 voxels/,
  );
  resolvePretraining({ preset: "official" }, 2, 8 * GIB);
});
