/**
 * A patient's name in every place where a client may write one, carried through every route: it comes back to whoever may
 * see the data set, and gets nowhere else. After the deletion no byte of it is left.
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { unzipSync } from "fflate";
import { tinyNifti } from "../datasets/testing/cases.ts";
import { makeNifti } from "../volume/testing/fixtures.ts";
import type { LogEntry } from "./observe/log.ts";
import { ROUTES } from "./routes/routes.ts";
import { pathPattern } from "./http/route.ts";
import { until, withServer } from "./testing/running.ts";
import { zipOf } from "./testing/server.ts";

const CANARY = "DOE^JANE^1970";
/** As it stands in addresses and in the headers of files, which have few bytes for it. */
const FORMS = [CANARY, encodeURIComponent(CANARY), "DOE^JANE"];
const latin = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
const holds = (text: string) => FORMS.some((form) => text.includes(form));

/** Routes that take nothing from a client which may hold a name, or that another test of canaries covers (`echo_test.ts`). */
const OTHERS =
  /^\w+ (\/|\/docs|\/openapi\.json|\/page\/.*|\/health\/.*|\/log(in|out).*|\/v1\/(me|tokens.*|projects.*))$/;

/** An image with the canary in every text of its header, and in the name that gzip keeps. */
async function named(values?: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
  const plain = await tinyNifti({ values, gzip: false }), text = makeNifti({ text: CANARY });
  for (const [at, length] of [[4, 10], [14, 18], [148, 80], [228, 24], [328, 16]]) {
    plain.set(text.subarray(at, at + length), at);
  }
  const zipped = gzipSync(plain), name = new TextEncoder().encode(`${CANARY}.nii\0`);
  const bytes = new Uint8Array([...zipped.subarray(0, 10), ...name, ...zipped.subarray(10)]);
  bytes[3] = 8; // a name follows
  assert.ok(holds(latin(bytes)));
  return bytes;
}

/** Files and folders below one, and what of them holds the canary: their names, their content. */
async function holding(folder: string): Promise<{ names: string[]; contents: string[] }> {
  const names: string[] = [], contents: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (holds(name)) names.push(path);
    const inner = isDirectory ? await holding(path) : undefined;
    names.push(...inner?.names ?? []);
    contents.push(...inner?.contents ?? (holds(latin(await Deno.readFile(path))) ? [path] : []));
  }
  return { names, contents };
}

/** Notes the name of every file and folder that appears below one, however short it lives, until it is disposed of. */
function watchNames(folder: string): Disposable & { readonly seen: Set<string> } {
  const watcher = Deno.watchFs(folder), seen = new Set<string>();
  const run = async () => {
    for await (const { paths } of watcher) for (const path of paths) seen.add(path);
  };
  run().catch(() => {}); // closed
  return { seen, [Symbol.dispose]: () => watcher.close() };
}

