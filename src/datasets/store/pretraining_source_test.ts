import assert from "node:assert/strict";
import { refusal } from "../../storage/testing/refusal.ts";
import { readChannelMap } from "../layouts/channels.ts";
import { readPretrainingSources } from "./pretraining_source.ts";

/** A folder with files that hold their own path. */
async function withFiles(paths: readonly string[], fn: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const path of paths) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, path);
    }
    await fn(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const shown = async (...sources: string[]) =>
  (await readPretrainingSources(sources)).cases.map(({ id, images }) => [id, ...Object.keys(images).toSorted()]);

Deno.test("readPretrainingSources() reads folders of cases, and ignores labels and other files", () =>
  withFiles(
    ["a/t1.nii.gz", "a/FLAIR.nii", "a/lesion.nii.gz", "a/notes.txt", "b/T1Gd.nii.gz", ".c/t1.nii.gz"],
    async (root) => {
      assert.deepEqual(await shown(root), [["a", "flair", "t1"], ["b", "t1c"]]);
    },
  ));

Deno.test("readPretrainingSources() takes the user's words about channels for all sources, and refuses those of no use", () =>
  withFiles(["one/a/MPRAGE.NII.GZ", "two/imagesTr/b_0000.nii.gz"], async (root) => {
    const description = { channel_names: { 0: "MRI" }, labels: { background: 0, lesion: 1 } };
    await Deno.writeTextFile(`${root}/two/dataset.json`, JSON.stringify(description));
    const read = (channels: string) =>
      readPretrainingSources([`${root}/one`, `${root}/two`], { channels: readChannelMap(channels) });
    const { cases } = await read("MPRAGE=t1,MRI=flair");
    assert.deepEqual(cases.map(({ id, images }) => [id, ...Object.keys(images)]), [["1/a", "t1"], ["2/b", "flair"]]);
    await assert.rejects(
      read("MPRAGE=t1,MRI=flair,MR=t2,CT=t1c"),
      refusal("invalid-dataset", /2 of the channels that were mapped to a modality are not in it/),
    );
  }));

Deno.test("readPretrainingSources() follows links to files and folders, and not in circles", () =>
  withFiles(["real/a/t1.nii.gz", "other/flair.nii.gz", "data/b/t1.nii.gz"], async (root) => {
    await Deno.symlink("../real/a", `${root}/data/linked`);
    await Deno.symlink("../../other/flair.nii.gz", `${root}/data/b/flair.nii.gz`);
    await Deno.symlink("..", `${root}/data/b/up`);
    await Deno.symlink("nowhere", `${root}/data/b/t2.nii.gz`);
    assert.deepEqual(await shown(`${root}/data`), [["b", "flair", "t1"], ["linked", "t1"]]);
  }));

Deno.test("readPretrainingSources() reads BraTS, nnU-Net and Sulcus layouts, and several sources", () =>
  withFiles(
    [
      "brats/x/BraTS2021_1/BraTS2021_1_t1.nii.gz",
      "brats/x/BraTS2021_1/BraTS2021_1_seg.nii.gz",
      "sulcus/cases/p1/t2.nii.gz",
      "sulcus/cases/p1/label.nii.gz",
      "nnunet/imagesTr/c_0000.nii.gz",
    ],
    async (root) => {
      const labels = [{ name: "lesion", values: [1] }];
      const sulcus = { name: "A", task: "segmentation", modalities: ["t1", "t2"], labels };
      await Deno.writeTextFile(`${root}/sulcus/dataset.json`, JSON.stringify(sulcus));
      const nnunet = { channel_names: { 0: "FLAIR" }, labels: { background: 0, lesion: 1 }, file_ending: ".nii.gz" };
      await Deno.writeTextFile(`${root}/nnunet/dataset.json`, JSON.stringify(nnunet));
      assert.deepEqual(await shown(`${root}/brats`, `${root}/sulcus`, `${root}/nnunet`), [
        ["1/BraTS2021_1", "t1"],
        ["2/p1", "t2"],
        ["3/c", "flair"],
      ]);
    },
  ));

Deno.test("readPretrainingSources() reads a manifest with paths relative to it; the hash covers the files' content", () =>
  withFiles(["scans/1.nii.gz", "scans/2.nii.gz"], async (root) => {
    const write = (cases: unknown) => Deno.writeTextFile(`${root}/m.json`, JSON.stringify({ cases }));
    const one = {
      id: "one",
      images: { T1CE: "scans/1.nii.gz", t2: "scans/2.nii.gz" },
      label: "x",
      regionMap: "brats3",
    };
    await write([one, { id: "two", images: { t1: "scans/2.nii.gz" }, split: "test" }]);
    assert.deepEqual(await shown(`${root}/m.json`), [["one", "t1c", "t2"]]);
    const before = (await readPretrainingSources([`${root}/m.json`])).hash;
    assert.match(before, /^[0-9a-f]{64}$/);
    await Deno.writeTextFile(`${root}/scans/1.nii.gz`, "changed");
    assert.notEqual((await readPretrainingSources([`${root}/m.json`])).hash, before);

    const refuse = async (cases: unknown, message: RegExp) => {
      await write(cases);
      await assert.rejects(readPretrainingSources([`${root}/m.json`]), refusal("invalid-dataset", message));
    };
    await refuse([{ id: "Meier", images: { ct: "a" } }], /: the manifest: case 1 has an image of no known modality$/);
    await refuse([{ id: "Meier", images: { t1: "a", T1w: "b" } }], /case 1 has two images of one modality$/);
    await refuse([{ id: "Meier", images: {} }], /case 1 has no images$/);
    await refuse([{ id: "Meier" }], /: the manifest: cases\.0\.images: /);
    await refuse([{ id: "Meier", images: { t1: "Meier.nii.gz" } }], /: case 1 of 1: its t1 cannot be read$/);
    await refuse([], /source 1 has no images/);
    await Deno.writeTextFile(`${root}/m.json`, "{");
    await assert.rejects(readPretrainingSources([`${root}/m.json`]), refusal("invalid-dataset", /is no JSON$/));
    await assert.rejects(
      readPretrainingSources([`${root}/scans`, `${root}/none`]),
      refusal("invalid-dataset", /source 1|no cases/),
    );
    await assert.rejects(readPretrainingSources([`${root}/none`]), refusal("invalid-dataset", /source 1: there is no/));
  }));
