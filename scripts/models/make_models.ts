/**
 * Makes the shipped model packages, each the next version of its name; a version that exists is never written again.
 *
 *   deno run -A scripts/models/make_models.ts edge [--from DIR] [--note TEXT]    fresh weights, or a pre-trained package
 *   deno run -A scripts/models/make_models.ts ms-lesion   [--base DIR] [--data ../shared/data] [--work DIR]
 *   deno run -A scripts/models/make_models.ts mr-sequence [--base DIR] [--data ../shared/data] [--work DIR] [--phantoms DIR]
 *   deno run -A scripts/models/make_models.ts foreground --from DIR --lower P --upper P [--training-ml MIN,MAX] [--note TEXT]
 *   deno run -A scripts/models/make_models.ts brainmvp-edge|brainmvp-base [--so-far] [--simulated DIR,DIR] --work DIR
 *
 * The last one is a pre-training of hours: it resumes from its last checkpoint, and `--so-far` makes a package of that, also
 * while another process trains. Subjects for it, without the anatomies that experiments hold out:
 *
 *   deno run -A scripts/simulator/main.ts --anatomies ../shared/data/anatomies --anatomy 1,2,3,4,5,6,7,8,9,10,11,12,13,14 \
 *     --lesions ../shared/data/ms-lesion-masks --lesion-chance 0.5 --missing 0.5 --labels none --subjects 56 --out DIR
 *
 * `--models DIR` writes elsewhere than into `models/`. The base is the newest brainmvp-edge of that folder.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { adoptEdge, makeFreshEdge } from "./edge.ts";
import { makeForegroundVersion } from "./foreground.ts";
import { makeMrSequence } from "./mr_sequence.ts";
import { makeMsLesion } from "./ms_lesion.ts";
import { nextVersion } from "./models.ts";
import { makePretrained } from "./pretraining.ts";

const { values, positionals: [what] } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: "string", default: "models" },
    from: { type: "string" },
    note: { type: "string" },
    base: { type: "string" },
    data: { type: "string", default: "../shared/data" },
    work: { type: "string" },
    phantoms: { type: "string" },
    steps: { type: "string" },
    lower: { type: "string" },
    upper: { type: "string" },
    "training-ml": { type: "string" },
    simulated: { type: "string" },
    "so-far": { type: "boolean", default: false },
  },
});
const { models, from, note, data, phantoms } = values;
const base = values.base ?? join(models, "brainmvp-edge", String(await nextVersion(models, "brainmvp-edge") - 1));
const work = values.work ?? join(tmpdir(), `sulcus-${what}`);
if (what === "edge") await (from === undefined ? makeFreshEdge(models) : adoptEdge(models, from, note));
else if (what === "foreground") {
  const [min, max] = values["training-ml"]?.split(",").map(Number) ?? [];
  await makeForegroundVersion(models, {
    from: from ?? fail("--from"),
    percentiles: { lower: Number(values.lower ?? fail("--lower")), upper: Number(values.upper ?? fail("--upper")) },
    trainingMl: max === undefined ? undefined : { min, max },
    note: note ?? "percentiles of the foreground instead of the whole volume.",
  });
} else if (what === "ms-lesion") await makeMsLesion(models, { base, data, work });
else if (what === "brainmvp-edge" || what === "brainmvp-base") {
  const simulated = values.simulated?.split(",") ?? [], steps = values.steps ? Number(values.steps) : undefined;
  const options = { name: what, data, simulated, work: values.work ?? fail("--work"), steps } as const;
  await makePretrained(models, options, { soFar: values["so-far"] });
} else if (what === "mr-sequence") {
  await makeMrSequence(models, { base, data, work, phantoms, steps: values.steps ? Number(values.steps) : undefined });
} else {
  console.error(
    `Cannot make a model: expected edge, ms-lesion, mr-sequence, foreground, brainmvp-edge or brainmvp-base, got ${what}`,
  );
  Deno.exit(2);
}

/** Ends for want of a flag. */
function fail(flag: string): never {
  console.error(`Cannot make a model: expected ${flag}, got none`);
  Deno.exit(2);
}
