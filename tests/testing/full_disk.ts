/**
 * A service on a disk that gets full, is freed, and is unmounted: `deno run -A tests/testing/full_disk.ts FOLDER`, in a
 * namespace in which it may mount. Prints what the service replied, as JSON.
 */
import { tinyNifti } from "../../src/datasets/testing/cases.ts";
import { addModels } from "../../src/jobs/testing/jobs.ts";
import { Registry } from "../../src/registry/mod.ts";
import type { RunningServer } from "../../src/server/mod.ts";
import { image } from "../../src/server/testing/fake_tasks.ts";
import { start } from "../../src/server/testing/running.ts";
import { form } from "../../src/server/testing/server.ts";
import { openDatabase } from "../../src/storage/mod.ts";

/** Of each request: its status and the code of its refusal, such as `507 storage-full`. */
export type Replies = Readonly<Record<string, string>>;

export interface FullDisk {
  readonly free: Replies;
  readonly full: Replies;
  /** The first refusal of rows, after those for which the database had space set aside. */
  readonly database: string;
  readonly freed: Replies;
  /** After the disk was unmounted. */
  readonly gone: Replies;
  /** The cases at the end. */
  readonly kept: readonly string[];
  /** Data sets that were acknowledged and are not there. */
  readonly missing: readonly string[];
  /** Files that requests on the full disk left. */
  readonly left: readonly string[];
  /** How the program ends on a read-only disk. */
  readonly readOnly: { readonly code: number; readonly words: string; readonly trace: boolean };
}

const DISK = "size=192m";
const SPEC = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot ${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** A volume of a megabyte that does not compress. */
async function largeVolume(): Promise<Uint8Array<ArrayBuffer>> {
  const values = Array.from({ length: 64 ** 3 }, (_, i) => Math.sin(i * i));
  return await tinyNifti({ sizeVox: [64, 64, 64], values });
}

function request({ url }: RunningServer, method: string, path: string, body?: BodyInit): Promise<Response> {
  const headers = typeof body === "string" ? { "content-type": "application/json" } : undefined;
  return fetch(url + path, { method, body, headers });
}

const acknowledged: string[] = [];

/** The status, with the code of a refusal. */
async function ask(server: RunningServer, method: string, path: string, body?: BodyInit): Promise<string> {
  const reply = await request(server, method, path, body);
  const text = await reply.text();
  const content = text.startsWith("{") ? JSON.parse(text) : {};
  if (reply.status === 201 && method === "POST" && path === "/v1/datasets") acknowledged.push(content.id);
  return `${reply.status} ${reply.status >= 400 ? content.code ?? "" : ""}`.trim();
}

/** Everything that writes, and everything that reads; readiness as it is once it was looked at again. */
async function askAll(server: RunningServer, id: string, name: string, expected: "200" | "503"): Promise<Replies> {
  const volume = await largeVolume(), cases = `/v1/datasets/${id}/cases`;
  return {
    create: await ask(server, "POST", "/v1/datasets", JSON.stringify(SPEC)),
    upload: await ask(server, "PUT", `${cases}/${name}/t1`, volume),
    segment: await ask(server, "POST", "/v1/models/tumour/segment", form({ t1: padded(image()) })),
    live: await ask(server, "GET", "/health/live"),
    metrics: await ask(server, "GET", "/metrics"),
    list: await ask(server, "GET", "/v1/datasets"),
    read: await ask(server, "GET", `/v1/datasets/${id}`),
    models: await ask(server, "GET", "/v1/models"),
    jobs: await ask(server, "GET", "/v1/jobs"),
    ready: await readiness(server, expected),
  };
}

/** Readiness is looked at every few seconds. */
async function readiness(server: RunningServer, expected: string): Promise<string> {
  let found = "";
  for (const end = Date.now() + 120_000; found !== expected && Date.now() < end;) {
    found = await ask(server, "GET", "/health/ready");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return found;
}

/** Makes data sets with long descriptions until one is refused. */
async function fillDatabase(server: RunningServer): Promise<string> {
  const labels = Array.from({ length: 200 }, (_, i) => ({ name: `${i}${"l".repeat(60)}`, values: [i + 1] }));
  for (let i = 0; i < MOST_ROWS; i++) {
    const reply = await ask(server, "POST", "/v1/datasets", JSON.stringify({ ...SPEC, labels }));
    if (reply !== "201") return reply;
  }
  return `${MOST_ROWS} were taken`;
}

const MOST_ROWS = 3000;

/** The fake reads JSON: spaces may follow it. */
function padded(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(1e6).fill(0x20);
  out.set(bytes);
  return out;
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`).map((path) => `${name}/${path}`) : [name]
  );
}

/** Writes until nothing more fits. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  for (let size = 2 ** 20; size > 0; size = Math.floor(size / 2)) {
    try {
      for (;;) await file.write(new Uint8Array(size));
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOSPC") throw error;
    }
  }
}

async function main(folder: string): Promise<FullDisk> {
  const data = `${folder}/data`;
  await Deno.mkdir(data);
  await run("mount", "-t", "tmpfs", "-o", DISK, "none", data);
  const database = await openDatabase({ dataDirectory: data });
  await addModels(await Registry.open({ database, dataDirectory: data }));
  await database.close();
  const server = await start(data);
  const { id } = JSON.parse(await request(server, "POST", "/v1/datasets", JSON.stringify(SPEC)).then((r) => r.text()));
  const free = await askAll(server, id, "first", "200");
  const before = filesBelow(`${data}/datasets`);
  await fill(`${data}/filler`);
  const full = await askAll(server, id, "second", "503");
  const refusal = await fillDatabase(server);
  const afterwards = [...filesBelow(`${data}/datasets`), ...filesBelow(`${data}/spool`)];
  const left = afterwards.filter((path) => !before.includes(path));
  await Deno.remove(`${data}/filler`);
  const freed = await askAll(server, id, "third", "200");
  const { cases } = await request(server, "GET", `/v1/datasets/${id}`).then((r) => r.json());
  const { datasets } = await request(server, "GET", "/v1/datasets").then((r) => r.json());
  const listed = new Set(datasets.map((dataset: { id: string }) => dataset.id));
  await run("umount", "--lazy", data);
  const gone = await askAll(server, id, "fourth", "503");
  await server.close().catch(() => {});
  await run("mount", "-t", "tmpfs", "-o", `${DISK},ro`, "none", data);
  return {
    free,
    full,
    database: refusal,
    freed,
    gone,
    left,
    kept: cases.map((found: { case: string }) => found.case),
    missing: acknowledged.filter((made) => !listed.has(made)),
    readOnly: await startOnReadOnly(data),
  };
}

async function startOnReadOnly(data: string): Promise<FullDisk["readOnly"]> {
  const main = new URL("../../src/cli/main.ts", import.meta.url).href;
  const args = ["run", "-A", main, "serve", "--port", "0", "--provider", "cpu", "--data", data];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" }).output();
  const words = new TextDecoder().decode(stderr);
  return { code, words, trace: /^\s+at /m.test(words) };
}

if (import.meta.main) {
  console.log(JSON.stringify(await main(Deno.args[0]), null, 2));
  Deno.exit(0);
}
