/** One truth through every activation: a network of one voxel whose output states it in each way gives one mask. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import type { Graph } from "../../graph/mod.ts";
import { type Grid, readVolume } from "../../volume/mod.ts";
import { ORIENTATIONS } from "../../volume/testing/fixtures.ts";
import { activatedSpec, channels, graphOf, KINDS, TRUTHS } from "../testing/activations.ts";
import { besidesSize, withEngine, writePackage } from "../testing/packages.ts";
import type { InferenceSettings, ModelSpec } from "../spec.ts";
import type { Output, SegmentRequest, SegmentResult } from "../types.ts";
import { segment } from "./segment.ts";

async function writeImages(folder: string, grid: Grid, name: string): Promise<SegmentRequest["images"]> {
  const { images } = makePhantom({ seed: 5, sizeVox: grid.sizeVox, spacingMm: [1, 1, 1], lesions: 3 });
  const write = (modality: "t1" | "flair") =>
    writeVolume(join(folder, `${name}-${modality}.nii`), grid, images[modality]);
  return { t1: await write("t1"), flair: await write("flair") };
}

interface Place {
  /** Segments with the network of an activation, or another of those that were written. */
  readonly run: (
    images: SegmentRequest["images"],
    spec: ModelSpec,
    how?: { readonly output?: Output; readonly network?: string },
  ) => Promise<{ result: SegmentResult; data: Float32Array }>;
  readonly write: (graph: Graph) => Promise<void>;
  readonly folder: string;
}

const withPlace = (work: (place: Place) => Promise<void>) =>
  withEngine(async (engine, folder) => {
    const write = async (graph: Graph) => void await writePackage(folder, graph);
    for (const kind of KINDS) await write(graphOf(kind, TRUTHS[kind]));
    await work({
      folder,
      write,
      async run(images, spec, { output = "labels", network = spec.inference.activation! } = {}) {
        const outPath = join(folder, "out.nii.gz"), directory = join(folder, network);
        const result = await segment({ directory, spec, images, engine, output, outPath });
        return { result, data: output === "labels" ? (await readVolume(outPath)).data : new Float32Array() };
      },
    });
  });

Deno.test("segment() gives one mask for one truth, whatever the activation, on volumes of all 48 orientations", () =>
  withPlace(async ({ folder, run }) => {
    for (const [i, { order, sign }] of ORIENTATIONS.entries()) {
      const code = order.map((world, axis) => ["LR", "PA", "IS"][world][sign[axis] > 0 ? 1 : 0]).join("");
      const grid = orientedGrid([18, 20, 17], { code, spacingMm: [1, 1, i % 2 === 0 ? 1 : 2] });
      const images = await writeImages(folder, grid, "case");
      const masks: Float32Array[] = [];
      // every voxel of the file is one of the network's, so that nothing is interpolated
      for (const kind of i % 8 === 0 ? KINDS : KINDS.slice(i % 4, i % 4 + 2)) {
        const { result, data } = await run(images, activatedSpec(kind));
        assert.deepEqual(besidesSize(result.warnings), [], kind);
        assert.deepEqual(result.labels.map((l) => l.voxels), [1, 2].map((v) => data.filter((w) => w === v).length));
        masks.push(data);
      }
      assert.ok([0, 1, 2].every((v) => masks[0].includes(v)), code);
      for (const mask of masks) assert.deepEqual(mask, masks[0], code);
    }
  }));

Deno.test("segment() mirrors windows and places them evenly with the mask of one pass", () =>
  withPlace(async ({ folder, run }) => {
    const images = await writeImages(folder, orientedGrid([20, 24, 18]), "case");
    const { data } = await run(images, activatedSpec("softmax"));
    for (
      const settings of [
        { mirrored: [0, 1, 2] },
        { placing: "even", blending: "gaussian-nnunet", overlap: 0.3 },
        { overlap: [0, 0.25, 0.5], blending: "constant" },
      ] as const
    ) {
      assert.deepEqual((await run(images, activatedSpec("softmax", settings))).data, data, JSON.stringify(settings));
    }
  }));

