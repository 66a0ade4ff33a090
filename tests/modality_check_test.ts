/**
 * The check of modalities as a user meets it: a server with its own workers, a hand-made classifier of single volumes, and
 * uploads under right and wrong names.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { encodeModel, type Graph, GraphBuilder } from "../src/graph/mod.ts";
import { tensor } from "../src/tensor/mod.ts";
import type { ManifestDraft } from "../src/registry/mod.ts";
import { writePackage } from "../src/registry/package.ts";
import { draftOf } from "../src/registry/testing/packages.ts";
import { type LogEntry } from "../src/server/observe/log.ts";
import { type RunningServer, startServer } from "../src/server/mod.ts";
import type { Triple } from "../src/volume/mod.ts";
import { inFolder, orientedGrid, writeVolume } from "./testing/volumes.ts";

const ROI: [number, number, number] = [16, 16, 16];
const SIZE: Triple = [30, 36, 31];

const DRAFT = draftOf({
  architecture: { kind: "onnx", config: {} },
  preprocessing: {
    spacingMm: [6, 6, 6],
    percentiles: { lower: 5, upper: 95, clip: false },
    foregroundMargin: 1,
    percentilesOver: "foreground",
    resize: ROI,
  },
  inference: { roi: ROI, overlap: 0, blending: "constant", threshold: 0.5 },
});
const MODEL: ManifestDraft = { ...DRAFT, name: "lesions", modalities: ["t1", "t2", "flair"] };
const CHECK: ManifestDraft = {
  ...DRAFT,
  name: "mr-sequence",
  task: "classification",
  modalities: ["any"],
  labels: [],
  classes: ["t2", "flair"],
};

/** A network whose logits are the mean of three channels. */
function meanOfChannels(): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 3, ...ROI] });
  const kernel = b.constant(tensor("float32", [1, 3, 1, 1, 1], [1, 1, 1]), "kernel");
  return b.build("mean", { out: b.op.Conv(image, kernel, null, { kernel_shape: [1, 1, 1] }) });
}

/** Phantoms' FLAIR is bright all over (mean square 0.107 to 0.128), T2 in the fluid only (0.068 to 0.088). */
function byMeanSquare(): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 1, ...ROI] });
  const mean = b.op.Sub(b.op.ReduceMean(b.op.Mul(image, image), [2, 3, 4], { keepdims: 0 }), 0.097);
  return b.build("by-mean-square", { logits: b.op.Mul(mean, tensor("float32", [1, 2], [-300, 300])) });
}

async function ship(shipped: string, draft: ManifestDraft, graph: Graph): Promise<void> {
  const source = await Deno.makeTempDir();
  await Deno.writeFile(join(source, "network.onnx"), encodeModel(graph));
  await writePackage(shipped, draft, { version: 1, source });
  await Deno.remove(source, { recursive: true });
}

interface Place {
  readonly server: RunningServer;
  readonly log: readonly LogEntry[];
  /** Posts the phantom's volumes under these names and returns the reply. */
  readonly post: (path: string, images: Record<string, "t1" | "t2" | "flair">) => Promise<Response>;
}

const withServer = (modalityCheck: string | null, work: (place: Place) => Promise<void>) =>
  inFolder(async (folder) => {
    const models = join(folder, "models"), log: LogEntry[] = [];
    await ship(models, MODEL, meanOfChannels());
    await ship(models, CHECK, byMeanSquare());
    const grid = orientedGrid(SIZE, { code: "LPS", spacingMm: [5, 5, 5] });
    const { images } = makePhantom({ seed: 3, sizeVox: SIZE, spacingMm: [5, 5, 5], lesions: 4 });
    const server = await startServer({
      data: join(folder, "data"),
      models,
      port: 0,
      provider: "cpu",
      modalityCheck,
      log: (entry) => log.push(entry),
    });
    const post: Place["post"] = async (path, names) => {
      const body = new FormData();
      for (const [name, modality] of Object.entries(names)) {
        const file = await writeVolume(join(folder, `${modality}.nii.gz`), grid, images[modality]);
        body.append(name, new Blob([await Deno.readFile(file)]));
      }
      return await fetch(`${server.url}/v1/models/${path}`, {
        method: "POST",
        headers: { accept: "application/json" },
        body,
      });
    };
    try {
      await work({ server, log, post });
    } finally {
      await server.close();
    }
  });

const codesOf = (reply: { warnings: { code: string }[] }) => reply.warnings.map((w) => w.code);

Deno.test("a server warns of swapped uploads, not of right ones, and classifies a volume of any modality", () =>
  withServer("mr-sequence", async ({ post, log }) => {
    const right = await post("lesions/segment", { t1: "t1", t2: "t2", flair: "flair" });
    assert.deepEqual([right.status, codesOf(await right.json())], [200, []]);

    const swapped = await (await post("lesions/segment", { t1: "t1", t2: "flair", flair: "t2" })).json();
    const details = swapped.warnings.map((w: { detail: string }) => w.detail);
    assert.deepEqual(codesOf(swapped), ["modality-mismatch", "modality-mismatch"]);
    assert.match(details[0], /^t2 looks like flair \(probability \d\.\d\d\)$/);
    assert.match(details[1], /^flair looks like t2 \(probability \d\.\d\d\)$/);

    const classified = await post("mr-sequence/classify", { any: "flair" });
    const { classes, warnings } = await classified.json();
    assert.deepEqual([classified.status, classes[1].label, warnings], [200, "flair", []]);
    assert.ok(classes[1].probability > 0.9, JSON.stringify(classes));

    const refused = await post("lesions/segment", { any: "t2" });
    assert.deepEqual([refused.status, (await refused.json()).code], [422, "unknown-modality"]);
    assert.deepEqual(log.filter((entry) => entry.event === "modality-check-failed"), []);
  }));

Deno.test("a server whose checking model does not know modalities works without it and logs why", () =>
  withServer("lesions", async ({ post, log }) => {
    const swapped = await post("lesions/segment", { t1: "t1", t2: "flair", flair: "t2" });
    assert.deepEqual([swapped.status, codesOf(await swapped.json())], [200, []]);
    const failed = log.filter((entry) => entry.event === "modality-check-failed");
    assert.deepEqual(failed, [{
      level: "error",
      event: "modality-check-failed",
      error: "DomainError",
      code: "wrong-task",
    }]);
  }));
