/** The folders of published data sets, by their files' names; nothing of them is here but the names. */
import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import { readChannelMap } from "./channels.ts";
import { planDataset, type PlanOptions } from "./layouts.ts";

interface Published {
  readonly files: readonly string[];
  readonly description?: object;
  readonly options?: PlanOptions;
  /** Case: patient, and its files by role. */
  readonly cases: Readonly<Record<string, string>>;
  readonly ignored?: number;
}

const msd = {
  name: "Hippocampus",
  description: "Left and right hippocampus segmentation",
  tensorImageSize: "3D",
  modality: { "0": "MRI" },
  labels: { "0": "background", "1": "Anterior", "2": "Posterior" },
  numTraining: 2,
  training: ["001", "003"].map((n) => ({
    image: `./imagesTr/hippocampus_${n}.nii.gz`,
    label: `./labelsTr/hippocampus_${n}.nii.gz`,
  })),
  test: ["./imagesTs/hippocampus_002.nii.gz"],
};

const PUBLISHED: Record<string, Published> = {
  "Medical Segmentation Decathlon, Task04": {
    files: [
      ...["001", "003"].flatMap((n) =>
        ["imagesTr", "labelsTr"].map((f) => `Task04_Hippocampus/${f}/hippocampus_${n}.nii.gz`)
      ),
      "Task04_Hippocampus/imagesTr/._hippocampus_001.nii.gz",
      "Task04_Hippocampus/imagesTs/hippocampus_002.nii.gz",
      "Task04_Hippocampus/dataset.json",
    ],
    description: msd,
    options: { channels: readChannelMap("MRI=t1") },
    cases: { hippocampus_001: "hippocampus_001: label t1", hippocampus_003: "hippocampus_003: label t1" },
    ignored: 1,
  },
  "Decathlon names that end like channels": {
    files: ["dataset.json", "imagesTr/case_0001.nii.gz", "labelsTr/case_0001.nii.gz", "imagesTr/case_0000.nii.gz"],
    description: { ...msd, training: ["0000", "0001"].map((n) => ({ image: `./imagesTr/case_${n}.nii.gz` })) },
    options: { channels: readChannelMap("0=t1") },
    cases: { case_0000: "case_0000: t1", case_0001: "case_0001: label t1" },
  },
  "nnU-Net v1 raw data": {
    files: [
      "dataset.json",
      ...["0000", "0001"].map((c) => `imagesTr/prostate_00_${c}.nii.gz`),
      "labelsTr/prostate_00.nii.gz",
    ],
    description: {
      ...msd,
      modality: { 0: "T2", 1: "ADC" },
      training: [{ image: "./imagesTr/prostate_00.nii.gz", label: "./labelsTr/prostate_00.nii.gz" }],
    },
    cases: { prostate_00: "prostate_00: adc label t2" },
  },
  "nnU-Net v2, upper-case endings, channels by other names": {
    files: [
      "dataset.json",
      ...["0000", "0001", "0002"].map((c) => `imagesTr/P14 T3_${c}.NII.GZ`),
      "imagesTr/P14 T4_0000.Nii",
      "labelsTr/P14 T3.nii.GZ",
    ],
    description: {
      channel_names: { 0: "T1-weighted", 1: "T1wCE", 2: "T2 FLAIR" },
      labels: { background: 0, lesion: 1 },
      file_ending: ".NII.GZ",
    },
    cases: { "P14 T3": "P14: flair label t1 t1c", "P14 T4": "P14: t1" },
  },
  "nnU-Net v2 of channels that name no modality": {
    files: ["dataset.json", "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz"],
    description: { channel_names: { 0: "MRI", 1: "noNorm" }, labels: { l: 1 } },
    options: { channels: readChannelMap("mri=t1, noNorm = flair") },
    cases: { a: "a: flair label t1" },
  },
  "nnU-Net v2 with a list of files": {
    files: ["dataset.json", "scans/a 1/t1.nii.gz", "scans/a 1/fl.nii.gz", "scans/b/t1.nii.gz", "masks/a.nii.gz"],
    description: {
      channel_names: { 0: "T1", 1: "FLAIR" },
      labels: { l: 1 },
      dataset: { a: { images: ["scans/a 1/t1.nii.gz", "./scans/a 1/fl.nii.gz"], label: "scans/../masks/a.nii.gz" } },
    },
    cases: { a: "a: flair label t1" },
    ignored: 1,
  },
  "BraTS 2023": {
    files: ["000", "001"].flatMap((t) =>
      ["t1n", "t1c", "t2w", "t2f", "seg"].map((s) =>
        `ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData/BraTS-GLI-00005-${t}/BraTS-GLI-00005-${t}-${s}.nii.gz`
      )
    ),
    cases: {
      "BraTS-GLI-00005-000": "BraTS-GLI-00005: flair label t1 t1c t2",
      "BraTS-GLI-00005-001": "BraTS-GLI-00005: flair label t1 t1c t2",
    },
  },
  "BraTS 2021": {
    files: ["00000", "00002"].flatMap((n) =>
      ["t1", "t1ce", "t2", "flair", "seg"].map((s) => `BraTS2021_${n}/BraTS2021_${n}_${s}.nii.gz`)
    ),
    cases: {
      BraTS2021_00000: "BraTS2021_00000: flair label t1 t1c t2",
      BraTS2021_00002: "BraTS2021_00002: flair label t1 t1c t2",
    },
  },
  "a zip of Windows and names of macOS, with a table": {
    files: [
      "MS\\dataset.json",
      "MS\\patients.csv",
      "MS\\cases\\Mu\u0308ller 1\\T1.NII.GZ",
      "MS\\cases\\M\u00fcller 1\\label.nii.gz",
      "MS\\cases\\M\u00fcller 2\\t1.nii",
      "MS\\Thumbs.db",
    ],
    description: {
      task: "segmentation",
      modalities: ["T1-weighted"],
      labels: [{ name: "lesion", values: [1] }],
      cases: { "Mu\u0308ller 2": { patient: "Mu\u0308ller" } },
    },
    cases: { "Müller 1": "M: label t1", "Müller 2": "Müller: t1" },
    ignored: 1,
  },
};

