import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import { type InferenceSettings, type ModelSpec, segment, type SegmentationActivation } from "../../inference/mod.ts";
import { activatedSpec, graphOf, TRUTHS } from "../../inference/testing/activations.ts";
import { withEngine, writePackage } from "../../inference/testing/packages.ts";
import { readVolume } from "../../volume/mod.ts";
import { openLabelledCases } from "../data/labelled_cases.ts";
import { type LabelScore, scoreCases } from "./scores.ts";

const CASES: readonly [SegmentationActivation, Partial<InferenceSettings>][] = [
  ["softmax", { postprocessing: [{ kind: "smallest-size", voxels: 40 }] }],
  ["class-probabilities", {}],
  ["probabilities", { mirrored: [0, 1], blending: "gaussian-nnunet", placing: "even" }],
  ["label-map", { postprocessing: [{ kind: "largest-component" }] }],
];

/** The counts under other settings contain those in use; probabilities of voxels are counted where there are some. */
function assertCounted(labels: readonly LabelScore[], { inference }: ModelSpec): void {
  const { activation = "sigmoid", threshold, postprocessing } = inference;
  for (const { counts: [both, own, wanted], choices, reliability, lesions } of labels) {
    assert.equal(choices === undefined, postprocessing !== undefined, activation);
    assert.equal(reliability === undefined, activation === "label-map", activation);
    if (choices !== undefined) {
      const inUse = Math.max(0, choices.thresholds.indexOf(threshold));
      assert.deepEqual(choices.counts[inUse][0], [both, own], activation);
    }
    const events = [...Array.from(reliability?.events ?? [])].reduce((a, b) => a + b, 0);
    if (reliability !== undefined) assert.ok(events <= wanted && events > 0, `${events} of ${wanted}`);
    assert.equal(lesions!.hits > 0, both > 0);
  }
}

Deno.test("scoreCases() scores the mask that segment() writes, by every activation, window plan and post-processing", () =>
  withEngine(async (engine, folder) => {
    const grid = orientedGrid([20, 24, 18], { code: "LPS" });
    const { images: { t1, flair } } = makePhantom({ seed: 5, sizeVox: grid.sizeVox, spacingMm: [1, 1, 1], lesions: 3 });
    const images = {
      t1: await writeVolume(join(folder, "t1.nii"), grid, t1),
      flair: await writeVolume(join(folder, "flair.nii"), grid, flair),
    };
    // a reference that shares some voxels with each label
    const reference = Uint8Array.from(flair, (v, i) => v === 0 ? 0 : 1 + i % 2);
    const label = await writeVolume(join(folder, "label.nii"), grid, reference);
    for (const [i, [activation, settings]] of CASES.entries()) {
      const spec = activatedSpec(activation, settings), network = graphOf(activation, TRUTHS[activation]);
      const { store } = await openLabelledCases({
        cases: [{ id: "a", patient: "a", images, label }],
        spec,
        templates: null,
        directory: join(folder, `cases-${i}`),
      });
      const [{ labels }] = await scoreCases({
        engine,
        network,
        spec,
        cases: store,
        labelOf: () => label,
        indices: [0],
      });
      const directory = await writePackage(folder, network), outPath = join(folder, "mask.nii.gz");
      const found = await segment({ directory, spec, images, engine, output: "labels", outPath });
      const { data } = await readVolume(outPath);
      const count = (value: number) => data.filter((v, at) => v === value && reference[at] === value).length;
      assert.deepEqual(
        labels!.map(({ label, counts: [both, own] }) => [label, both, own]),
        found.labels.map(({ name, value, voxels }) => [name, count(value), voxels]),
        activation,
      );
      assert.ok(labels!.some(({ counts }) => counts[1] > 0));
      assertCounted(labels!, spec);
    }
  }));
