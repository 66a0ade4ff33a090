/**
 * The whole service on phantoms: starts a server with an empty data folder, uploads two labelled cases, fine-tunes the
 * shipped encoder for a few minutes, approves the candidate, segments a third case and prints its Dice.
 *
 *   deno task demo [--base MODEL] [--steps 200] [--size 48] [--seed 1] [--keep]
 *
 * It shows the calls, and that a network learns; phantoms are easier than patients.
 */
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dice } from "../../src/metrics/mod.ts";
import { readVolume } from "../../src/volume/mod.ts";
import { PHANTOM_MODALITIES } from "../phantoms/phantom.ts";
import { writePhantomDataset } from "../phantoms/files.ts";
import { call, finetune } from "./client.ts";
import { type Service, startService } from "./service.ts";
import { flagsOf, numberOf } from "../flags.ts";

const NAME = "demo-lesions";

/** Uploads the cases as a data set and returns its id. */
async function upload(server: Service, folder: string, cases: readonly string[]): Promise<string> {
  const labels = [{ name: "lesion", values: [1] }];
  const description = { name: "phantoms", task: "segmentation", modalities: PHANTOM_MODALITIES, labels };
  const { id } = await (await call(server, "POST", "/v1/datasets", { body: description })).json();
  for (const name of cases) {
    for (const file of [...PHANTOM_MODALITIES, "label"]) {
      const content = await openAsBlob(join(folder, "cases", name, `${file}.nii.gz`));
      await (await call(server, "PUT", `/v1/datasets/${id}/cases/${name}/${file}`, { body: content })).body?.cancel();
    }
  }
  return id;
}

/** Segments a case and writes the server's mask to `path`. */
async function segment(server: Service, files: string, path: string): Promise<void> {
  const form = new FormData();
  for (const modality of PHANTOM_MODALITIES) {
    form.append(modality, await openAsBlob(join(files, `${modality}.nii.gz`)), `${modality}.nii.gz`);
  }
  const reply = await call(server, "POST", `/v1/models/${NAME}/segment`, {
    body: form,
    accept: "application/octet-stream",
  });
  await writeFile(path, new Uint8Array(await reply.arrayBuffer()));
}

/** The model to start from: an encoder if there is one. */
async function findBase(server: Service): Promise<string> {
  const { models } = await (await call(server, "GET", "/v1/models")).json();
  const served = models.filter((m: { servedVersion: number | null }) => m.servedVersion !== null);
  const base = served.find((m: { task: string }) => m.task === "encoder") ?? served[0];
  if (base === undefined) throw new Error("Cannot run the demo: expected a served model, got none");
  return base.name;
}

/** Prints a line with the seconds since the start. */
function say(text: string): void {
  console.log(`${Math.round(performance.now() / 1000).toString().padStart(4)} s  ${text}`);
}

async function main(): Promise<void> {
  const { values } = flagsOf({
    options: {
      base: { type: "string" },
      steps: { type: "string", default: "200" },
      size: { type: "string", default: "48" },
      seed: { type: "string", default: "1" },
      keep: { type: "boolean", default: false },
    },
  });
  const size = numberOf("--size", values.size, { from: 32 }), seed = numberOf("--seed", values.seed);
  const steps = numberOf("--steps", values.steps, { from: 1 });
  const folder = await mkdtemp(join(tmpdir(), "sulcus-demo-"));
  say(`Making three phantoms of ${size}³ voxels: ${PHANTOM_MODALITIES.join(", ")} and a label map of lesions`);
  const cases = await writePhantomDataset(join(folder, "phantoms"), {
    count: 3,
    seed,
    sizeVox: [size, size, size],
    spacingMm: [1, 1, 1],
    lesions: 24,
  });
  say("Starting the server with an empty data folder");
  const server = await startService({
    data: join(folder, "data"),
    models: join(import.meta.dirname!, "../../models"),
    provider: "auto",
    log: join(folder, "server.log"),
  });
  let failed = true;
  try {
    say(`It is ready: ${server.url}`);
    const base = values.base ?? await findBase(server);
    const dataset = await upload(server, join(folder, "phantoms"), cases.slice(0, 2));
    say(`Uploaded ${cases.slice(0, 2).join(" and ")} with their labels`);
    say(`Fine-tuning ${base}: ${steps} steps`);
    const recipe = { preset: "edge", steps, roi: [32, 32, 32], validation: "none" };
    const version = await finetune(server, { dataset, base: { model: base }, name: NAME, recipe }, say);
    const approval = { approvedBy: "demo", note: "phantoms" };
    await (await call(server, "POST", `/v1/models/${NAME}/versions/${version}/approve`, { body: approval })).body
      ?.cancel();
    say(`Approved the candidate: ${NAME}, version ${version}, is served`);
    const third = join(folder, "phantoms", "cases", cases[2]);
    await segment(server, third, join(folder, "mask.nii.gz"));
    const [mask, label] = await Promise.all([
      readVolume(join(folder, "mask.nii.gz")),
      readVolume(join(third, "label.nii.gz")),
    ]);
    const score = dice(Uint8Array.from(mask.data), Uint8Array.from(label.data));
    say(`Segmented ${cases[2]}, which the network never saw: Dice ${score.toFixed(3)}`);
    failed = false;
  } finally {
    await server.stop();
    if (values.keep || failed) say(`Everything is in ${folder}, the server's log too`);
    else await rm(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
