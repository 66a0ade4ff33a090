/**
 * Makes the shipped model packages, each the next version of its name; a version that exists is never written again.
 *
 *   deno run -A scripts/models/make_models.ts edge [--from DIR] [--note TEXT]    fresh weights, or a pre-trained package
 *   deno run -A scripts/models/make_models.ts ms-lesion   [--base DIR] [--data ../shared/data] [--work DIR] [--minutes 30]
 *   deno run -A scripts/models/make_models.ts mr-sequence --simulated DIR [--base DIR] [--data ../shared/data] [--work DIR]
 *   deno run -A scripts/models/make_models.ts hippocampus [--base DIR] [--data ../shared/data] [--work DIR] [--minutes 30]
 *   deno run -A scripts/models/make_models.ts foreground --from DIR --lower P --upper P [--training-ml MIN,MAX] [--note TEXT]
 *   deno run -A scripts/models/make_models.ts quality --from DIR --cases DIR,DIR    with facts of its training's images
 *   deno run -A scripts/models/make_models.ts simulated-heads --simulated DIR,DIR --work DIR [--base DIR] [--steps 6000]
 *   deno run -A scripts/models/make_models.ts adopt-heads --from DIR [--note TEXT]    the next brainmvp-lesions from these
 *   deno run -A scripts/models/make_models.ts brainmvp-edge|brainmvp-base [--so-far] [--start DIR] [--simulated DIR,DIR] --work DIR
 *     [--pool 56 [--replace 14] [--leg 2000]]
 *
 * The last one is a pre-training of hours: it resumes from its last checkpoint, and `--so-far` makes a package of that, also
 * while another process trains. `--start` goes on from a package's weights. With `--pool`, so many simulated subjects lie in the work folder (200 MB each,
 * prepared): a process of low priority draws the next ones meanwhile, and after each leg of so many updates they replace the
 * oldest. The same flags resume. Subjects to draw before instead (`--simulated`), without the anatomies that experiments hold out:
 *
 *   deno run -A scripts/simulator/main.ts --anatomies ../shared/data/anatomies --anatomy 1,2,3,4,5,6,7,8,9,10,11,12,13,14 \
 *     --lesions ../shared/data/ms-lesion-masks --lesion-chance 0.5 --missing 0.5 --labels none --subjects 56 --out DIR
 *
 * `--models DIR` writes elsewhere than into `models/`. The base is the newest brainmvp-edge of that folder.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adoptEdge, makeFreshEdge } from "./edge.ts";
import { makeForegroundVersion } from "./foreground.ts";
import { makeHippocampus } from "./hippocampus.ts";
import { makeMrSequence } from "./mr_sequence.ts";
import { makeMsLesion } from "./ms_lesion.ts";
import { nextVersion } from "./models.ts";
import { makePretrained } from "./pretraining.ts";
import { makeQualityVersion } from "./quality.ts";
import { adoptHeads, makeSimulatedHeads } from "./simulated_heads.ts";
import { flagsOf, numberOf, refuseWords } from "../flags.ts";

const { values, positionals: [what] } = flagsOf({
  allowPositionals: true,
  options: {
    models: { type: "string", default: "models" },
    from: { type: "string" },
    note: { type: "string" },
    base: { type: "string" },
    data: { type: "string", default: "../shared/data" },
    work: { type: "string" },
    steps: { type: "string" },
    lower: { type: "string" },
    upper: { type: "string" },
    "training-ml": { type: "string" },
    simulated: { type: "string" },
    start: { type: "string" },
    "so-far": { type: "boolean", default: false },
    pool: { type: "string" },
    replace: { type: "string", default: "14" },
    leg: { type: "string", default: "2000" },
    minutes: { type: "string" },
    cases: { type: "string" },
  },
});
const { models, from, note, data } = values;
const base = values.base ?? join(models, "brainmvp-edge", String(await nextVersion(models, "brainmvp-edge") - 1));
const minutes = values.minutes === undefined
  ? undefined
  : numberOf("--minutes", values.minutes, { above: 0, isWhole: false });
const steps = values.steps === undefined ? undefined : numberOf("--steps", values.steps, { from: 1 });
const work = values.work ?? join(tmpdir(), `sulcus-${what}`);
if (what === "edge") await (from === undefined ? makeFreshEdge(models) : adoptEdge(models, from, note));
else if (what === "foreground") {
  const [min, max] = values["training-ml"]?.split(",").map(Number) ?? [];
  await makeForegroundVersion(models, {
    from: from ?? fail("--from"),
    percentiles: { lower: percent("lower"), upper: percent("upper") },
    trainingMl: max === undefined ? undefined : { min, max },
    note: note ?? "percentiles of the foreground instead of the whole volume.",
  });
} else if (what === "quality") {
  const cases = (values.cases ?? fail("--cases")).split(",");
  await makeQualityVersion(models, { from: from ?? fail("--from"), cases });
} else if (what === "ms-lesion") await makeMsLesion(models, { base, data, work, minutes });
else if (what === "hippocampus") {
  await makeHippocampus(models, { base, data, work, minutes });
} else if (what === "simulated-heads") {
  const simulated = (values.simulated ?? fail("--simulated")).split(",");
  await makeSimulatedHeads(models, { base, simulated, work, steps });
} else if (what === "adopt-heads") {
  await adoptHeads(models, from ?? fail("--from"), note ?? "");
} else if (what === "brainmvp-edge" || what === "brainmvp-base") {
  const simulated = values.simulated?.split(",") ?? [];
  const { start } = values, work = values.work ?? fail("--work");
  const { pool: size, replace, leg } = values;
  const pool = size === undefined ? undefined : {
    size: numberOf("--pool", size, { from: 1 }),
    replaced: numberOf("--replace", replace, { from: 1 }),
    legUpdates: numberOf("--leg", leg, { from: 1 }),
  };
  const options = { name: what, data, simulated, work, steps, start, pool } as const;
  await makePretrained(models, options, { soFar: values["so-far"] });
} else if (what === "mr-sequence") {
  const simulated = values.simulated ?? fail("--simulated");
  await makeMrSequence(models, { base, data, work, simulated, steps });
} else {
  refuseWords(
    "expected edge, ms-lesion, mr-sequence, hippocampus, foreground, quality, simulated-heads, adopt-heads, brainmvp-edge or " +
      `brainmvp-base, got ${what ?? "no word"}`,
  );
}

/** A flag's percentile. */
function percent(flag: "lower" | "upper"): number {
  return numberOf(`--${flag}`, values[flag], { from: 0, isWhole: false });
}

/** Ends for want of a flag. */
function fail(flag: string): never {
  return refuseWords(`expected ${flag}, got none`);
}
