/**
 * The answer does not depend on what a file's writer chose: margin, shift, crop, scale, dust, strays, background, axes,
 * order of files. Seeded, on the network's grid and on masks of the shipped segmentation, for patients and phantoms.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { openEngine } from "../src/engine/mod.ts";
import { prepare, type Prepared, segment } from "../src/inference/mod.ts";
import { specOf } from "../src/registry/mod.ts";
import { readPackage } from "../src/registry/package.ts";
import {
  findForeground,
  type GridImage,
  perAxis,
  readVolume,
  resampleToGrid,
  sameGrid,
  spacingAffine,
  toRas,
  type Triple,
} from "../src/volume/mod.ts";
import { inFolder, writeVolume } from "./testing/volumes.ts";
import { changes, moved, permuted, thick } from "./testing/writers.ts";
import { DATA, SKIPPED } from "./testing/data.ts";

const MODALITIES = ["t1", "t1c", "t2", "flair"] as const;
type Images = Readonly<Record<(typeof MODALITIES)[number], GridImage>>;

const MODELS = "models/ms-lesion";
const newest = Math.max(...[...Deno.readDirSync(MODELS)].map((e) => Number(e.name)));
const directory = join(MODELS, String(newest));
const spec = specOf(await readPackage(directory));

/** An image of every modality. */
const made = (make: (m: keyof Images) => GridImage): Images => ({
  t1: make("t1"),
  t1c: make("t1c"),
  t2: make("t2"),
  flair: make("flair"),
});

async function patient(name: string): Promise<Images> {
  const volumes = new Map<string, GridImage>();
  for (const m of MODALITIES) volumes.set(m, await readVolume(`${DATA}/ms/${name}/${m}.nii.gz`));
  return made((m) => volumes.get(m)!);
}

function phantom(seed: number): Images {
  const sizeVox: Triple = [88, 100, 84], affineRas = spacingAffine([2, 2, 2], [-88, -104, -80]);
  const { images } = makePhantom({ seed, sizeVox, spacingMm: [2, 2, 2], lesions: 6 });
  return made((m) => ({ data: images[m], sizeVox, affineRas }));
}

async function written(folder: string, images: Images, order: readonly (keyof Images)[] = MODALITIES) {
  const paths: Partial<Record<keyof Images, string>> = {};
  for (const m of order) paths[m] = await writeVolume(join(folder, `${m}.nii`), images[m], images[m].data);
  return paths;
}

const each = (images: Images, change: (image: GridImage) => GridImage) => made((m) => change(images[m]));

/** Dice of a mask with another one, brought onto its grid; both are of the same patient in the same place. */
function agreement(mask: GridImage, other: GridImage): number {
  const own = sameGrid(mask, other) ? other : resampleToGrid(other, mask, { interpolation: "nearest" });
  let both = 0, sum = 0;
  mask.data.forEach((
    v,
    i,
  ) => (both += Number(v > 0 && own.data[i] > 0), sum += Number(v > 0) + Number(own.data[i] > 0)));
  return 2 * both / sum;
}

type Paths = Partial<Record<string, string>>;
interface Likeness {
  readonly what: string;
  /** The largest difference of a voxel that counts as none. */
  readonly tolerance: number;
  /** The share of voxels that may differ by more. */
  readonly share: number;
}

/** Where a phantom reaches the end of its field of view, interpolation there sees no more, or the margin. */
const EXACT = { tolerance: 1e-4, share: 5e-4 };
/** The surface of the head is found a voxel further out or in. */
const NEAR = { tolerance: 0.05, share: 0.02 };

/** Asserts that a prepared case agrees with another's files: one grid, channels alike. */
async function assertLike(first: Prepared, images: Paths, { what, tolerance, share }: Likeness): Promise<void> {
  const second = await prepare({ spec, images });
  assert.ok(sameGrid(first.grid, second.grid), `${what}: ${first.grid.sizeVox} and ${second.grid.sizeVox}`);
  for (const [c, channel] of first.channels.entries()) {
    const other = second.channels[c];
    const off = channel.reduce((n, v, i) => n + Number(!(Math.abs(v - other[i]) <= tolerance)), 0);
    assert.ok(off <= share * channel.length, `${what}: channel ${c}, ${off} of ${channel.length} voxels differ`);
  }
}

