/**
 * Makes the shipped model packages, each the next version of its name; a version that exists is never written again.
 *
 *   deno run -A scripts/models/make_models.ts edge [--from DIR] [--note TEXT]    fresh weights, or a pre-trained package
 *   deno run -A scripts/models/make_models.ts ms-lesion   [--base DIR] [--data ../shared/data] [--work DIR]
 *   deno run -A scripts/models/make_models.ts mr-sequence [--base DIR] [--data ../shared/data] [--work DIR] [--phantoms DIR]
 *
 * `--models DIR` writes elsewhere than into `models/`. The base is the newest brainmvp-edge of that folder.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { adoptEdge, makeFreshEdge } from "./edge.ts";
import { makeMrSequence } from "./mr_sequence.ts";
import { makeMsLesion } from "./ms_lesion.ts";
import { nextVersion } from "./models.ts";

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
  },
});
const { models, from, note, data, phantoms } = values;
const base = values.base ?? join(models, "brainmvp-edge", String(await nextVersion(models, "brainmvp-edge") - 1));
const work = values.work ?? join(tmpdir(), `sulcus-${what}`);
if (what === "edge") await (from === undefined ? makeFreshEdge(models) : adoptEdge(models, from, note));
else if (what === "ms-lesion") await makeMsLesion(models, { base, data, work });
else if (what === "mr-sequence") {
  await makeMrSequence(models, { base, data, work, phantoms, steps: values.steps ? Number(values.steps) : undefined });
} else {
  console.error(`Cannot make a model: expected edge, ms-lesion or mr-sequence, got ${what}`);
  Deno.exit(2);
}
