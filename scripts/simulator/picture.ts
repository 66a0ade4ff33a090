/**
 * The picture of docs/simulator.md: simulated slices beside real ones, each real row above its like.
 *
 *   deno run -A scripts/simulator/picture.ts --data ../shared/data --out docs/simulator.png
 */
import { join } from "node:path";
import {
  encodePng,
  overlay,
  type Picture,
  readVolume,
  resampleSpacing,
  sideBySide,
  type Slice,
  sliceOf,
  stacked,
  toRas,
} from "../../src/volume/mod.ts";
import { type Anatomy, readAnatomy } from "./anatomy/anatomy.ts";
import { MODALITIES, type Modality } from "./image/modalities.ts";
import { SCANNER } from "./image/scanner.ts";
import { type LesionMask, readLesionMasks } from "./lesions/lesion_masks.ts";
import { planSubject, type SubjectOptions } from "./plan.ts";
import { renderRegion } from "./simulate.ts";
import { flagsOf } from "../flags.ts";

/** A tile of the montage, pixels of 1 mm. */
const WIDTH = 172, HEIGHT = 212;
/** Height of a slice above the anterior commissure, mm. */
const LEVEL_MM = 16;

/** The slice's middle on black, as large as every other tile. */
function tile(slice: Slice): Picture {
  const data = new Float32Array(WIDTH * HEIGHT);
  const box = contentBox(slice);
  const left = Math.round((box.left + box.right - WIDTH) / 2), top = Math.round((box.top + box.bottom - HEIGHT) / 2);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const [u, v] = [x + left, y + top];
      if (u < 0 || v < 0 || u >= slice.width || v >= slice.height) continue;
      data[y * WIDTH + x] = Math.max(0, slice.data[v * slice.width + u]);
    }
  }
  return overlay({ width: WIDTH, height: HEIGHT, data }, undefined, { zoom: 1 });
}

/** Where a slice shows something. */
function contentBox({ width, height, data }: Slice): { left: number; right: number; top: number; bottom: number } {
  const least = 0.1 * Float32Array.from(data).sort()[Math.floor(0.98 * data.length)];
  const box = { left: width, right: 0, top: height, bottom: 0 };
  for (let i = 0; i < data.length; i++) {
    if (data[i] <= least) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

interface Row extends SubjectOptions {
  readonly anatomy: Anatomy;
  readonly levelMm?: number;
}

/** One simulated axial slice in each modality; only the slice and its margins are made. */
function simulatedRow({ anatomy, levelMm = LEVEL_MM, ...options }: Row): Picture {
  const plan = planSubject(anatomy, options), { sizeVox, affineRas } = plan.grid;
  const z = Math.round((levelMm - affineRas[11]) / affineRas[10]);
  const { channels, grid } = renderRegion(plan, { fromVox: [0, 0, z], sizeVox: [sizeVox[0], sizeVox[1], 1] });
  return sideBySide([...channels.values()].map((values) => tile(sliceOf(values, grid.sizeVox, { axis: 2, index: 0 }))));
}

/** The brightest signal of angiography along the head's axis, over the large arteries. */
function arteries({ anatomy, ...options }: Row): Picture {
  const plan = planSubject(anatomy, options), { sizeVox: [nx, ny], affineRas } = plan.grid;
  const [low, high] = [-45, 30].map((mm) => Math.round((mm - affineRas[11]) / affineRas[10])), depth = high - low;
  const { channels } = renderRegion(plan, { fromVox: [0, 0, low], sizeVox: [nx, ny, depth] });
  const values = channels.get("mra")!;
  const brightest = Float32Array.from(
    { length: nx * ny },
    (_, i) => values.subarray(i * depth, (i + 1) * depth).reduce((a, b) => Math.max(a, b)),
  );
  return tile(sliceOf(brightest, [nx, ny, 1], { axis: 2, index: 0 }));
}

/** One real axial slice in each modality, at a height in the file as a share of its extent. */
async function realRow(folder: string, modalities: readonly Modality[], share: number): Promise<Picture> {
  const tiles: Picture[] = [];
  for (const modality of modalities) {
    const image = toRas(await readVolume(join(folder, `${modality}.nii.gz`)));
    const { data, sizeVox } = resampleSpacing(image, [1, 1, 1], "linear");
    tiles.push(tile(sliceOf(data, sizeVox, { axis: 2, index: Math.round(share * sizeVox[2]) })));
  }
  return sideBySide(tiles);
}

async function main(): Promise<void> {
  const { values: { data, out, seed } } = flagsOf({
    options: { data: { type: "string" }, out: { type: "string" }, seed: { type: "string", default: "4" } },
  });
  if (data === undefined || out === undefined) {
    console.error(
      "Cannot draw subjects: expected --data DIR (anatomies, ms, ms-longitudinal, masks) and --out FILE.png",
    );
    Deno.exit(2);
  }
  const masks = await readLesionMasks(data, "ms", { most: 12 });
  const strokes = await readLesionMasks(data, "stroke", { most: 12 });
  const large = (all: readonly LesionMask[]) =>
    all.toSorted((a, b) => b.voxels.reduce((x, y) => x + y) - a.voxels.reduce((x, y) => x + y)).slice(0, 2);
  const at = (n: string) => readAnatomy(join(data, "anatomies", `anatomy${n}.nii.gz`));
  const [first, second, third] = [await at("12"), await at("08"), await at("03")];
  const four: Modality[] = ["t1", "t1c", "t2", "flair"], three: Modality[] = ["t1", "t2", "flair"];
  const scanner = { ...SCANNER, motion: 0, thickSlices: 0 }, thick = { ...scanner, thickSlices: 1 };
  const whole = { stripped: 0, scanner };
  const picture = stacked([
    sideBySide([
      await realRow(join(data, "ms", "patient19"), four, 0.5),
      await realRow(join(data, "ms-longitudinal", "patient01_study1"), three, 0.55),
    ]),
    sideBySide([
      simulatedRow({ anatomy: first, seed: `a${seed}`, modalities: four, stripped: 1, lesions: large(masks), scanner }),
      simulatedRow({ anatomy: third, seed: `b${seed}`, modalities: three, stripped: 0, scanner: thick }),
    ]),
    simulatedRow({
      ...whole,
      anatomy: second,
      seed: `c${seed}`,
      modalities: MODALITIES.slice(0, 7),
      lesions: large(strokes),
    }),
    sideBySide([
      simulatedRow({ ...whole, anatomy: third, seed: `d${seed}`, modalities: MODALITIES.slice(1, 7), levelMm: -16 }),
      arteries({ anatomy: second, seed: `e${seed}`, modalities: ["mra"], stripped: 1, scanner }),
    ]),
  ]);
  // 64 greys: a file half as large that looks the same.
  await Deno.writeFile(out, encodePng({ ...picture, rgb: picture.rgb.map((v) => v - v % 4) }));
}

if (import.meta.main) await main();
