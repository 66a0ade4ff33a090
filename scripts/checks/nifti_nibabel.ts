/**
 * The Sulcus half of `nifti_nibabel.sh`: takes every scan of a data folder through reading, RAS, spacing, crop and
 * the way back, and writes the results with a manifest for the Python half. Prints the time of each step.
 */
import {
  crop,
  findForeground,
  type GridImage,
  grown,
  percentiles,
  readVolume,
  resampleSpacing,
  resampleToGrid,
  restoreAll,
  toRas,
  writeVolume,
} from "../../src/volume/mod.ts";

/** Isotropic, and unlike any scan's voxels, so that every scan is resampled. */
const SPACING_MM = [1.2, 1.2, 1.2] as const;

const [data, out] = Deno.args;
const timesMs: Record<string, number[]> = {};

async function timed<T>(step: string, run: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await run();
  (timesMs[step] ??= []).push(performance.now() - start);
  return result;
}

function* scans(): Generator<{ folder: string; path: string }> {
  for (const set of ["ms", "ms-longitudinal"]) {
    for (const { name } of [...Deno.readDirSync(`${data}/${set}`)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      const folder = `${data}/${set}/${name}`;
      for (const file of Deno.readDirSync(folder)) {
        if (file.name.endsWith(".nii.gz")) yield { folder, path: `${folder}/${file.name}` };
      }
    }
  }
}

async function writeImage(path: string, image: GridImage): Promise<void> {
  await writeVolume(path, { data: image.data, grid: image });
}

const entries: unknown[] = [];
for (const [number, { folder, path }] of [...scans()].entries()) {
  const base = `${out}/${number}`;
  const volume = await timed("read", () => readVolume(path));
  const qs = [1, 5, 50, 95, 99];
  const values = await timed("percentiles", () => percentiles(volume.data, qs));
  const cut = values[3] / 2;
  const ras = await timed("toRas", () => toRas(volume));
  const spaced = await timed("resampleSpacing", () => resampleSpacing(ras, SPACING_MM, "linear"));
  const nearest = resampleSpacing(ras, SPACING_MM, "nearest");
  // Half the brightness away from the border, so that the crop cuts through tissue.
  const box = grown(findForeground(spaced).box!, -3);
  const cropped = crop(spaced, box);
  const logits = cropped.data.map((v) => v - cut);
  const labels = await timed(
    "restoreAll",
    () => {
      const mask = new Uint8Array(volume.data.length);
      restoreAll(logits, { channels: 1, grid: cropped, target: volume }, (v, [logit]) => mask[v] = logit >= 0 ? 1 : 0);
      return mask;
    },
  );
  const first = await readVolume(`${folder}/flair.nii.gz`);
  const onFirst = await timed("resampleToGrid", () => resampleToGrid(volume, first));

  const direct = Uint8Array.from(volume.data, (v) => v > cut ? 1 : 0);
  const grid = volume.header;
  await timed("write", () => writeVolume(`${base}_mask.nii.gz`, { data: direct, grid }));
  await writeVolume(`${base}_restored.nii.gz`, { data: labels, grid });
  await writeImage(`${base}_ras.nii`, ras);
  await writeImage(`${base}_spaced.nii`, spaced);
  await writeImage(`${base}_nearest.nii`, nearest);
  await writeImage(`${base}_first.nii`, onFirst);
  entries.push({ path, first: `${folder}/flair.nii.gz`, base, qs, values, cut, start: box.start, end: box.end });
}
await Deno.writeTextFile(`${out}/manifest.json`, JSON.stringify({ spacingMm: SPACING_MM, entries }));
for (const [step, times] of Object.entries(timesMs)) {
  const sorted = times.toSorted((a, b) => a - b);
  console.log(`${step}: median ${Math.round(sorted[sorted.length >> 1])} ms, longest ${Math.round(sorted.at(-1)!)} ms`);
}
