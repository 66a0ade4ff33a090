import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readVolume, writeVolume } from "../../src/volume/mod.ts";
import { STRUCTURES } from "./anatomy/classes.ts";
import { caseSeed, type DatasetOptions, writeSubjects } from "./dataset.ts";
import { main } from "./main.ts";
import { makeAnatomy } from "./anatomy/anatomy.ts";
import { simulateSubject } from "./simulate.ts";
import { sphereHead, sphereLesions } from "./testing/spheres.ts";

/** Runs `body` in a folder with one anatomy and one lesion mask. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "subjects_"));
  try {
    for (const [name, image] of [["head", sphereHead()], ["lesion", sphereLesions()]] as const) {
      Deno.mkdirSync(join(folder, name));
      await writeVolume(join(folder, name, "one.nii.gz"), { data: Uint16Array.from(image.data), grid: image });
    }
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const optionsOf = (folder: string): DatasetOptions => ({
  subjects: 2,
  seed: 5,
  label: "structures",
  anatomies: [join(folder, "head", "one.nii.gz")],
  modalities: ["t1", "flair"],
  spacingMm: 6,
});

Deno.test("writeSubjects() writes a data set that reads back as simulateSubject() made it", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out");
    assert.deepEqual(await writeSubjects(out, optionsOf(folder)), ["subject0001", "subject0002"]);
    const spec = JSON.parse(readFileSync(join(out, "dataset.json"), "utf8"));
    assert.deepEqual(spec.modalities, ["t1", "flair"]);
    assert.deepEqual(spec.labels[0], { name: STRUCTURES[0], values: [1] });
    assert.deepEqual(readdirSync(join(out, "cases", "subject0002")).sort(), [
      "flair.nii.gz",
      "label.nii.gz",
      "t1.nii.gz",
    ]);
    const { modalities, spacingMm } = optionsOf(folder);
    const made = simulateSubject(makeAnatomy(sphereHead()), { modalities, spacingMm, seed: caseSeed(5, 1) });
    const read = (name: string) => readVolume(join(out, "cases", "subject0002", `${name}.nii.gz`));
    assert.deepEqual([...(await read("t1")).data], [...made.channels.get("t1")!.map(Math.round)]);
    assert.deepEqual([...(await read("label")).data], [...made.labels]);
  }));

Deno.test("writeSubjects() keeps whole cases, makes the missing ones and refuses other options", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out"), options = optionsOf(folder);
    await writeSubjects(out, options);
    const first = join(out, "cases", "subject0001", "t1.nii.gz"), second = join(out, "cases", "subject0002");
    const before = statSync(first).mtimeMs, bytes = readFileSync(join(second, "t1.nii.gz"));
    rmSync(second, { recursive: true });
    const calls: number[] = [];
    await writeSubjects(out, { ...options, onCase: ({ done, kept }) => calls.push(done, kept) });
    assert.equal(statSync(first).mtimeMs, before);
    assert.deepEqual(readFileSync(join(second, "t1.nii.gz")), bytes);
    assert.deepEqual(calls, [2, 1]);
    await assert.rejects(
      writeSubjects(out, { ...options, seed: 6 }),
      /Cannot resume a simulation: expected the options/,
    );
  }));

Deno.test("main() writes lesions from masks, and refuses flags with their choices", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out"), heads = ["--anatomies", join(folder, "head"), "--out", out];
    const small = ["--modalities", "flair", "--spacing", "6", "--labels", "lesion"];
    await main([...heads, ...small, "--lesions", join(folder, "lesion"), "--subjects", "1"]);
    const label = await readVolume(join(out, "cases", "subject0001", "label.nii.gz"));
    assert.deepEqual([...new Set(label.data)].sort(), [0, 1]);
    await assert.rejects(
      main([...heads, "--labels", "both"]),
      /--labels: expected structures, lesion, all, none, got "both"/,
    );
    await assert.rejects(main([...heads, "--labels", "all"]), /expected a folder of masks with --labels all/);
    await assert.rejects(main([...heads, ...small]), /--lesions: expected a folder of masks/);
    await assert.rejects(main([...heads, "--anatomy", "2"]), /--anatomy: expected places of 1 to 1, got "2"/);
    await assert.rejects(main([...heads, "--modalities", "ct"]), /expected different ones of t1, .*, got ct/);
  }));

Deno.test("main() writes lesions over structures as one value more", () =>
  withFolder(async (folder) => {
    const heads = ["--anatomies", join(folder, "head"), "--lesions", join(folder, "lesion"), "--subjects", "1"];
    const mapOf = async (labels: string) => {
      const out = join(folder, labels);
      await main([...heads, "--out", out, "--modalities", "flair", "--spacing", "6", "--labels", labels]);
      return (await readVolume(join(out, "cases", "subject0001", "label.nii.gz"))).data;
    };
    const [structures, lesion, all] = [await mapOf("structures"), await mapOf("lesion"), await mapOf("all")];
    assert.ok(lesion.some((v) => v === 1) && new Set(structures).size > 2);
    assert.deepEqual([...all], Array.from(structures, (v, i) => lesion[i] === 1 ? STRUCTURES.length + 1 : v));
    const { labels } = JSON.parse(readFileSync(join(folder, "all", "dataset.json"), "utf8"));
    assert.deepEqual([labels.length, labels.at(-1)], [12, { name: "lesion", values: [12] }]);
  }));