const TEXTS: Record<string, string> = { "patients.csv": "case;patient\nMu\u0308ller 1;M\n" };

async function shown({ files, description, options }: Published) {
  const read = (path: string) => Promise.resolve(TEXTS[path.split(/[\\/]/).at(-1)!] ?? JSON.stringify(description));
  const { cases, ignored } = await planDataset(files, read, options);
  const found = cases.map((c) => {
    for (const path of c.files.values()) assert.ok(files.includes(path), "a path that the system does not have");
    return [c.id, `${c.patient}: ${[...c.files.keys()].sort().join(" ")}`];
  });
  return { cases: Object.fromEntries(found), ignored: ignored.length };
}

for (const [name, published] of Object.entries(PUBLISHED)) {
  Deno.test(`planDataset() reads ${name}, in whatever order its files come and form its names have`, async () => {
    const expected = { cases: published.cases, ignored: published.ignored ?? 0 };
    assert.deepEqual(await shown(published), expected);
    const random = new Random(`public data ${name}`);
    for (let i = 0; i < 20; i++) {
      const forms = ["NFC", "NFD"] as const;
      const marks = ["/", "\\"];
      const files = random.shuffle([...published.files]).map((path) =>
        path.normalize(forms[random.integer(2)]).replaceAll(/[\\/]/g, marks[random.integer(2)])
      );
      assert.deepEqual(await shown({ ...published, files }), expected);
    }
  });
}

const REFUSED: Record<string, Omit<Published, "cases"> & { readonly message: RegExp }> = {
  "Decathlon files without a mapping": {
    files: ["dataset.json", "imagesTr/hippocampus_001.nii.gz"],
    description: msd,
    message: /channel 0 is no known modality: expected one of t1, t1c, .*--map-channel NAME=t1.*channels=NAME=t1/,
  },
  "Decathlon files of several modalities": {
    files: ["dataset.json", "imagesTr/BRATS_001.nii.gz", "imagesTr/BRATS_002.nii.gz", "labelsTr/BRATS_001.nii.gz"],
    description: { ...msd, modality: { 0: "FLAIR", 1: "T1w", 2: "t1gd", 3: "T2w" } },
    message: /2 of its images hold all 4 modalities in one 4-D file each.*nnUNetv2_convert_MSD_dataset/,
  },
  "a format that is not read": {
    files: ["dataset.json", "imagesTr/a_0000.mha"],
    description: { channel_names: { 0: "T1" }, labels: { l: 1 }, file_ending: ".mha" },
    message: /file_ending: expected \.nii or \.nii\.gz; convert the files/,
  },
  "a mapping of channels that are not there": {
    files: ["dataset.json", "imagesTr/a_0000.nii.gz"],
    description: { channel_names: { 0: "T1" }, labels: { l: 1 } },
    options: { channels: readChannelMap("T1=t1c,FLAR=flair") },
    message: /1 of the channels that were mapped to a modality is not in it/,
  },
  "a list of files that are elsewhere": {
    files: ["dataset.json", "a.nii.gz"],
    description: {
      channel_names: { 0: "T1" },
      labels: { l: 1 },
      dataset: { a: { images: ["../elsewhere/a.nii.gz"], label: "a.nii.gz" } },
    },
    message: /lists a file for t1 that is not in the folder of dataset\.json/,
  },
  "two channels that mean the same": {
    files: ["dataset.json"],
    description: { channel_names: { 0: "T1", 1: "T1w" }, labels: { l: 1 } },
    message: /two channels are of the same modality/,
  },
  "one name in two forms": {
    files: ["dataset.json", "cases/Mu\u0308ller/t1.nii", "cases/M\u00fcller/t1.nii"],
    description: { task: "segmentation", modalities: ["t1"], labels: [{ name: "l", values: [1] }] },
    message: /two files have the same name, written in two ways/,
  },
  "a channel with a strange name": {
    files: ["dataset.json"],
    description: { channel_names: { 0: `<b>\n"${"x".repeat(99)}` }, labels: { l: 1 } },
    message: /channel 0 is no known modality/,
  },
};
for (const [name, { message, ...published }] of Object.entries(REFUSED)) {
  Deno.test(`planDataset() says what is wrong with ${name}`, async () => {
    await assert.rejects(shown({ ...published, cases: {} }), { code: "invalid-dataset", message });
  });
}

Deno.test("readChannelMap() refuses what maps nothing", () => {
  for (const text of ["MRI", "MRI=", "=t1", "MRI=CT", "MRI=t1,", "a=t1,A=t2"]) {
    assert.throws(() => readChannelMap(text), { code: "invalid-request", message: /^Cannot map channels: / }, text);
  }
});
