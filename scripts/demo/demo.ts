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
import { parseArgs } from "node:util";
import { dice } from "../../src/metrics/mod.ts";
import { readVolume } from "../../src/volume/mod.ts";
import { PHANTOM_MODALITIES } from "../phantoms/phantom.ts";
import { writePhantomDataset } from "../phantoms/files.ts";

const NAME = "demo-lesions";
const STARTUP_MS = 120_000;

/** A server in a process of its own. */
class Server {
  readonly #process: Deno.ChildProcess;
  readonly origin: string;

  /** @param log file of the server's log */
  constructor(dataDirectory: string, log: string) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    this.origin = `http://127.0.0.1:${port}`;
    const main = join(import.meta.dirname!, "../../src/cli/main.ts");
    const options = ["--host", "127.0.0.1", "--port", String(port), "--data", dataDirectory];
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", main, "serve", ...options],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    Deno.open(log, { create: true, write: true }).then((file) => this.#process.stderr.pipeTo(file.writable));
  }

  /** Waits until the server can take work. */
  async ready(): Promise<void> {
    let ended = false;
    this.#process.status.then(() => ended = true);
    for (const start = Date.now(); Date.now() - start < STARTUP_MS; await sleep(250)) {
      if (ended) throw new Error("Cannot run the demo: the server ended");
      const reply = await fetch(`${this.origin}/health/ready`).catch(() => undefined);
      await reply?.body?.cancel();
      if (reply?.ok) return;
    }
    throw new Error(`Cannot run the demo: expected a ready server within ${STARTUP_MS} ms`);
  }

  /** One call. @throws the server's own words when it fails */
  async call(method: string, path: string, body?: unknown, accept = "application/json"): Promise<Response> {
    const json = body !== undefined && !(body instanceof Blob) && !(body instanceof FormData);
    const reply = await fetch(this.origin + path, {
      method,
      headers: { accept, ...(json && { "content-type": "application/json" }) },
      body: json ? JSON.stringify(body) : body as BodyInit | undefined,
    });
    if (!reply.ok) throw new Error(`Cannot ${method} ${path}: got ${reply.status} ${await reply.text()}`);
    return reply;
  }

  async stop(): Promise<void> {
    try {
      this.#process.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Uploads the cases as a data set and returns its id. */
async function upload(server: Server, folder: string, cases: readonly string[]): Promise<string> {
  const labels = [{ name: "lesion", values: [1] }];
  const description = { name: "phantoms", task: "segmentation", modalities: PHANTOM_MODALITIES, labels };
  const { id } = await (await server.call("POST", "/v1/datasets", description)).json();
  for (const name of cases) {
    for (const file of [...PHANTOM_MODALITIES, "label"]) {
      const content = await openAsBlob(join(folder, "cases", name, `${file}.nii.gz`));
      await (await server.call("PUT", `/v1/datasets/${id}/cases/${name}/${file}`, content)).body?.cancel();
    }
  }
  return id;
}

/** Fine-tunes, prints the server's events meanwhile, and returns the candidate's version. */
async function finetune(server: Server, request: Record<string, unknown>): Promise<number> {
  const { id } = await (await server.call("POST", "/v1/finetunes", request)).json();
  const events = await server.call("GET", `/v1/jobs/${id}/events`, undefined, "text/event-stream");
  let told = 0;
  for await (const { type, data } of eventsOf(events.body!)) {
    if (type === "log") say(`  ${data.message}`);
    if (type === "progress" && data.step >= told) {
      say(`  step ${data.step} of ${data.steps}, loss ${data.loss.toFixed(3)}, ${data.etaSeconds} s left`);
      told = data.step === 1 ? data.steps / 10 : told + data.steps / 10;
    }
    if (type !== "done") continue;
    if (data.state === "succeeded") return data.result.version;
    throw new Error(`Cannot fine-tune: the job ${data.state}: ${JSON.stringify(data.error)}`);
  }
  throw new Error("Cannot fine-tune: the server ended the events");
}

/** Server-sent events of a job. */
// deno-lint-ignore no-explicit-any
async function* eventsOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<{ type: string; data: any }> {
  let text = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    const frames = (text + part).split("\n\n");
    text = frames.pop()!;
    for (const frame of frames) {
      const [type, data] = ["event", "data"].map((name) => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1]);
      if (type && data) yield { type, data: JSON.parse(data) };
    }
  }
}

/** Segments a case and writes the server's mask to `path`. */
async function segment(server: Server, files: string, path: string): Promise<void> {
  const form = new FormData();
  for (const modality of PHANTOM_MODALITIES) {
    form.append(modality, await openAsBlob(join(files, `${modality}.nii.gz`)), `${modality}.nii.gz`);
  }
  const reply = await server.call("POST", `/v1/models/${NAME}/segment`, form, "application/octet-stream");
  await writeFile(path, new Uint8Array(await reply.arrayBuffer()));
}

/** The model to start from: an encoder if there is one. */
async function findBase(server: Server): Promise<string> {
  const { models } = await (await server.call("GET", "/v1/models")).json();
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
  const { values } = parseArgs({
    options: {
      base: { type: "string" },
      steps: { type: "string", default: "200" },
      size: { type: "string", default: "48" },
      seed: { type: "string", default: "1" },
      keep: { type: "boolean", default: false },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), "sulcus-demo-"));
  const log = join(folder, "server.log");
  const size = Number(values.size);
  say(`Making three phantoms of ${size}³ voxels: ${PHANTOM_MODALITIES.join(", ")} and a label map of lesions`);
  const cases = await writePhantomDataset(join(folder, "phantoms"), {
    count: 3,
    seed: Number(values.seed),
    sizeVox: [size, size, size],
    spacingMm: [1, 1, 1],
    lesions: 24,
  });
  const server = new Server(join(folder, "data"), log);
  let failed = true;
  try {
    say("Starting the server with an empty data folder");
    await server.ready();
    say(`It is ready: ${server.origin}`);
    const base = values.base ?? await findBase(server);
    const dataset = await upload(server, join(folder, "phantoms"), cases.slice(0, 2));
    say(`Uploaded ${cases.slice(0, 2).join(" and ")} with their labels`);
    say(`Fine-tuning ${base}: ${values.steps} steps`);
    const recipe = { preset: "edge", steps: Number(values.steps), roi: [32, 32, 32], validation: "none" };
    const version = await finetune(server, { dataset, base: { model: base }, name: NAME, recipe });
    const approval = { approvedBy: "demo", note: "phantoms" };
    await (await server.call("POST", `/v1/models/${NAME}/versions/${version}/approve`, approval)).body?.cancel();
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
