import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { initialWeights } from "../../src/nets/mod.ts";
import { resolvePretraining } from "../../src/train/mod.ts";
import { EDGE } from "../../src/nets/mod.ts";
import { PRETRAININGS, realCases } from "./pretraining.ts";

const DATA = "../shared/data";
const ignore = !existsSync(DATA);

Deno.test({
  name: `realCases() has no tumours and no hippocampi that test${ignore ? " (skipped: ../shared/data is absent)" : ""}`,
  ignore,
  fn: () => {
    const cases = realCases(DATA), count = (start: string) => cases.filter(({ id }) => id.startsWith(start)).length;
    assert.deepEqual([count("ms/"), count("ms-longitudinal/"), count("tumour")], [3, 7, 0]);
    const crops = cases.filter(({ id }) => id.startsWith("hippocampus/")).map(({ id }) => Number(id.match(/\d+/)![0]));
    assert.equal(crops.length, 26);
    assert.ok(crops.every((n) => n % 5 > 1), crops.join(" "));
  },
});

Deno.test("PRETRAININGS are recipes, and the base network has 8 to 10 million weights when it segments", () => {
  for (const recipe of Object.values(PRETRAININGS)) assert.equal(resolvePretraining(recipe, 40).steps, 40_000);
  const { config } = PRETRAININGS["brainmvp-base"].network;
  const weights = initialWeights({ kind: "uniunet", config: { ...EDGE, ...config, inChannels: 2 } }, { seed: 0 });
  let count = 0;
  for (const { data } of weights.values()) count += data.length;
  assert.ok(count > 8e6 && count < 10e6, `${count} weights`);
});
