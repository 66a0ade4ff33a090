/**
 * A network of others through the whole service: imported over HTTP, fine-tuned on labelled cases, approved, and served by
 * one server for each provider. Their masks must be one.
 */
import { openAsBlob } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { dice } from "../../src/metrics/mod.ts";
import { readVolume } from "../../src/volume/mod.ts";
import { call, finetune } from "../demo/client.ts";
import { type Service, startService } from "../demo/service.ts";

export interface LabelledCase {
  readonly name: string;
  /** Modality → file. */
  readonly images: Readonly<Record<string, string>>;
  readonly label: string;
}

export interface ServiceRun {
  /** An ONNX file that holds its weights. */
  readonly model: string;
  readonly features: readonly string[];
  /** The names of its channels. */
  readonly modalities: readonly string[];
  readonly cases: readonly LabelledCase[];
  /** The case that is segmented; fine-tuning does not see it. */
  readonly unseen: LabelledCase;
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly providers: readonly string[];
  /** An empty folder for data and masks. */
  readonly folder: string;
}

export interface Mask {
  readonly provider: string;
  readonly path: string;
  readonly voxels: number;
  /** With the reference. */
  readonly dice: number;
  /** With the first provider's mask, and the number of voxels that differ. */
  readonly agreement: number;
  readonly differing: number;
  readonly seconds: number;
}

const NAME = "foreign-lesions";

/** @throws the server's own words where it refuses a step */
export async function runService(run: ServiceRun): Promise<{ trainingSeconds: number; masks: Mask[] }> {
  const data = join(run.folder, "data"), models = join(run.folder, "models");
  await mkdir(models, { recursive: true });
  const trained = await withService({ data, models }, (server) => fineTuned(server, run));
  const masks: Mask[] = [];
  const truth = binary((await readVolume(run.unseen.label)).data);
  let first: Uint8Array | undefined;
  for (const provider of run.providers) {
    const path = join(run.folder, `mask-${provider}.nii.gz`);
    const start = performance.now();
    await withService({ data, models, provider }, (server) => segment(server, run, path));
    const seconds = (performance.now() - start) / 1000;
    const mask = binary((await readVolume(path)).data);
    first ??= mask;
    masks.push({
      provider,
      path,
      voxels: mask.reduce((n, v) => n + v, 0),
      dice: dice(mask, truth),
      agreement: dice(mask, first),
      differing: mask.filter((v, i) => v !== first![i]).length,
      seconds,
    });
  }
  return { trainingSeconds: trained, masks };
}

const binary = (data: ArrayLike<number>) => Uint8Array.from(data, (v) => v > 0 ? 1 : 0);

async function withService<T>(options: Parameters<typeof startService>[0], work: (server: Service) => Promise<T>) {
  const server = await startService(options);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** Imports, uploads, fine-tunes and approves; returns the seconds of the fine-tune. */
async function fineTuned(server: Service, run: ServiceRun): Promise<number> {
  const query = new URLSearchParams({
    name: "foreign",
    modalities: run.modalities.join(","),
    features: run.features.join(","),
    roi: String((run.recipe.roi as number[])[0]),
  });
  const imported = await call(server, "POST", `/v1/models/import?${query}`, { body: await openAsBlob(run.model) });
  await imported.body?.cancel();
  await approve(server, "foreign", 1);
  const description = {
    name: "lesions",
    task: "segmentation",
    modalities: run.modalities,
    labels: [{ name: "lesion", values: [1] }],
  };
  const { id: dataset } = await (await call(server, "POST", "/v1/datasets", { body: description })).json();
  for (const { name, images, label } of run.cases) {
    for (const [file, path] of Object.entries({ ...images, label })) {
      const reply = await call(server, "PUT", `/v1/datasets/${dataset}/cases/${name}/${file}`, {
        body: await openAsBlob(path),
      });
      await reply.body?.cancel();
    }
  }
  const start = performance.now();
  const version = await finetune(server, { dataset, base: { model: "foreign" }, name: NAME, recipe: run.recipe });
  await approve(server, NAME, version);
  return (performance.now() - start) / 1000;
}

async function approve(server: Service, model: string, version: number): Promise<void> {
  const body = { approvedBy: "networks", note: "a network of others" };
  await (await call(server, "POST", `/v1/models/${model}/versions/${version}/approve`, { body })).body?.cancel();
}

async function segment(server: Service, { unseen, modalities }: ServiceRun, path: string): Promise<void> {
  const form = new FormData();
  for (const modality of modalities) {
    const file = unseen.images[modality];
    form.append(modality, await openAsBlob(file), basename(file));
  }
  const reply = await call(server, "POST", `/v1/models/${NAME}/segment`, {
    body: form,
    accept: "application/octet-stream",
  });
  await writeFile(path, new Uint8Array(await reply.arrayBuffer()));
}