/** Asserts that the network sees the images alike, whatever their files' writer chose. */
async function assertSeenAlike(images: Images, seed: number, folder: string): Promise<void> {
  const original = await prepare({ spec, images: await written(folder, images) });
  const head = findForeground(images.t1).box!;
  for (const [what, change] of [...moved(images.t1, head, 5), ...permuted(seed, 2)]) {
    await assertLike(original, await written(folder, each(images, change)), { ...EXACT, what });
  }
  const backwards = await written(folder, images, MODALITIES.toReversed());
  await assertLike(original, backwards, { ...EXACT, what: "the files in another order" });
  for (const [what, change] of changes(seed)) {
    await assertLike(original, await written(folder, each(images, change)), { ...NEAR, what });
  }
}

Deno.test({
  name: `the network sees a patient alike, whatever margin, axes, order, scale or dust the files have${SKIPPED}`,
  ignore: SKIPPED !== "",
  fn: () => inFolder(async (folder) => await assertSeenAlike(await patient("patient07"), 7, folder)),
});

Deno.test("the network sees phantoms alike, whatever margin, axes, order, scale or dust: seeded", () =>
  inFolder(async (folder) => {
    for (const seed of [1, 2]) await assertSeenAlike(phantom(seed), seed, folder);
  }));

type MaskOf = (images: Images, order?: readonly (keyof Images)[], reference?: keyof Images) => Promise<GridImage>;

/** Asserts what the masks of changed files have in common with the mask of the patient's own files. */
const MASKS: Readonly<Record<string, (images: Images, maskOf: MaskOf) => Promise<void>>> = {
  "patient07, whatever margin, crop or axes": async (images, maskOf) => {
    const [, wide, , cropped] = moved(images.t1, findForeground(images.t1).box!, 5);
    await assertSameMasks(images, maskOf, [wide, cropped, ...permuted(13, 1)]);
  },
  "patient19, whatever order, scale or dust": async (images, maskOf) => {
    await assertSameMasks(images, maskOf, changes(17));
    // one 5 mm volume: its place in the order decides the mask's grid and nothing else
    const mixed = { ...images, flair: thick(images.flair, 5) };
    const first = await maskOf(mixed, ["flair", "t1", "t1c", "t2"], "t1"), last = await maskOf(mixed);
    assert.ok(agreement(last, first) >= 0.99, `a thick volume first or last: Dice ${agreement(last, first)}`);
  },
};

async function assertSameMasks(images: Images, maskOf: MaskOf, made: ReturnType<typeof changes>): Promise<void> {
  const original = await maskOf(images), voxels = original.data.filter((v) => v > 0).length;
  assert.ok(voxels > 500, `${voxels} voxels`);
  for (const [what, change] of made) {
    const dice = agreement(original, await maskOf(each(images, change)));
    assert.ok(dice >= 0.99, `${what}: Dice ${dice}`);
  }
}

for (const [name, asserted] of Object.entries(MASKS)) {
  Deno.test({
    name: `the mask is the same (Dice ≥ 0.99) of ${name} the files have${SKIPPED}`,
    ignore: SKIPPED !== "",
    fn: () =>
      inFolder(async (folder) => {
        const engine = await openEngine("cpu");
        try {
          await asserted(await patient(name.split(",")[0]), async (images, order, reference) => {
            const outPath = join(folder, "mask.nii");
            const files = await written(folder, images, order);
            await segment({ directory, spec, images: files, engine, output: "labels", outPath, reference });
            return await readVolume(outPath);
          });
        } finally {
          await engine.close();
        }
      }),
  });
}

Deno.test({
  name: `a thick volume that comes first takes no detail from the others: T1 keeps its deviation${SKIPPED}`,
  ignore: SKIPPED !== "",
  fn: () =>
    inFolder(async (folder) => {
      const { t1, flair } = await patient("patient07");
      const of = { ...spec, modalities: ["t1", "flair"] as const };
      const slab = thick(flair, 5);
      const images = {
        flair: await writeVolume(join(folder, "f.nii"), slab, slab.data),
        t1: await writeVolume(join(folder, "t.nii"), t1, t1.data),
      };
      const alone = await prepare({ spec: { ...of, modalities: ["t1"] }, images: { t1: images.t1 } });
      const beside = await prepare({ spec: of, images });
      const ras = toRas(t1),
        deviation = (v: Float32Array) => {
          const mean = v.reduce((a, b) => a + b, 0) / v.length;
          return Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length);
        };
      assert.ok(perAxis((a) => ras.sizeVox[a]).every((n, a) => beside.grid.sizeVox[a] <= n + 2));
      const own = resampleToGrid({ ...beside.grid, data: beside.channels[0] }, alone.grid).data;
      assert.ok(own.every((v, i) => Math.abs(v - alone.channels[0][i]) < 1e-5));
      assert.ok(Math.abs(deviation(own) / deviation(alone.channels[0]) - 1) < 1e-6);
    }),
});
