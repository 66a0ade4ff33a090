/** Folders of real data, laid out with links as their owners lay them out; skipped where the data is not there. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { readChannelMap } from "../layouts/channels.ts";
import { patientOf } from "../patients/case_name.ts";
import { readDatasetFolder } from "./folder.ts";

const DATA = resolve("../shared/data");
const skipped = existsSync(DATA) ? "" : ", skipped: no ../shared/data";
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name}${skipped}`, ignore: skipped !== "", fn });

test("readDatasetFolder() reads Task 04 of the Decathlon: a patient each, two labels, no error", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [link, target] of [["imagesTr", "images"], ["labelsTr", "labels"]]) {
      await Deno.symlink(`${DATA}/hippocampus/${target}`, `${folder}/${link}`);
    }
    const names = [...Deno.readDirSync(`${DATA}/hippocampus/images`)].map((entry) => entry.name).sort();
    const description = {
      name: "Hippocampus",
      tensorImageSize: "3D",
      modality: { 0: "MRI" },
      labels: { 0: "background", 1: "Anterior", 2: "Posterior" },
      training: names.map((name) => ({ image: `./imagesTr/${name}`, label: `./labelsTr/${name}` })),
    };
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(description));
    const read = await readDatasetFolder(folder, { channels: readChannelMap("MRI=t1") });
    assert.deepEqual([read.layout, read.cases.length, read.ignored], ["decathlon", names.length, []]);
    assert.deepEqual(read.patients, { count: names.length, named: 0, rule: 0, caseName: names.length });
    assert.deepEqual(read.labels.map((l) => [l.name, l.value]), [["Anterior", 1], ["Posterior", 2]]);
    assert.deepEqual(read.checks.filter((c) => c.severity === "error"), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("patientOf() finds four patients in the seven studies of the longitudinal data, and one in each other folder", () => {
  const names = (folder: string) => [...Deno.readDirSync(`${DATA}/${folder}`)].map((entry) => entry.name);
  const studies = names("ms-longitudinal").filter((name) => /study/.test(name));
  assert.deepEqual([...new Set(studies.map(patientOf))].sort(), ["patient01", "patient03", "patient04", "patient12"]);
  for (const folder of ["ms", "hippocampus/images", "anatomies", "tumour"]) {
    const stems = names(folder).map((name) => name.replace(/\..*$/, ""));
    assert.equal(new Set(stems.map(patientOf)).size, new Set(stems).size, folder);
  }
  return Promise.resolve();
});
