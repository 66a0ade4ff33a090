import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readVolume } from "../../src/volume/mod.ts";
import { writePhantomDataset } from "./files.ts";
import { makePhantom, PHANTOM_MODALITIES, type PhantomOptions } from "./phantom.ts";

const OPTIONS: PhantomOptions = { seed: 7, sizeVox: [40, 48, 40], spacingMm: [4, 4, 4], lesions: 6 };
const phantom = makePhantom(OPTIONS);

/** Mean of `image` over the voxels where `inside` holds. */
function meanWhere(image: Float32Array, inside: (i: number) => boolean): number {
  const values = image.filter((_, i) => inside(i));
  assert.ok(values.length > 0, "no voxel to take the mean of");
  return values.reduce((a, b) => a + b) / values.length;
}

Deno.test("makePhantom() gives the same voxels for the same seed and others for another", () => {
  assert.deepEqual(makePhantom(OPTIONS), phantom);
  assert.notDeepEqual(makePhantom({ ...OPTIONS, seed: 8 }).label, phantom.label);
});

Deno.test("makePhantom() fills the grid with every tissue and leaves a border", () => {
  const counts = [0, 1, 2, 3, 4].map((t) => phantom.tissue.filter((v) => v === t).length);
  const brain = phantom.tissue.length - counts[0];
  assert.ok(brain > 0.15 * phantom.tissue.length && brain < 0.5 * phantom.tissue.length, `brain ${brain}`);
  counts.slice(1).forEach((n, i) => assert.ok(n > 0.005 * brain, `tissue ${i + 1} has ${n} of ${brain} voxels`));
  const [nx, ny, nz] = OPTIONS.sizeVox;
  assert.equal(phantom.tissue.length, nx * ny * nz);
});

Deno.test("makePhantom() orders the tissues of every modality as scanners do", () => {
  const contrast = (m: typeof PHANTOM_MODALITIES[number]) => {
    const of = (t: number) => meanWhere(phantom.images[m], (i) => phantom.tissue[i] === t && phantom.label[i] === 0);
    const lesion = meanWhere(phantom.images[m], (i) => phantom.label[i] === 1);
    return { csf: of(4), grey: of(2), white: of(3), lesion };
  };
  const [t1, t1c, t2, flair] = PHANTOM_MODALITIES.map(contrast);
  assert.ok(t1.csf < t1.grey && t1.grey < t1.white && t1.lesion < t1.white, JSON.stringify(t1));
  assert.ok(t1c.csf < t1c.grey && t1c.grey < t1c.white, JSON.stringify(t1c));
  assert.ok(t2.csf > t2.grey && t2.grey > t2.white && t2.lesion > t2.white, JSON.stringify(t2));
  assert.ok(flair.csf < flair.white && flair.white < flair.grey && flair.lesion > flair.grey, JSON.stringify(flair));
});

Deno.test("makePhantom() makes some lesions take up contrast agent and others not", () => {
  const { images, label } = makePhantom({ ...OPTIONS, lesions: 12 });
  const rise = [...label.keys()].filter((i) => label[i] === 1).map((i) => images.t1c[i] / images.t1[i]);
  const typical = meanWhere(images.t1c, (i) => phantom.tissue[i] === 3) /
    meanWhere(images.t1, (i) => phantom.tissue[i] === 3);
  const enhancing = rise.filter((r) => r > 1.35 * typical).length;
  assert.ok(enhancing > 0 && enhancing < rise.length, `${enhancing} of ${rise.length} voxels enhance`);
});

Deno.test("makePhantom() is skull-stripped: 0 outside the brain, above 0 inside", () => {
  for (const modality of PHANTOM_MODALITIES) {
    const image = phantom.images[modality];
    const wrong = image.findIndex((v, i) => phantom.tissue[i] === 0 ? v !== 0 : !(v > 0));
    assert.equal(wrong, -1, `${modality}[${wrong}] = ${image[wrong]}`);
  }
});

Deno.test("makePhantom() puts lesions in white matter only and none when none is asked for", () => {
  assert.ok(phantom.label.every((v, i) => v === 0 || (v === 1 && phantom.tissue[i] === 3)));
  assert.ok(phantom.label.includes(1));
  assert.ok(!makePhantom({ ...OPTIONS, lesions: 0 }).label.includes(1));
});

Deno.test("makePhantom() keeps the head's proportions on an anisotropic grid", () => {
  const thick = makePhantom({ seed: 7, sizeVox: [80, 96, 20], spacingMm: [2, 2, 8], lesions: 2 });
  const extentMm = (axis: 0 | 1 | 2, p = thick, size = [80, 96, 20], spacing = [2, 2, 8]) => {
    const strides = [size[1] * size[2], size[2], 1];
    const at = [...p.tissue.keys()].filter((i) => p.tissue[i] > 0).map((i) =>
      Math.floor(i / strides[axis]) % size[axis]
    );
    return (at.reduce((a, b) => Math.max(a, b)) - at.reduce((a, b) => Math.min(a, b)) + 1) * spacing[axis];
  };
  for (const axis of [0, 1, 2] as const) {
    const [a, b] = [extentMm(axis), extentMm(axis, phantom, [40, 48, 40], [4, 4, 4])];
    assert.ok(Math.abs(a - b) <= 16, `axis ${axis}: ${a} mm and ${b} mm`);
  }
});

