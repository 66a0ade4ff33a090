/** A training survives the SIGKILL of its server. Real processes, embedded database. */
import assert from "node:assert/strict";
import { lives } from "../process/testing/lives.ts";
import { openDatabase } from "../storage/mod.ts";
import { Registry } from "../registry/mod.ts";
import { Datasets } from "../datasets/store/datasets.ts";
import type { Trace } from "./testing/fake_tasks.ts";
import { openFake } from "./testing/jobs.ts";

const STEPS = 25;

/** The program of the server: submits a training and prints its progress until it is killed. */
function serverScript(dataDirectory: string): string {
  const from = (file: string) => JSON.stringify(import.meta.resolve(file));
  return `
    import { openDatabase } from ${from("../storage/mod.ts")};
    import { Registry } from ${from("../registry/mod.ts")};
    import { Datasets } from ${from("../datasets/store/datasets.ts")};
    import { readyDataset } from ${from("../datasets/testing/cases.ts")};
    import { addModels, openFake } from ${from("./testing/jobs.ts")};
    const dataDirectory = ${JSON.stringify(dataDirectory)};
    const database = await openDatabase({ dataDirectory });
    const registry = await Registry.open({ database, dataDirectory });
    await addModels(registry);
    const datasets = await Datasets.open({ database, dataDirectory });
    const jobs = await openFake({ database, registry, datasets, dataDirectory });
    const { id } = await jobs.submit("finetune", {
      dataset: await readyDataset(datasets),
      base: { model: "base" },
      name: "mine",
      recipe: { preset: "edge", steps: ${STEPS}, learningRate: 0.1 },
    });
    for await (const { type, data } of jobs.events(id)) console.log(JSON.stringify({ id, type, step: data.step }));`;
}

/** Kills the server with SIGKILL once its training has done `steps` steps, and returns the job's id. */
async function runAndKill(dataDirectory: string, steps: number): Promise<string> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["eval", serverScript(dataDirectory)],
    cwd: import.meta.dirname,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  try {
    for await (const chunk of server.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const lines = text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
      const reached = lines.find((line) => line.step >= steps);
      if (reached) return reached.id;
    }
    throw new Error(`The server ended before step ${steps}: ${text}`);
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}

Deno.test("a training whose server is killed resumes at the next start and finishes once", async () => {
  const dataDirectory = await Deno.makeTempDir();
  try {
    const id = await runAndKill(dataDirectory, 5);
    const database = await openDatabase({ dataDirectory });
    const { rows } = await database.query("SELECT state FROM sulcus.jobs");
    assert.deepEqual(rows, [{ state: "running" }], "the killed process left the job running");
    const registry = await Registry.open({ database, dataDirectory });
    const datasets = await Datasets.open({ database, dataDirectory });
    const jobs = await openFake({ database, registry, datasets, dataDirectory });
    const events = await Array.fromAsync(jobs.events(id, { signal: AbortSignal.timeout(60_000) }));
    const record = await jobs.get(id);
    assert.equal(record.state, "succeeded", JSON.stringify(record.error));
    assert.equal(events.filter((e) => e.type === "done").length, 1);
    assert.deepEqual((await registry.get("mine")).versions, [{ version: 1, state: "candidate" }]);

    const trace: Trace[] = JSON.parse(await Deno.readTextFile(await jobs.reportFile(id, "json")));
    assert.deepEqual(trace.map((t) => t.step), Array.from({ length: STEPS }, (_, i) => i + 1));
    const [first, second] = [...new Set(trace.map((t) => t.pid))];
    assert.ok(second, "the job was not resumed by another process");
    const resumedAt = trace.findIndex((t) => t.pid === second);
    assert.ok(resumedAt >= 5, `resumed at step ${resumedAt}`);
    const log = events.filter((e) => e.type === "log").map((e) => e.data.message);
    assert.deepEqual(log, [
      "starts at step 0",
      "The server was restarted; the job resumes from its last checkpoint",
      `starts at step ${resumedAt}`,
    ]);
    assert.ok(!lives(first), "the first worker is still alive");
    await jobs.stop();
    await database.close();
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});
