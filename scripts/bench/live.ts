/**
 * Measures how soon `GET /health/live` is answered while the server works; prints JSON.
 *
 *   deno task bench:live [--seconds 15] [--images DIR --label FILE]
 *
 * DIR holds `t1`, `t1c`, `t2` and `flair.nii.gz`; without it a phantom of 128³ is used. The goal is 100 ms at the 99th
 * percentile. The clients share the machine's cores with the server.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantomDataset } from "../phantoms/files.ts";
import { type Service, startService } from "../demo/service.ts";
import { flagsOf, numberOf } from "../flags.ts";

const MODALITIES = ["t1", "t1c", "t2", "flair"] as const;
const BASE = "brainmvp-edge";
const MODEL = "ms-lesion";

interface Case {
  readonly images: string;
  readonly label: string;
}

/** Runs curl in a process of its own, so that sending volumes does not slow the probe down. */
async function curl(args: readonly string[], signal?: AbortSignal): Promise<string> {
  const { success, stdout } = await new Deno.Command("curl", { args: ["-sf", ...args], stderr: "null", signal })
    .output();
  if (!success && !signal?.aborted) throw new Error(`Cannot bench: curl ${args.at(-1)} failed`);
  return new TextDecoder().decode(stdout);
}

const post = async (url: string, value: unknown) =>
  JSON.parse(await curl(["-H", "Content-Type: application/json", "-d", JSON.stringify(value), url]));

/** Answer times of probes in turn, a few milliseconds apart, sorted, ms. */
async function probe({ url }: Service, seconds: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + 1000 * seconds; performance.now() < end;) {
    const start = performance.now();
    await (await fetch(`${url}/health/live`)).body?.cancel();
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times.sort((a, b) => a - b);
}

function rowOf(load: string, times: readonly number[]) {
  const at = (share: number) => Number(times[Math.floor(share * (times.length - 1))].toFixed(1));
  return { load, probes: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/** Segments again and again until `signal` aborts. */
async function segmentOn({ url }: Service, { images }: Case, signal: AbortSignal): Promise<void> {
  const parts = MODALITIES.flatMap((m) => ["-F", `${m}=@${join(images, `${m}.nii.gz`)}`]);
  while (!signal.aborted) await curl(["-o", "/dev/null", ...parts, `${url}/v1/models/${MODEL}/segment`], signal);
}

/** Starts a long fine-tune, waits until it trains, and returns the job's id. */
async function train({ url }: Service, { images, label }: Case): Promise<string> {
  const labels = [{ name: "lesion", values: [1] }];
  const spec = { name: "bench", task: "segmentation", modalities: MODALITIES, labels };
  const { id } = await post(`${url}/v1/datasets`, spec);
  const put = (file: string, role: string) => curl(["-T", file, `${url}/v1/datasets/${id}/cases/one/${role}`]);
  for (const m of MODALITIES) await put(join(images, `${m}.nii.gz`), m);
  await put(label, "label");
  const recipe = { preset: "edge", steps: 100_000, validation: "none" };
  const job = await post(`${url}/v1/finetunes`, { dataset: id, base: { model: BASE }, name: "bench", recipe });
  while (!(JSON.parse(await curl([`${url}/v1/jobs/${job.id}`])).progress?.step > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return job.id;
}

const { values } = flagsOf({
  options: {
    seconds: { type: "string", default: "15" },
    images: { type: "string" },
    label: { type: "string" },
  },
});
const seconds = numberOf("--seconds", values.seconds, { above: 0, isWhole: false });
const folder = await mkdtemp(join(tmpdir(), "sulcus-bench-"));
try {
  let source: Case;
  if (values.images !== undefined && values.label !== undefined) {
    source = { images: values.images, label: values.label };
  } else {
    const phantoms = join(folder, "phantoms");
    await writePhantomDataset(phantoms, {
      seed: 1,
      count: 1,
      sizeVox: [128, 128, 128],
      spacingMm: [1.5, 1.5, 1.5],
      lesions: 8,
    });
    const images = join(phantoms, "cases/phantom001");
    source = { images, label: join(images, "label.nii.gz") };
  }
  const server = await startService({ data: join(folder, "data"), models: join(import.meta.dirname!, "../../models") });
  try {
    await curl(["--retry", "60", "--retry-delay", "1", "-o", "/dev/null", `${server.url}/health/ready`]);
    const rows = [rowOf("idle", await probe(server, seconds / 3))];
    const whileSegmenting = async (load: string) => {
      const stop = new AbortController();
      const segmented = segmentOn(server, source, stop.signal);
      rows.push(rowOf(load, await probe(server, seconds)));
      stop.abort();
      await segmented;
    };
    await whileSegmenting("segment");
    const job = await train(server, source);
    rows.push(rowOf("fine-tune", await probe(server, seconds)));
    await whileSegmenting("fine-tune and segment");
    await post(`${server.url}/v1/jobs/${job}/cancel`, {});
    console.log(JSON.stringify({ cpu: cpus()[0].model, cores: cpus().length, rows }, null, 2));
  } finally {
    await server.stop();
  }
} finally {
  await rm(folder, { recursive: true });
}