Deno.test("segment() lets labels of values take the nearest voxel where grids differ", () =>
  withPlace(async ({ folder, run }) => {
    const images = await writeImages(folder, orientedGrid([26, 28, 25], { spacingMm: [0.7, 0.8, 1.4] }), "case");
    const softmax = await run(images, activatedSpec("softmax")), named = await run(images, activatedSpec("label-map"));
    assert.ok(named.data.every((v) => v === 0 || v === 1 || v === 2));
    const same = named.data.filter((v, i) => v === softmax.data[i]).length;
    assert.ok(same > 0.95 * named.data.length, `${same} of ${named.data.length}`);
  }));

Deno.test("segment() paints overlapping regions in the manifest's order and cleans each before", () =>
  withPlace(async ({ folder, run, write }) => {
    const images = await writeImages(folder, orientedGrid([20, 24, 18]), "case");
    await write(graphOf("regions", (b, image) => channels(b, image, ["a", "b"])));
    const of = (settings: Partial<InferenceSettings>) =>
      run(images, activatedSpec("sigmoid", settings), { network: "regions" });
    const [later, first] = [await of({}), await of({ paintOrder: [2, 1] })];
    const { labels } = later.result;
    assert.deepEqual(first.result.labels, labels); // counts are of the regions, before they are painted
    const count = (data: Float32Array, value: number) => data.filter((v) => v === value).length;
    assert.deepEqual([count(later.data, 2), count(first.data, 1)], [labels[1].voxels, labels[0].voxels]);
    assert.ok(count(later.data, 1) < labels[0].voxels && count(first.data, 2) < labels[1].voxels);
    const cleaned = await of({ postprocessing: [{ kind: "smallest-size", ml: 1000, labels: ["two"] }] });
    assert.deepEqual(cleaned.result.labels.map((l) => l.voxels), [labels[0].voxels, 0]);
    assert.equal(count(cleaned.data, 1), labels[0].voxels); // nothing is painted over it any more
    const untouched = await of({ postprocessing: [{ kind: "smallest-size", voxels: 1 }] });
    assert.deepEqual([untouched.data, untouched.result.labels], [later.data, labels]);
  }));

Deno.test("segment() warns of probabilities that are read as logits, and refuses logits that are read as probabilities", () =>
  withPlace(async ({ folder, run }) => {
    const images = await writeImages(folder, orientedGrid([18, 18, 18]), "case");
    const { result } = await run(images, activatedSpec("sigmoid"), { network: "probabilities" });
    const [{ code, detail }] = besidesSize(result.warnings);
    assert.equal(code, "activation-doubtful");
    assert.match(detail, /output lies between 0 and 1 \(0\.\d+ to 0\.\d+\), as probabilities do/);
    await assert.rejects(run(images, activatedSpec("probabilities"), { network: "sigmoid" }), {
      code: "invalid-output",
      message: /expected values from 0 to 1, got -[\d.]+ to [\d.]+; state in the manifest the activation/,
    });
  }));

Deno.test("segment() refuses what is not a number, and values of no label, with figures", () =>
  withPlace(async ({ folder, run, write }) => {
    const images = await writeImages(folder, orientedGrid([18, 18, 18]), "case");
    await write(graphOf("roots", (b, image) => b.op.Sqrt(channels(b, image, ["a", "b"]))));
    await assert.rejects(run(images, activatedSpec("sigmoid"), { network: "roots" }), {
      code: "invalid-output",
      message: /^Cannot use the network's output: \d+ of \d+ values are not a number or infinite/,
    });
    const spec = activatedSpec("label-map");
    await assert.rejects(run(images, { ...spec, labels: [{ ...spec.labels[0], value: 9 }, spec.labels[1]] }), {
      code: "invalid-output",
      message: /^Cannot read the network's label map: expected 0 or a label's value \(9, 2\), got 1; list that label/,
    });
  }));
