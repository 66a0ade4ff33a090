/** Implausible volumes and results, each through a whole segmentation of a phantom head by a network of one voxel. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import { type Graph, GraphBuilder } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import type { Grid, Triple } from "../../volume/mod.ts";
import { SPEC, withEngine, writePackage } from "../testing/packages.ts";
import type { ModelSpec } from "../spec.ts";
import type { SegmentResult, Warning } from "../types.ts";
import { segment } from "./segment.ts";

const SIZE: Triple = [40, 48, 40];

/** One label, where flair is above a threshold between grey matter and lesions. */
function brightFlair([x, y, z]: Triple): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, x, y, z] });
  const kernel = b.constant(tensor("float32", [1, 2, 1, 1, 1], [0, 10]), "kernel");
  const bias = b.constant(tensor("float32", [1], [-11]), "bias");
  return b.build("bright", { out: b.op.Conv(image, kernel, bias, { kernel_shape: [1, 1, 1] }) });
}

const LESIONS: ModelSpec = {
  ...SPEC,
  labels: [{ name: "lesion", value: 1, colour: "#ff0000" }],
  preprocessing: { ...SPEC.preprocessing, spacingMm: [4, 4, 4], percentilesOver: "foreground" },
};

interface Case {
  /** Of both files; default 4 mm in every direction. */
  readonly grid?: Grid;
  readonly flairGrid?: Grid;
  readonly spec?: ModelSpec;
  /** Changes the headers of both files, uncompressed NIfTI-1. */
  readonly patch?: (header: DataView) => void;
  /** The same for one of them. */
  readonly patchFlair?: (header: DataView) => void;
  readonly flair?: (voxels: Float32Array) => Float32Array;
  readonly sameTwice?: boolean;
}

const at = (spacing: number, originMm: Triple = [0, 0, 0]) =>
  orientedGrid(SIZE, { spacingMm: [spacing, spacing, spacing], originMm });
const PLAUSIBLE = at(4);

/** Runs `work` with a way to segment a phantom as a case has it. */
function withPhantom(work: (segmented: (of?: Case) => Promise<SegmentResult>) => Promise<void>): Promise<void> {
  return withEngine(async (engine, folder) => {
    const directory = await writePackage(folder, brightFlair([16, 16, 16]));
    const { images } = makePhantom({ seed: 3, sizeVox: SIZE, spacingMm: [4, 4, 4], lesions: 6, noise: 0.01 });
    await work(async (of = {}) => {
      const { grid = PLAUSIBLE, flairGrid = grid, spec = LESIONS, patch, patchFlair, flair, sameTwice } = of;
      const [t1Path, flairPath] = [join(folder, "t1.nii"), join(folder, "flair.nii")];
      await writeVolume(t1Path, grid, images.t1);
      await writeVolume(flairPath, flairGrid, flair?.(images.flair) ?? images.flair);
      await patched(t1Path, patch);
      await patched(flairPath, patch, patchFlair);
      return await segment({
        directory,
        spec,
        engine,
        images: { t1: sameTwice ? flairPath : t1Path, flair: flairPath },
        output: "labels",
        outPath: join(folder, "mask.nii.gz"),
      });
    });
  });
}

/** Changes the header of a file. */
async function patched(path: string, ...patches: (Case["patch"])[]): Promise<void> {
  const bytes = await Deno.readFile(path);
  for (const patch of patches) patch?.(new DataView(bytes.buffer));
  await Deno.writeFile(path, bytes);
}

const codesOf = (warnings: readonly Warning[]) => warnings.map((w) => w.code);

Deno.test("segment() warns of nothing in a head of natural size", () =>
  withPhantom(async (segmented) => {
    const { warnings, labels } = await segmented();
    assert.deepEqual(warnings, []);
    assert.ok(labels[0].voxels > 20, `${labels[0].voxels} voxels`);
  }));

Deno.test("segment() believes no unit that makes a head of micrometres or of metres, and says so", () =>
  withPhantom(async (segmented) => {
    const { labels: [expected] } = await segmented();
    for (const [code, name] of [[3, "micrometres"], [1, "metres"]] as const) {
      const { warnings, labels: [label] } = await segmented({ patch: (header) => header.setUint8(123, code) });
      assert.deepEqual(codesOf(warnings), ["units-doubtful", "units-doubtful"]);
      assert.match(
        warnings[0].detail,
        new RegExp(`^t1: xyzt_units says ${name}, which makes voxels of .* mm, expected`),
      );
      assert.deepEqual(label, expected);
    }
  }));

