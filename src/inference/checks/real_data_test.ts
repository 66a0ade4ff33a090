/** Real volumes give no false warning: heads with and without skull, crops inside tissue, slices of 4 mm. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { boxSize, cutWindow, findForeground, labelMap, padBox, readVolume } from "../../volume/mod.ts";
import { caseDoubts } from "./case_checks.ts";
import { type CaseOfSet, datasetDoubts } from "./dataset_checks.ts";
import { factsOf, type VolumeFacts } from "./facts.ts";
import { quickTissue } from "./quick_tissue.ts";
import { labelDoubts, labelFactsOf } from "./label_checks.ts";
import { volumeDoubts, volumeRefusal } from "./volume_checks.ts";

const DATA = "../shared/data/";
const ignore = !existsSync(DATA);
const WHY = ignore ? " (skipped: ../shared/data is absent)" : "";

/** As data sets take them, and as inference does: neither may doubt a real volume. */
async function factsOfFile(path: string): Promise<VolumeFacts> {
  const volume = await readVolume(path);
  const facts = factsOf(volume, quickTissue(volume)), exact = factsOf(volume, findForeground(volume));
  assert.equal(facts.foreground.kind, exact.foreground.kind);
  assert.deepEqual([volumeDoubts("image", exact), volumeRefusal("image", exact)], [[], null]);
  return facts;
}

async function labelsOfFile(path: string): Promise<CaseOfSet["labels"]> {
  const volume = await readVolume(path);
  return labelFactsOf({ ...volume, data: labelMap(volume.data) });
}

/** The cases of a folder with one folder a case: images, and perhaps a label map. */
async function casesIn(folder: string, label?: string): Promise<CaseOfSet[]> {
  const cases: CaseOfSet[] = [];
  const folders = [...Deno.readDirSync(`${DATA}${folder}`)].filter((entry) => entry.isDirectory);
  for (const name of folders.map((entry) => entry.name).sort()) {
    const images: Record<string, VolumeFacts> = {};
    let labels: CaseOfSet["labels"] = [];
    for (const file of Deno.readDirSync(`${DATA}${folder}/${name}`)) {
      const path = `${DATA}${folder}/${name}/${file.name}`, role = file.name.replace(".nii.gz", "");
      if (role === label) labels = await labelsOfFile(path);
      else if (/^(t1|t1c|t2|flair)$/.test(role)) images[role] = await factsOfFile(path);
    }
    cases.push({ id: name, patient: name.split("_")[0], images, labels });
  }
  return cases;
}

/** Every doubt about a set of cases, by code. */
function doubtsOf(cases: readonly CaseOfSet[]): string[] {
  const ofCases = cases.flatMap(({ images, labels = [] }) => [
    ...Object.entries(images).flatMap(([role, facts]) => [
      ...volumeDoubts(role, facts!),
      ...[volumeRefusal(role, facts!)].filter((refusal) => refusal !== null),
    ]),
    ...caseDoubts(images),
    ...labelDoubts({ labels, images }),
  ]);
  return [...ofCases, ...datasetDoubts(cases)].map((d) => `${d.code}: ${d.detail}`);
}

for (
  const [folder, label, kinds] of [
    ["ms", "lesion", "skull-stripped brains with lesions"],
    ["tumour", "tumour", "z-scored brains with tumours"],
    ["ms-longitudinal", undefined, "raw heads in slices of 3 to 4 mm, each modality on its own grid"],
  ] as const
) {
  Deno.test({
    name: `there is no doubt about ${kinds}${WHY}`,
    ignore,
    fn: async () => {
      const cases = await casesIn(folder, label);
      assert.ok(cases.length >= 3 && cases.every((c) => Object.keys(c.images).length >= 2));
      assert.ok(cases.every((c) => Object.values(c.images).every((f) => f?.foreground.kind === "part")));
      assert.deepEqual(doubtsOf(cases), []);
    },
  });
}

Deno.test({
  name: `there is no doubt about crops inside tissue, which are no heads of 5 cm${WHY}`,
  ignore,
  fn: async () => {
    const names = [...Deno.readDirSync(`${DATA}hippocampus/images`)].map((f) => f.name).sort().filter((_, i) =>
      i % 4 === 0
    );
    const cases: CaseOfSet[] = [];
    for (const name of names) {
      const t1 = await factsOfFile(`${DATA}hippocampus/images/${name}`);
      assert.equal(t1.foreground.kind, "whole");
      cases.push({
        id: name,
        patient: name,
        images: { t1 },
        labels: await labelsOfFile(`${DATA}hippocampus/labels/${name}`),
      });
    }
    assert.ok(cases.length >= 50);
    assert.deepEqual(doubtsOf(cases), []);

    const crop = await readVolume(`${DATA}hippocampus/images/${names[0]}`);
    const size = boxSize(padBox(crop.sizeVox, [80, 80, 80]));
    const padded = cutWindow(crop.data, crop.sizeVox, { start: padBox(crop.sizeVox, size).start, size });
    const volume = { ...crop, data: padded, sizeVox: size };
    const facts = factsOf(volume, findForeground(volume));
    assert.equal(facts.foreground.kind, "part");
    assert.equal(facts.valuesHash, cases[0].images.t1!.valuesHash);
    assert.deepEqual(volumeDoubts("t1", facts), []);
  },
});

Deno.test({
  name: `a head is found in a volume conformed to 256³ and is plausible${WHY}`,
  ignore,
  fn: async () => {
    const facts = await factsOfFile(`${DATA}foreign-onnx/t1_crop.nii.gz`);
    assert.equal(facts.foreground.kind, "part");
    assert.deepEqual(volumeDoubts("t1", facts), []);
  },
});

Deno.test({
  name: `a real image is known again when it is compressed anew, turned, and given a margin${WHY}`,
  ignore,
  fn: async () => {
    const volume = await readVolume(`${DATA}ms/patient07/flair.nii.gz`);
    const other = await factsOfFile(`${DATA}ms/patient07/t2.nii.gz`);
    const facts = factsOf(volume, findForeground(volume));
    const turned = new Float32Array(volume.data.length + 1000);
    turned.set(volume.data.toReversed(), 500);
    const again = factsOf({ ...volume, data: turned }, { kind: "none", voxels: 0, box: null });
    assert.equal(again.valuesHash, facts.valuesHash);
    assert.notEqual(other.valuesHash, facts.valuesHash);
    assert.deepEqual(caseDoubts({ flair: facts, t2: facts }).map((d) => d.code), ["same-image-twice"]);
  },
});
