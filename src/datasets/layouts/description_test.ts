import assert from "node:assert/strict";
import { DomainError } from "../../storage/mod.ts";
import { planDataset } from "./layouts.ts";

const CANARY = "DOE^JANE";

const DESCRIPTIONS: Readonly<Record<string, { readonly description: unknown; readonly files: readonly string[] }>> = {
  nnunet: {
    description: {
      channel_names: { 0: "T1" },
      labels: { background: 0, lesion: 1 },
      regions_class_order: [1],
      file_ending: ".nii.gz",
      dataset: { a: { images: ["imagesTr/a_0000.nii.gz"], label: "labelsTr/a.nii.gz" } },
    },
    files: ["imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"],
  },
  decathlon: {
    description: {
      name: "n",
      modality: { 0: "T1" },
      labels: { 0: "background", 1: "lesion" },
      training: [{ image: "./a" }],
    },
    files: ["imagesTr/a.nii.gz", "labelsTr/a.nii.gz"],
  },
  sulcus: {
    description: {
      name: "n",
      task: "segmentation",
      modalities: ["t1"],
      labels: [{ name: "lesion", values: [1], value: 1, colour: "#ff0000" }],
      classes: [],
      cases: { a: { patient: "p", class: "c", excluded: "why" } },
    },
    files: ["cases/a/t1.nii.gz", "cases/a/label.nii.gz"],
  },
};

/** Every description with one value replaced, or one strange key added. */
function* spoilt(value: unknown): Generator<unknown> {
  for (const strange of [CANARY, { [CANARY]: CANARY }, [CANARY], -7, null]) yield strange;
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    for (const inner of spoilt(Reflect.get(value, key))) {
      if (Array.isArray(value)) yield value.with(Number(key), inner);
      else yield { ...value, [key]: inner };
    }
  }
  if (Array.isArray(value)) yield [...value, CANARY];
  else for (const added of [CANARY, { [CANARY]: 1 }, 1]) yield { ...value, [CANARY]: added };
}

for (const [layout, { description, files }] of Object.entries(DESCRIPTIONS)) {
  Deno.test(`no refusal of a ${layout} description quotes a key or a value of it`, async () => {
    const plan = (wrong: unknown) =>
      planDataset(["dataset.json", ...files], () => Promise.resolve(JSON.stringify(wrong)));
    assert.equal((await plan(description)).cases.length, 1);
    let refused = 0;
    for (const wrong of spoilt(description)) {
      try {
        await plan(wrong);
      } catch (error) {
        assert.ok(error instanceof DomainError, String(error));
        assert.ok(!error.message.includes("DOE"), error.message);
        refused++;
      }
    }
    assert.ok(refused > 30, `${refused} were refused`);
  });
}