Deno.test("segment() warns of a head of 3 cm, and refuses one of 3 m whose grid would be too large", () =>
  withPhantom(async (segmented) => {
    const fine: ModelSpec = { ...LESIONS, preprocessing: { ...LESIONS.preprocessing, spacingMm: [0.7, 0.7, 0.7] } };
    const { warnings } = await segmented({ grid: at(0.7), spec: fine });
    assert.deepEqual(codesOf(warnings), ["implausible-head-size", "implausible-head-size"]);
    assert.match(warnings[1].detail, /^flair: its tissue is 23\.1 × 29\.4 × 2\d[.\d]* mm .* 80 to 350 mm; /);
    const coarse: ModelSpec = { ...LESIONS, preprocessing: { ...LESIONS.preprocessing, spacingMm: [66, 66, 66] } };
    const large = await segmented({ grid: at(66), spec: coarse });
    assert.ok(codesOf(large.warnings).includes("implausible-head-size"), codesOf(large.warnings).join());
    const usual = { ...LESIONS, preprocessing: { ...LESIONS.preprocessing, spacingMm: [1, 1, 1] as const } };
    await assert.rejects(segmented({ grid: at(66), spec: usual }), {
      code: "too-much-work",
      message: /would have \d+×\d+×\d+ .*voxels, expected at most \d+.*\. Check the voxel size/,
    });
  }));

Deno.test("segment() refuses a field of view below 1 mm", () =>
  withPhantom(async (segmented) => {
    await assert.rejects(segmented({ grid: at(0.01) }), {
      code: "invalid-volume",
      message: /^Cannot use t1: its field of view is 0\.4 × 0\.48 × 0\.4 mm, expected that of a head/,
    });
  }));

Deno.test("segment() warns of a volume whose qform mirrors its sform", () =>
  withPhantom(async (segmented) => {
    const { warnings } = await segmented({
      patch: (header) => {
        header.setInt16(252, 1, true); // qform_code, with the quaternion of no rotation
        header.setFloat32(76, -1, true); // qfac
      },
    });
    assert.deepEqual(codesOf(warnings), ["forms-differ", "forms-differ"]);
    assert.match(
      warnings[0].detail,
      /^t1: the sform .* mm apart and are mirror images of each other; the sform is used$/,
    );
  }));

Deno.test("segment() warns of one file under two modalities, and of heads that lie apart", () =>
  withPhantom(async (segmented) => {
    assert.deepEqual(codesOf((await segmented({ sameTwice: true })).warnings), ["same-image-twice"]);
    const { warnings } = await segmented({ flairGrid: at(4, [100, 0, 0]) });
    assert.equal(warnings[0].code, "heads-apart");
    assert.match(warnings[0].detail, /^the heads in t1 and flair share \d+ % of the smaller one's box/);
  }));

Deno.test("segment() warns of an empty result, and of one far larger or smaller than in training", () =>
  withPhantom(async (segmented) => {
    const { labels: [{ volumeMl }] } = await segmented();
    const trained = (min: number, max: number) => ({
      ...LESIONS,
      labels: [{ ...LESIONS.labels[0], trainingMl: { min, max } }],
    });
    assert.deepEqual((await segmented({ spec: trained(volumeMl / 2, 2 * volumeMl) })).warnings, []);
    for (const spec of [trained(volumeMl / 50, volumeMl / 4), trained(4 * volumeMl, 50 * volumeMl)]) {
      assert.deepEqual(codesOf((await segmented({ spec })).warnings), ["unlike-training"]);
    }
    const strict = { ...LESIONS, inference: { ...LESIONS.inference, threshold: 1 - 1e-9 } };
    const { warnings, labels } = await segmented({ spec: strict });
    assert.equal(labels[0].voxels, 0);
    assert.deepEqual(codesOf(warnings), ["empty-result"]);
  }));

Deno.test("segment() warns of a result at the border of the field of view, with the side", () =>
  withPhantom(async (segmented) => {
    const [nx, ny, nz] = SIZE;
    const { warnings } = await segmented({
      // a bright bar from the middle of the head to the end of the first axis
      flair: (voxels) =>
        voxels.map((v, i) => {
          const [x, y, z] = [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz];
          return x > nx / 2 && Math.abs(y - ny / 2) < 2 && Math.abs(z - nz / 2) < 2 ? 300 : v;
        }),
    });
    const border = warnings.find((w) => w.code === "result-at-border");
    assert.match(
      border!.detail,
      /^the border of the field of view cuts lesion with \d+ at the right side, of \d+ voxels; /,
    );
  }));

Deno.test("segment() lays a file without a position on one of the same form, and refuses one of another form", () =>
  withPhantom(async (segmented) => {
    const nowhere = (header: DataView) => header.setInt16(254, 0, true); // sform_code
    const grid = at(4, [-70, -90, 30]);
    const { labels: expected } = await segmented({ grid });
    const { warnings, labels } = await segmented({ grid, patchFlair: nowhere });
    assert.deepEqual(codesOf(warnings), ["position-assumed"]);
    assert.match(
      warnings[0].detail,
      /^flair says no position .* it has the 40×48×40 voxels of 4×4×4 mm of t1 and was laid/,
    );
    assert.deepEqual(labels, expected);
    await assert.rejects(segmented({ grid, flairGrid: at(4.1), patchFlair: nowhere }), {
      code: "no-position",
      message:
        /^Cannot place flair: .* differ from the 40×48×40 voxels of 4×4×4 mm of t1; expected a file with a position/,
    });
    const alone = await segmented({ patch: nowhere });
    assert.deepEqual(codesOf(alone.warnings), ["no-position", "no-position"]);
  }));