Deno.test("a patient's name gets into no log, metric, header, error, file name, package or trail, and goes with its data set", () => {
  const log: LogEntry[] = [], called = new Set<string>(), leaks: string[] = [];
  return withServer(async ({ url }, data) => {
    using watched = watchNames(data);
    const ask = async (method: string, path: string, init: RequestInit & { json?: unknown } = {}) => {
      const { json, ...rest } = init, headers = new Headers(rest.headers);
      if (json !== undefined) headers.set("content-type", "application/json");
      const body = json === undefined ? rest.body : JSON.stringify(json);
      const reply = await fetch(url + path, { ...rest, method, headers, body, redirect: "manual" });
      const { pathname } = new URL(url + path);
      const route = ROUTES.find((each) => each.method === method && pathPattern(each).test(pathname));
      if (reply.ok) called.add(`${route?.method} ${route?.path}`);
      const head = [...reply.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      if (holds(head)) leaks.push(`${method} ${route?.path}: ${head}`);
      const bytes = new Uint8Array(await reply.arrayBuffer());
      const mayShow = reply.ok && /^\/v1\/(datasets|jobs|finetunes|pretrainings)/.test(route!.path);
      if (!mayShow && holds(latin(bytes))) leaks.push(`${method} ${route?.path} ${reply.status}: ${latin(bytes)}`);
      return { status: reply.status, bytes, json: () => JSON.parse(new TextDecoder().decode(bytes)) };
    };
    const done = async (...asked: Parameters<typeof ask>) => {
      const reply = await ask(...asked);
      assert.ok(reply.status < 300, `${asked[0]} ${asked[1]}: ${reply.status} ${latin(reply.bytes)}`);
      return reply;
    };
    const octets = { "content-type": "application/octet-stream" };
    const parts = (files: Record<string, Uint8Array<ArrayBuffer>>, options?: unknown) => {
      const form = new FormData();
      for (const [name, bytes] of Object.entries(files)) form.append(name, new Blob([bytes]), `${CANARY}.nii.gz`);
      if (options !== undefined) form.append("options", JSON.stringify(options));
      return { body: form };
    };
    const spec = {
      name: `Cases of ${CANARY}`,
      task: "segmentation",
      modalities: ["t1", "flair"],
      labels: [{ name: "lesion", values: [1] }],
    };

    // data sets
    const { id } = (await done("POST", "/v1/datasets", { json: spec })).json();
    const of = (rest = "") => `/v1/datasets/${id}/cases/${encodeURIComponent(CANARY)}${rest}`;
    const image = await named(), label = await named([0, 1]);
    await done("PUT", of(), parts({ t1: image, flair: image }, { patient: `${CANARY} A` }));
    await done("PUT", of("/t1"), { headers: octets, body: await named([3, 1]) });
    await done("PUT", of("/label"), { headers: octets, body: label });
    await done("PUT", of("/patient"), { json: { patient: CANARY } });
    await done("PUT", `/v1/datasets/${id}/patients`, { json: { table: `case,patient\n${CANARY},${CANARY} B` } });
    await done("PUT", of("%202"), parts({ t1: image, flair: image }, { excluded: `${CANARY} moved` }));
    await done("POST", `/v1/datasets/${id}/cases`, { json: { cases: [{ case: `${CANARY} 2`, excluded: CANARY }] } });
    await done("GET", "/v1/datasets");
    const classes = { ...spec, task: "classification", labels: [], classes: [`${CANARY} type`, "another"] };
    const graded = (await done("POST", "/v1/datasets", { json: classes })).json().id;
    await done("PUT", `/v1/datasets/${graded}/cases/${encodeURIComponent(CANARY)}/class`, {
      json: { class: classes.classes[0], patient: CANARY },
    });
    const archive = zipOf({
      "dataset.json": JSON.stringify({ ...spec, modalities: ["t1"], cases: { [CANARY]: { patient: CANARY } } }),
      [`cases/${CANARY}/t1.nii.gz`]: image,
      [`${CANARY}.txt`]: CANARY,
    });
    const imported = (await done("POST", "/v1/datasets/import", { body: archive })).json().id;
    assert.ok(holds(latin((await done("GET", `/v1/datasets/${imported}`)).bytes)), "whoever may see it does");
    const trainable = (await done("GET", `/v1/datasets/${id}`)).json();
    assert.ok(trainable.ready, JSON.stringify(trainable.checks));

    // requests and jobs
    const scan = new Uint8Array([0x5c, 1, 0, 0, ...new TextEncoder().encode(JSON.stringify({ of: CANARY }))]);
    await done("POST", "/v1/models/tumour/segment", parts({ t1: scan }));
    await done("POST", "/v1/models/grade/classify", parts({ t1: scan }));
    const later = await done("POST", "/v1/models/tumour/segment", {
      ...parts({ t1: scan }),
      headers: { prefer: "respond-async" },
    });
    const ended = async (job: string) => {
      await until("the job has ended", async () => (await done("GET", `/v1/jobs/${job}`)).json().finishedAt);
      assert.equal((await done("GET", `/v1/jobs/${job}`)).json().state, "succeeded");
      return job;
    };
    await done("GET", `/v1/jobs/${await ended(later.json().id)}/mask`);
    const wish = { dataset: id, name: "mine", base: { model: "base" }, recipe: { steps: 2 }, skip: [`${CANARY} 2`] };
    const training = await ended((await done("POST", "/v1/finetunes", { json: wish })).json().id);
    await done("GET", `/v1/jobs/${training}/report`);
    await done("GET", `/v1/jobs/${training}/report`, { headers: { accept: "text/html" } });
    await done("GET", `/v1/jobs/${training}/events`);
    await ask("POST", `/v1/jobs/${training}/cancel`);
    const pretraining = { dataset: id, name: "encoder", recipe: { steps: 2 } };
    await ended((await done("POST", "/v1/pretrainings", { json: pretraining })).json().id);
    await ask("POST", "/v1/finetunes/plan", { json: { dataset: id, base: { model: "base" }, skip: [CANARY] } });
    await done("GET", "/v1/jobs");

    // models, of which packages leave the house
    const form = new FormData();
    const network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    form.append("files", new Blob([network]), `${CANARY}.onnx`);
    const query = "roi=32&features=coarse&modalities=t1,t1c,t2,flair";
    await done("POST", `/v1/models/import?name=cnn&${query}`, { body: form });
    await done("POST", `/v1/models/inspect?${query}`, { body: form });
    await done("POST", "/v1/models/cnn/versions/1/features", { json: { features: ["auto"] } });
    const own = unzipSync((await done("GET", "/v1/models/cnn/versions/1/package")).bytes);
    const manifest = { ...JSON.parse(new TextDecoder().decode(own["manifest.json"])), name: "brought" };
    await done("POST", "/v1/models", { body: zipOf({ ...own, "manifest.json": JSON.stringify(manifest) }) });
    for (const [name, version] of [["mine", 1], ["encoder", 1], ["cnn", 1], ["cnn", 2]]) {
      const { bytes } = await done("GET", `/v1/models/${name}/versions/${version}/package`);
      for (const [file, content] of Object.entries(unzipSync(bytes))) {
        if (holds(file) || holds(latin(content))) leaks.push(`${file} of the package of ${name}`);
      }
    }
    await done("GET", "/v1/models");
    await done("GET", "/v1/models/mine");
    await done("GET", "/v1/models/mine/versions/1");
    await done("POST", "/v1/models/mine/versions/1/approve", { json: { approvedBy: "Dr Grey" } });
    await ask("POST", "/v1/models/mine/rollback", { json: { approvedBy: "Dr Grey" } });
    for (const path of [`/v1/datasets/${id}/access`, "/v1/models/mine/access"]) {
      await done("GET", path);
      await done("PUT", path, { json: { with: "project", project: "neuro" } });
    }
    await done("GET", "/metrics");
    await done("GET", "/version");
    await done("GET", "/v1/audit");

    // the way out
    const before = await holding(data);
    assert.notDeepEqual(before.contents, [], "the canary is found where it is");
    await done("DELETE", of("%202"));
    for (const each of [id, graded, imported]) await done("DELETE", `/v1/datasets/${each}`);
    await done("GET", "/v1/jobs");
    assert.ok(!holds(latin((await ask("GET", "/v1/jobs")).bytes)), "no job names a deleted case");
    const after = await holding(data);
    assert.deepEqual([before.names, after], [[], { names: [], contents: [] }], "names and contents of files");
    assert.deepEqual([...watched.seen].filter(holds), [], "names of files that lived shortly");
    assert.ok(watched.seen.size > 20, "the watch sees files");
    assert.deepEqual(leaks, []);
    assert.ok(log.length > 20 && !holds(JSON.stringify(log)), "the log");
    const left = ROUTES.map(({ method, path }) => `${method} ${path}`).filter((name) => !OTHERS.test(name));
    assert.deepEqual(left.filter((name) => !called.has(name)), [
      "POST /v1/models/{name}/rollback",
      "POST /v1/finetunes/plan",
      "POST /v1/jobs/{id}/cancel",
    ], "asked above, and refused");
  }, { log: (entry) => log.push(entry) });
});
