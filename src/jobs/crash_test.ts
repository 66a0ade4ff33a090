import assert from "node:assert/strict";
import { AuditTrail } from "../audit/mod.ts";
import { readyDataset } from "../datasets/testing/cases.ts";
import { Datasets } from "../datasets/store/datasets.ts";
import { Registry } from "../registry/mod.ts";
import type { Database } from "../storage/mod.ts";
import { mortal, walkCrashes } from "../storage/testing/crash.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { Jobs } from "./jobs.ts";
import { selectOpenJobs } from "./queue/rows.ts";
import { tasks } from "./testing/fake_tasks.ts";
import { withWorkplace } from "./testing/jobs.ts";
import type { Workplace, Workplaces } from "./worker/job_runner.ts";

const test = databaseTests();
const HOUR_MS = 3600_000;

/** Workers in this process, so that the walk reaches their operations too. */
function workplaces(dataDirectory: string): Workplaces {
  const process: Workplace["process"] = {
    restarts: 0,
    close: () => Promise.resolve(),
    run: (task, params, { provider, signal = new AbortController().signal, onEvent = () => {} }) =>
      tasks[task](params, { provider, signal, emit: onEvent, dataDirectory, devices: {} }),
  };
  return { training: { process }, inference: { process } };
}

async function openOn(database: Database, dataDirectory: string): Promise<Jobs> {
  const registry = await Registry.open({ database, dataDirectory });
  const datasets = await Datasets.open({ database, dataDirectory });
  const places = workplaces(dataDirectory);
  return await Jobs.open({ database, registry, datasets, dataDirectory, provider: "cpu", workplaces: places });
}

async function ended(jobs: Jobs, id: string): Promise<void> {
  for await (const { type } of jobs.events(id, { signal: AbortSignal.timeout(120_000) })) if (type === "done") return;
}

test("a kill at any operation of the queue loses no job, ends each once, and leaves no image", (database) =>
  withWorkplace(database, async ({ dataDirectory, datasets, image }) => {
    const dataset = await readyDataset(datasets), trail = new AuditTrail(database);
    let acknowledged: string[] = [], finished: string[] = [], start = 0;
    const filesIn = (folder: string) => [...Deno.readDirSync(`${dataDirectory}/${folder}`)].map(({ name }) => name);
    const operations = await walkCrashes({
      // a worker on PostgreSQL counts as dead after a minute without a sign of life
      slowness: database.kind === "postgres" ? 16 : 1,
      async work() {
        [acknowledged, finished] = [[], []];
        start = (await trail.head()).seq;
        const images = await image();
        const jobs = await openOn(mortal(database), dataDirectory);
        const submitted = [
          () => jobs.submit("segment", { model: "tumour", images }),
          () => jobs.submit("pretrain", { dataset, name: "mine", recipe: { preset: "paper", steps: 2 } }),
        ];
        for (const submit of submitted) {
          const { id } = await submit();
          acknowledged.push(id);
          await ended(jobs, id);
          finished.push(id);
        }
        await jobs.stop();
      },
      async check(at, isDone) {
        const where = `operation ${at}`;
        const jobs = await openOn(database, dataDirectory);
        for (const { id } of await selectOpenJobs(database)) await ended(jobs, id);
        const all = await jobs.list();
        for (const id of acknowledged) {
          const { state, error } = await jobs.get(id);
          assert.equal(state, "succeeded", `${where}: ${JSON.stringify(error)}`);
        }
        assert.deepEqual(finished.filter((id) => !all.some((job) => job.id === id)), [], where);
        const events = (await Array.fromAsync(trail.entries({ after: start }))).map(({ event }) => event);
        const ends = events.filter(({ action }) => action === "job.end").map(({ object }) => object.id);
        assert.deepEqual(ends.sort(), all.map(({ id }) => id).sort(), `${where}: each job ends once in the trail`);
        const { rows } = await database.query<{ job: string }>("SELECT job FROM sulcus.job_events WHERE type = 'done'");
        assert.deepEqual(rows.map(({ job }) => job).sort(), ends, `${where}: and once in its log`);
        for (const { id, kind } of all) {
          if (kind === "segment") assert.equal(await Deno.readTextFile(await jobs.resultFile(id)), "mask of t1", where);
        }
        const trained = all.filter(({ kind }) => kind === "pretrain");
        const made = await Registry.open({ database, dataDirectory }).then((registry) => registry.list());
        const versions = made.filter(({ name }) => name === "mine").flatMap((model) => model.versions);
        assert.equal(versions.length, trained.length, `${where}: a training makes one version`);
        await jobs.sweep(Date.now() + 2 * HOUR_MS);
        for (const id of filesIn("jobs")) {
          assert.ok(!filesIn(`jobs/${id}`).includes("input"), `${where}: images of a patient are left`);
        }
        await jobs.sweep(Date.now() + 31 * 24 * HOUR_MS);
        assert.deepEqual([filesIn("jobs"), filesIn("results")], [[], []], `${where}: nothing is left`);
        await jobs.stop();
        if (isDone) assert.equal(finished.length, 2, where); // else it may be killed while it stops
        await database.script(
          "DELETE FROM sulcus.jobs; DELETE FROM pgboss.job; DELETE FROM sulcus.model_versions WHERE name = 'mine'",
        );
        await Deno.remove(`${dataDirectory}/models/mine`, { recursive: true }).catch(() => {});
      },
    });
    assert.ok(operations > 120, `${operations} operations`);
  }));
