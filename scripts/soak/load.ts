/** What the good clients of a soak send: phantoms of heads, and the models that take them. */
import { gunzipSync, zipSync } from "fflate";
import { image } from "../../src/server/testing/fake_tasks.ts";
import { tinyNifti } from "../../src/datasets/testing/cases.ts";
import { writePhantomDataset } from "../phantoms/files.ts";
import { PHANTOM_MODALITIES } from "../phantoms/phantom.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Load {
  /** A model of segmentation, and one volume for each modality that it takes. */
  readonly segment: Inference;
  readonly classify: Inference;
  /** A segmentation whose request has more than a megabyte. */
  readonly large: Inference;
  /** Two cases with labels, by file name without its ending, of a data set that can be trained on. */
  readonly cases: readonly Readonly<Record<string, Bytes>>[];
  /** The same as an archive. */
  readonly archive: Bytes;
  /** What a fine-tune asks for, but for its data set. */
  readonly finetune: Readonly<Record<string, unknown>>;
}

export interface Inference {
  readonly model: string;
  readonly images: Readonly<Record<string, Bytes>>;
}

const SIZE = [48, 48, 48] as const;

/** The shipped models, on heads of 48³ voxels. */
export async function realLoad(): Promise<Load> {
  const folder = await Deno.makeTempDir();
  try {
    const names = await writePhantomDataset(folder, {
      count: 2,
      seed: 19,
      sizeVox: SIZE,
      spacingMm: [1, 1, 1],
      lesions: 12,
    });
    const read = async (name: string) => {
      const files = [...PHANTOM_MODALITIES, "label"].map(async (file) =>
        [file, await Deno.readFile(`${folder}/cases/${name}/${file}.nii.gz`)] as const
      );
      return Object.fromEntries(await Promise.all(files));
    };
    const all = await Promise.all(names.map(read));
    const [{ t1, t1c, t2, flair }] = all;
    const cases = all.map(({ t1, flair, label }) => ({ t1, flair, label }));
    const images = { t1, t1c, t2, flair };
    const unpacked = Object.entries(images).map(([name, bytes]) => [name, Uint8Array.from(gunzipSync(bytes))]);
    return {
      segment: { model: "ms-lesion", images },
      large: { model: "ms-lesion", images: Object.fromEntries(unpacked) },
      classify: { model: "mr-sequence", images: { any: flair } },
      cases,
      archive: archiveOf(cases),
      finetune: {
        base: { model: "brainmvp-edge" },
        name: "soaked",
        recipe: { preset: "edge", steps: 2, roi: [32, 32, 32], validation: "none" },
      },
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** For fake tasks: no network runs. */
export async function fakeLoad(): Promise<Load> {
  const images = { t1: await tinyNifti(), flair: await tinyNifti() };
  const cases = [{ ...images, label: await tinyNifti({ values: [0, 1] }) }];
  return {
    segment: { model: "tumour", images: { t1: image(), flair: image() } },
    large: { model: "tumour", images: { t1: padded(image({ ms: 500 })) } },
    classify: { model: "grade", images: { t1: image() } },
    cases,
    archive: archiveOf(cases),
    finetune: { base: { model: "base" }, name: "soaked" },
  };
}

/** The same for the fake task, which reads JSON: spaces may follow it. */
function padded(bytes: Bytes): Bytes {
  const out = new Uint8Array(1.5e6).fill(0x20);
  out.set(bytes);
  return out;
}

export const DATASET = {
  name: "soak",
  task: "segmentation",
  modalities: ["t1", "flair"],
  labels: [{ name: "lesion", values: [1] }],
} as const;

function archiveOf(cases: Load["cases"]): Bytes {
  const files = cases.flatMap((files, n) =>
    Object.entries(files).map(([name, bytes]) => [`cases/case${n}/${name}.nii.gz`, bytes] as const)
  );
  const description = new TextEncoder().encode(JSON.stringify(DATASET));
  return zipSync({ "dataset.json": description, ...Object.fromEntries(files) }, { level: 0 });
}
