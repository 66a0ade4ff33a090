import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import type { Database } from "../storage/mod.ts";
import { exists } from "../storage/mod.ts";
import type { PackagedReports } from "./reports.ts";
import { Registry } from "./store.ts";
import { draftOf, makeSource } from "./testing/packages.ts";

const test = databaseTests();
const CANARY = "DOE^JANE";
const PNG = "data:image/png;base64,CANARY";

/** A training's output as `train/` writes it, or as earlier versions did. */
async function trainingOutput({ old = false } = {}): Promise<string> {
  const source = await makeSource();
  const whole = JSON.stringify({ ...(!old && { identities: "shown" }), cases: [CANARY] });
  const own = old ? source : `${source}/private`;
  await Deno.mkdir(own, { recursive: true });
  await Deno.writeTextFile(`${own}/report.json`, whole);
  await Deno.writeTextFile(`${own}/report.html`, `<p>${CANARY}<img src="${PNG}">`);
  if (old) return source;
  await Deno.writeTextFile(`${source}/report.json`, JSON.stringify({ identities: "pseudonyms", cases: ["case 1"] }));
  await Deno.writeTextFile(`${source}/report.html`, "<p>case 1");
  return source;
}

function trained(job: string) {
  const { provenance } = draftOf();
  return draftOf({ provenance: { ...provenance, job, datasetHash: "0".repeat(64) } });
}

async function withRegistry(
  database: Database,
  fn: (open: (packagedReports?: PackagedReports) => Promise<Registry>, data: string) => Promise<void>,
): Promise<void> {
  await database.script("TRUNCATE sulcus.model_versions, sulcus.audit");
  const dataDirectory = await Deno.makeTempDir();
  try {
    await fn((packagedReports) => Registry.open({ database, dataDirectory, packagedReports }), dataDirectory);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

async function zipText(registry: Registry, name: string, version: number): Promise<string> {
  const { stream } = await registry.exportZip(name, version);
  return await new Response(stream.pipeThrough(new TransformStream())).text();
}

test("a training's package numbers its cases; the report that names them lies beside the job", (database) =>
  withRegistry(database, async (open, data) => {
    const registry = await open();
    const { version, directory } = await registry.addCandidate(trained("job-1"), await trainingOutput());
    const own = await registry.reportFile({ name: "tumour", version, format: "html" });
    assert.equal(own, `${data}/reports/job-1/report.html`);
    assert.match(await Deno.readTextFile(own!), /DOE.*base64/);
    for (const file of ["report.json", "report.html", "manifest.json"]) {
      assert.ok(!(await Deno.readTextFile(`${directory}/${file}`)).includes(CANARY), file);
    }
    assert.equal(await exists(`${directory}/private`), false);
    assert.ok(!(await zipText(registry, "tumour", version)).includes(CANARY));
    await Deno.remove(`${data}/reports`, { recursive: true });
    const left = await registry.reportFile({ name: "tumour", version, format: "html" });
    assert.equal(await Deno.readTextFile(left!), "<p>case 1", "without the whole report, the package's");
  }));

test("a package names cases only where a setting says so, and the audit trail has it", (database) =>
  withRegistry(database, async (open) => {
    const registry = await open("full");
    const { version, directory } = await registry.addCandidate(trained("job-1"), await trainingOutput());
    assert.ok((await Deno.readTextFile(`${directory}/report.html`)).includes(CANARY));
    assert.deepEqual((await registry.audit()).map((e) => [e.action, e.actor, e.version]), [
      ["show-cases", "setting", version],
    ]);
    const again = await open();
    assert.ok((await zipText(again, "tumour", version)).includes(CANARY), "what was packaged on purpose stays");
  }));

test("a report that does not say how it names cases is never packaged", (database) =>
  withRegistry(database, async (open, data) => {
    const registry = await open();
    const made = await registry.addCandidate(trained("job-1"), await trainingOutput({ old: true }));
    assert.deepEqual(Object.keys(made.manifest.files).filter((f) => f.startsWith("report")), []);
    assert.ok(await exists(`${data}/reports/job-1/report.html`));
  }));

test("packages of earlier versions lose the reports that name cases: at a start, and when they are imported", (database) =>
  withRegistry(database, async (open, data) => {
    const registry = await open();
    const plain = await registry.addCandidate(draftOf(), await trainingOutput({ old: true }));
    const path = `${plain.directory}/manifest.json`;
    const manifest = JSON.parse(await Deno.readTextFile(path));
    manifest.provenance = { ...manifest.provenance, ...trained("job-old").provenance };
    await Deno.writeTextFile(path, JSON.stringify(manifest)); // as an earlier version left it
    const zip = `${data}/old.zip`;
    const { stream } = await registry.exportZip("tumour", 1);
    await Deno.writeFile(zip, stream);

    const later = await open();
    const { files } = (await later.version("tumour", 1)).manifest;
    assert.deepEqual(Object.keys(files), ["network.onnx", "templates/t1.nii.gz"]);
    assert.equal(await exists(`${plain.directory}/report.html`), false);
    assert.ok(!(await zipText(later, "tumour", 1)).includes(CANARY));
    const own = await later.reportFile({ name: "tumour", version: 1, format: "json" });
    assert.equal(own, `${data}/reports/job-old/report.json`);

    await Deno.writeTextFile(`${plain.directory}/report.html`, CANARY); // a crash came before it was removed
    await open();
    assert.equal(await exists(`${plain.directory}/report.html`), false);

    await database.script("TRUNCATE sulcus.model_versions");
    await Deno.remove(`${data}/models/tumour`, { recursive: true });
    const imported = await later.importZip(zip);
    assert.equal(imported.manifest.files["report.html"], undefined);
    assert.ok(!(await zipText(await open(), "tumour", 1)).includes(CANARY));
  }));
