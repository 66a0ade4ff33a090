/** Writes phantoms as a data set in Sulcus layout: `dataset.json`, `cases/<case>/{t1,t1c,t2,flair,label,tissue}.nii.gz`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeVolume } from "../../src/volume/mod.ts";
import { makePhantom, type Phantom, PHANTOM_MODALITIES, type PhantomOptions } from "./phantom.ts";
import { encodePng, overlay, sideBySide, sliceOf } from "../../src/volume/mod.ts";

export interface PhantomDatasetOptions extends PhantomOptions {
  /** Number of cases; case n is made from seed `seed + n`. */
  readonly count: number;
  /** Default segmentation. For classification every second case has no lesions: classes `clear` and `lesions`. */
  readonly task?: "segmentation" | "classification";
  /** Also write `cases/<case>.png`: the axial slice with most lesion, every modality side by side. */
  readonly png?: boolean;
}

/** Fills `directory`, which may exist; the same options write the same volumes. Returns the case names. */
export async function writePhantomDataset(directory: string, options: PhantomDatasetOptions): Promise<string[]> {
  const cases = Array.from({ length: options.count }, (_, n) => `phantom${String(n + 1).padStart(3, "0")}`);
  const classification = options.task === "classification";
  const lesionsOf = (n: number) => classification && n % 2 === 1 ? 0 : options.lesions;
  for (const [n, name] of cases.entries()) {
    const phantom = makePhantom({ ...options, seed: options.seed + n, lesions: lesionsOf(n) });
    const folder = join(directory, "cases", name);
    await mkdir(folder, { recursive: true });
    const { images, label, tissue } = phantom;
    const grid = { sizeVox: options.sizeVox, affineRas: phantom.affine };
    for (const [file, data] of Object.entries({ ...images, label, tissue })) {
      await writeVolume(join(folder, `${file}.nii.gz`), { data, grid });
    }
    if (options.png) await writeFile(`${folder}.png`, overview(phantom, options.sizeVox));
  }
  const dataset = {
    name: "phantoms",
    task: options.task ?? "segmentation",
    modalities: PHANTOM_MODALITIES,
    ...(classification
      ? {
        classes: ["clear", "lesions"],
        cases: Object.fromEntries(cases.map((name, n) => [name, { class: lesionsOf(n) > 0 ? "lesions" : "clear" }])),
      }
      : { labels: [{ name: "lesion", values: [1] }] }),
  };
  await writeFile(join(directory, "dataset.json"), JSON.stringify(dataset, null, 2) + "\n");
  return cases;
}

/** The axial slice with the most lesion in every modality, its outline on the last, as a PNG file. */
function overview({ images, label }: Phantom, sizeVox: PhantomOptions["sizeVox"]): Uint8Array {
  const voxels = Array.from(
    { length: sizeVox[2] },
    (_, index) => sliceOf(label, sizeVox, { axis: 2, index }).data.reduce((a, b) => a + b),
  );
  const at = { axis: 2, index: voxels.indexOf(Math.max(...voxels)) } as const;
  const mask = sliceOf(label, sizeVox, at);
  return encodePng(
    sideBySide(
      PHANTOM_MODALITIES.map((modality) =>
        overlay(sliceOf(images[modality], sizeVox, at), modality === "flair" ? mask : undefined)
      ),
    ),
  );
}