Deno.test("makePhantom() puts the origin in the middle of the grid", () => {
  const { affine } = phantom;
  assert.deepEqual(affine, [4, 0, 0, -78, 0, 4, 0, -94, 0, 0, 4, -78, 0, 0, 0, 1]);
});

Deno.test("makePhantom() with more noise spreads white matter more, on the same anatomy", () => {
  const spread = ({ images, tissue, label }: typeof phantom) => {
    const white = images.flair.filter((_, i) => tissue[i] === 3 && label[i] === 0);
    const mean = white.reduce((a, b) => a + b) / white.length;
    return Math.sqrt(white.reduce((a, v) => a + (v - mean) ** 2, 0) / white.length) / mean;
  };
  const noisy = makePhantom({ ...OPTIONS, noise: 0.2 });
  assert.deepEqual([noisy.label, noisy.tissue], [phantom.label, phantom.tissue]);
  assert.ok(spread(noisy) > spread(phantom) + 0.05, `${spread(noisy)} against ${spread(phantom)}`);
});

Deno.test("makePhantom() works on small grids", () => {
  for (const n of [12, 16, 24, 32]) {
    const small = makePhantom({ seed: n, sizeVox: [n, n, n], spacingMm: [1, 1, 1], lesions: 1 });
    assert.ok(small.label.includes(1), `no lesion at ${n}`);
  }
});

Deno.test("makePhantom() refuses sizes, spacings and lesion counts that make no head", () => {
  const message =
    /Cannot make a phantom: expected sizes ≥ 12, spacings > 0, lesions and noise ≥ 0, got \[7,8,8\], \[1,1,1\], 1, 0.03/;
  assert.throws(() => makePhantom({ seed: 1, sizeVox: [7, 8, 8], spacingMm: [1, 1, 1], lesions: 1 }), message);
  assert.throws(() => makePhantom({ ...OPTIONS, spacingMm: [1, 0, 1] }), RangeError);
  assert.throws(() => makePhantom({ ...OPTIONS, lesions: -1 }), RangeError);
  assert.throws(() => makePhantom({ ...OPTIONS, noise: -1 }), RangeError);
});

Deno.test("writePhantomDataset() writes Sulcus layout that reads back voxel by voxel", async () => {
  const directory = mkdtempSync(join(tmpdir(), "phantoms_"));
  try {
    const options = { ...OPTIONS, sizeVox: [24, 28, 20], spacingMm: [7, 7, 8] } as const;
    const cases = await writePhantomDataset(directory, { ...options, count: 2, png: true });
    assert.deepEqual(cases, ["phantom001", "phantom002"]);
    const dataset = JSON.parse(readFileSync(join(directory, "dataset.json"), "utf8"));
    assert.deepEqual(dataset.modalities, ["t1", "t1c", "t2", "flair"]);
    assert.deepEqual(readdirSync(join(directory, "cases", "phantom002")).sort(), [
      "flair.nii.gz",
      "label.nii.gz",
      "t1.nii.gz",
      "t1c.nii.gz",
      "t2.nii.gz",
      "tissue.nii.gz",
    ]);
    const second = makePhantom({ ...options, seed: options.seed + 1 });
    const read = async (name: string) => await readVolume(join(directory, "cases", "phantom002", `${name}.nii.gz`));
    const flair = await read("flair");
    assert.deepEqual(flair.affineRas, second.affine);
    assert.deepEqual([...flair.data], [...second.images.flair]);
    assert.deepEqual([...(await read("label")).data], [...second.label]);
    assert.ok(existsSync(join(directory, "cases", "phantom001.png")));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

Deno.test("writePhantomDataset() makes every second case of a classification set free of lesions", async () => {
  const directory = mkdtempSync(join(tmpdir(), "phantoms_"));
  try {
    const options = { ...OPTIONS, sizeVox: [16, 16, 16], count: 3, task: "classification" } as const;
    await writePhantomDataset(directory, options);
    const dataset = JSON.parse(readFileSync(join(directory, "dataset.json"), "utf8"));
    assert.deepEqual(dataset.classes, ["clear", "lesions"]);
    assert.deepEqual(dataset.cases, {
      phantom001: { class: "lesions" },
      phantom002: { class: "clear" },
      phantom003: { class: "lesions" },
    });
    const lesion = async (name: string) =>
      (await readVolume(join(directory, "cases", name, "label.nii.gz"))).data.includes(1);
    assert.deepEqual([await lesion("phantom001"), await lesion("phantom002")], [true, false]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
