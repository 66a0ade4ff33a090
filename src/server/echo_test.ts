import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import { createApp } from "./app.ts";
import { ROUTES } from "./routes/routes.ts";
import { form, HOST, withBench } from "./testing/server.ts";
import { image } from "./testing/fake_tasks.ts";
import { NONE, spec, wish } from "./testing/refusal_cases.ts";

const test = databaseTests();
const CANARY = "DOE-JANE-1970";

/** A value with the canary as every key and every text that a client can choose. */
const inside = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inside);
  if (typeof value !== "object" || value === null) return typeof value === "string" ? CANARY : value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inside(inner)]));
};

/** Bodies with the canary at another place each. */
function bodies(): unknown[] {
  const whole: Record<string, unknown>[] = [spec, wish({ recipe: { preset: "edge" } }), { cases: [{ case: "a" }] }];
  return [
    CANARY,
    [CANARY],
    { [CANARY]: CANARY },
    { ...spec, [CANARY]: 1 },
    { ...spec, labels: [{ name: CANARY, values: [CANARY] }] },
    { ...spec, labels: [{ name: CANARY, values: [1] }, { name: CANARY, values: [1] }] },
    { ...spec, modalities: [CANARY, "t1"] },
    { ...spec, task: CANARY, classes: [CANARY, CANARY] },
    wish({ name: CANARY }),
    wish({ dataset: CANARY, base: { model: CANARY, version: CANARY } }),
    wish({ recipe: { [CANARY]: CANARY } }),
    wish({ recipe: { preset: CANARY, validation: { [CANARY]: 1 }, augmentation: { [CANARY]: CANARY } } }),
    wish({ skip: [CANARY] }),
    { cases: [{ case: CANARY, patient: "", class: CANARY, excluded: CANARY, [CANARY]: 1 }] },
    { rule: `(${CANARY}`, table: { [CANARY]: CANARY } },
    { approvedBy: CANARY, [CANARY]: CANARY },
    ...whole.map(inside),
    ...whole.map((body) => ({ ...body, deep: { [CANARY]: [[{ [CANARY]: CANARY }]] } })),
  ];
}

test("no refusal of any route has a word of the request, wherever the request has it", (database) =>
  withBench(database, async ({ services, log, place: { datasets } }) => {
    const app = createApp(services);
    const { id } = await datasets.create({ ...spec, task: "segmentation", modalities: ["t1"] });
    let refusals = 0;
    const ask = async (method: string, path: string, init: RequestInit = {}) => {
      const reply = await app.request(HOST + path, { method, ...init });
      if (reply.status < 400) return void await reply.body?.cancel();
      refusals++;
      const headers = [...reply.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      const text = headers + await reply.text();
      assert.ok(!text.includes(CANARY) && !text.includes("DOE"), `${method} ${path} ${init.body}: ${text}`);
    };
    for (const { method, path, body } of ROUTES) {
      const known = path.replaceAll("{id}", id).replaceAll("{name}", "tumour").replaceAll("{version}", "1")
        .replaceAll(/\{\w+\}/g, "t1");
      const strange = path.replaceAll(/\{\w+\}/g, CANARY);
      if (path.includes("events")) continue; // a stream
      await ask(method, strange);
      await ask(method, path.replaceAll(/\{\w+\}/g, encodeURIComponent(`${CANARY}\0`)));
      await ask(method, `${known}?${CANARY}=${CANARY}`);
      await ask(method, `${known}?${CANARY}=1&${CANARY}=2`);
      await ask(method, `${known}?name=${CANARY}^&limit=${CANARY}&before=${CANARY}&output=${CANARY}&model=${CANARY}`);
      await ask(method, known, { headers: { accept: `text/${CANARY}` } });
      await ask(method, strange, { headers: { accept: `application/${CANARY}` } });
      if (body === undefined) continue;
      await ask(method, known, { body: CANARY, headers: { "content-type": `text/${CANARY}` } });
      await ask(method, known, { body: CANARY, headers: { "content-type": "application/json" } });
      await ask(method, known, { body: CANARY, headers: { "content-type": "application/octet-stream" } });
      await ask(method, known, {
        body: `--b\r\n${CANARY}`,
        headers: { "content-type": "multipart/form-data; boundary=b" },
      });
      for (const value of body.kind === "json" ? bodies() : []) {
        await ask(method, known, { body: JSON.stringify(value), headers: { "content-type": "application/json" } });
      }
      if (body.kind === "json" || body.kind === "file") continue;
      const named = form({ [CANARY]: image() }), options = form({ t1: image() }, { [CANARY]: CANARY });
      const file = new FormData();
      file.append("files", new Blob([CANARY]), `${CANARY}.onnx`);
      for (const body of [named, options, file]) await ask(method, known, { body });
    }
    await ask("POST", `/${CANARY}`);
    await ask(CANARY.replaceAll("-", ""), "/v1/jobs");
    await ask("GET", `/v1/jobs/${NONE}`);
    assert.ok(refusals > 200, `${refusals} refusals`);
    assert.ok(!JSON.stringify(log).includes("DOE"), "nor has the log");
  }));
