/** Implausible cases of a data set, read as a training reads them: phantom heads of natural size, each with one fault. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom, type Phantom } from "../../../scripts/phantoms/phantom.ts";
import { inFolder, orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import type { Grid, Triple } from "../../volume/mod.ts";
import { readDatasetFolder } from "../mod.ts";
import type { CaseCheck } from "../types.ts";
import { plausibilityChecks } from "./plausible.ts";

const SIZE: Triple = [40, 48, 40];
const at = (spacing: number, originMm: Triple = [0, 0, 0]) =>
  orientedGrid(SIZE, { spacingMm: [spacing, spacing, spacing], originMm });

/** Changes of the last of six cases. */
interface Fault {
  readonly grid?: Grid;
  readonly flairGrid?: Grid;
  readonly labelGrid?: Grid;
  readonly t1?: (phantom: Phantom) => Float32Array;
  readonly label?: (phantom: Phantom) => Uint8Array;
  /** Changes the bytes of the images' headers. */
  readonly patch?: (header: DataView) => void;
  /** The same for flair alone. */
  readonly patchFlair?: (header: DataView) => void;
  /** The phantom of another case. */
  readonly seed?: number;
}

/** The checks of a data set of six heads, of which the last has a fault. */
function checksWith(fault: Fault = {}): Promise<readonly CaseCheck[]> {
  return inFolder(async (folder) => {
    const labels = [{ name: "lesion", values: [1] }];
    const description = { name: "Heads", task: "segmentation", modalities: ["t1", "flair"], labels };
    await Deno.writeTextFile(join(folder, "dataset.json"), JSON.stringify(description));
    for (const i of [0, 1, 2, 3, 4, 5]) {
      const { grid = at(4), flairGrid = grid, labelGrid = grid, t1, label, patch, patchFlair, seed = i } = i === 5
        ? fault
        : {};
      const phantom = makePhantom({ seed: seed + 1, sizeVox: SIZE, spacingMm: [4, 4, 4], lesions: 8 });
      const place = join(folder, "cases", `head${i}`);
      await Deno.mkdir(place, { recursive: true });
      await writeVolume(join(place, "t1.nii"), grid, t1?.(phantom) ?? phantom.images.t1);
      await writeVolume(join(place, "flair.nii"), flairGrid, phantom.images.flair);
      await writeVolume(join(place, "label.nii"), labelGrid, label?.(phantom) ?? phantom.label);
      for (const [name, ...patches] of [["t1.nii", patch], ["flair.nii", patch, patchFlair]] as const) {
        const bytes = await Deno.readFile(join(place, name));
        for (const change of patches) change?.(new DataView(bytes.buffer));
        await Deno.writeFile(join(place, name), bytes);
      }
    }
    return (await readDatasetFolder(folder)).checks;
  });
}

Deno.test("checkCases() has no doubt about six heads", async () => assert.deepEqual(await checksWith(), []));

const [, ny, nz] = SIZE;
const FAULTS: readonly (readonly [what: string, fault: Fault, expected: readonly string[]])[] = [
  ["units of micrometres", { patch: (h) => h.setUint8(123, 3) }, ["warning units-doubtful", "warning units-doubtful"]],
  ["units of metres", { patch: (h) => h.setUint8(123, 1) }, ["warning units-doubtful", "warning units-doubtful"]],
  ["a qform that mirrors the sform", {
    patch: (h) => {
      h.setInt16(252, 1, true);
      h.setFloat32(76, -1, true);
    },
  }, ["warning forms-differ", "warning forms-differ"]],
  ["a head of 3 cm", { grid: at(0.7) }, [
    "warning implausible-head-size",
    "warning implausible-head-size",
    "warning outlier-field-of-view",
    "warning outlier-field-of-view",
    "warning outlier-head-size",
    "warning outlier-head-size",
    "warning outlier-label-volume",
    "warning outlier-voxel-size",
    "warning outlier-voxel-size",
  ]],
  ["one image under two modalities", { t1: ({ images }) => images.flair }, ["warning same-image-twice"]],
  ["a case twice", { seed: 2 }, ["warning same-image-in-cases", "warning same-image-in-cases"]],
  ["an image of one value", { t1: ({ images }) => images.t1.map(() => 7) }, ["error empty-volume"]],
  ["a label map beside the head", { labelGrid: at(4, [140, 0, 0]) }, [
    "warning grids-differ",
    "warning label-outside-tissue",
    "warning label-outside-tissue",
  ]],
  ["a label that the field of view cuts", {
    label: ({ label }) =>
      label.map((v, i) => Math.floor(i / nz) % ny === ny / 2 && i % nz === nz / 2 && i / (ny * nz) < 1 ? 1 : v),
  }, ["warning label-at-border"]],
  ["a label over half of the head", { label: ({ tissue }) => tissue.map((t) => t === 3 || t === 2 ? 1 : 0) }, [
    "warning outlier-label-volume",
  ]],
  ["nothing about an affine that is off by 0.02 mm", { flairGrid: at(4, [0.02, -0.02, 0.02]) }, []],
  ["one image without a position beside another of its form", {
    grid: at(4, [-70, -90, 30]),
    patchFlair: (h) => h.setInt16(254, 0, true),
  }, ["warning position-assumed"]],
  ["images without a position beside a label map with one", {
    patch: (h) => {
      h.setInt16(252, 0, true);
      h.setInt16(254, 0, true);
    },
    labelGrid: at(4, [-10, 20, 5]),
  }, ["warning no-position", "warning no-position", "warning grids-differ"]],
];

for (const [what, fault, expected] of FAULTS) {
  Deno.test(`checkCases() reports ${what}`, async () => {
    const checks = await checksWith(fault);
    assert.deepEqual(checks.map((c) => `${c.severity} ${c.code}`).sort(), [...expected].sort(), JSON.stringify(checks));
    assert.ok(checks.every((c) => c.case === "head5" && c.detail.length > 20));
  });
}

Deno.test("checkCases() refuses a field of view below 1 mm", async () => {
  const errors = (await checksWith({ grid: at(0.01) })).filter((c) => c.severity === "error");
  assert.deepEqual(errors.map((c) => c.code), ["impossible-size", "impossible-size"]);
});

Deno.test("plausibilityChecks() has nothing to say of files that were recorded without facts", () => {
  const info = { sizeVox: SIZE, affineRas: at(0.01).affineRas, nonFiniteVoxels: 0, values: [0, 1] };
  const file = { path: "", sha256: "", info };
  const files = new Map([["t1" as const, file], ["label" as const, file]]);
  const cases = [{ id: "a", patient: "a", patientFrom: "case-name" as const, files }];
  assert.deepEqual(plausibilityChecks(cases, ["t1"]), []);
});
