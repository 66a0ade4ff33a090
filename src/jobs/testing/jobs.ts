/** The workplace of the tests of data sets and jobs: a registry with models, jobs with fake tasks. */
import { type Database } from "../../storage/mod.ts";
import { Registry } from "../../registry/mod.ts";
import { draftOf, makeSource } from "../../registry/testing/packages.ts";
import type { Modality } from "../../inference/modalities.ts";
import { Datasets } from "../../datasets/store/datasets.ts";
import { Jobs, type JobsOptions } from "../jobs.ts";

export const FAKE_TASKS = import.meta.resolve("./fake_tasks.ts");

export interface Workplace {
  readonly database: Database;
  readonly dataDirectory: string;
  readonly registry: Registry;
  readonly datasets: Datasets;
  /** Jobs with fake tasks, stopped with the workplace. */
  readonly open: (options?: Partial<JobsOptions>) => Promise<Jobs>;
  /** Writes an image file that holds the behaviour of the fake segmentation. */
  readonly image: (behaviour?: Record<string, unknown>) => Promise<Partial<Record<Modality, string>>>;
}

/** Runs `fn` in an empty workplace with the served models "base" (an encoder), "tumour" and "grade". */
export async function withWorkplace(database: Database, fn: (place: Workplace) => Promise<void>): Promise<void> {
  await emptyTables(database);
  const dataDirectory = await Deno.makeTempDir();
  const opened: Jobs[] = [];
  try {
    const registry = await Registry.open({ database, dataDirectory });
    await addModels(registry);
    const datasets = await Datasets.open({ database, dataDirectory });
    let images = 0;
    await fn({
      database,
      dataDirectory,
      registry,
      datasets,
      async open(options = {}) {
        const jobs = await openFake({ database, registry, datasets, dataDirectory, ...options });
        opened.push(jobs);
        return jobs;
      },
      async image(behaviour = {}) {
        const path = `${dataDirectory}/image-${images++}`;
        await Deno.writeTextFile(path, JSON.stringify(behaviour));
        return { t1: path };
      },
    });
  } finally {
    for (const jobs of opened) await jobs.stop();
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

export async function openFake(
  options: Omit<JobsOptions, "provider" | "tasksModule"> & Partial<JobsOptions>,
): Promise<Jobs> {
  return await Jobs.open({ provider: "cpu", tasksModule: FAKE_TASKS, stopGraceMs: 2000, ...options });
}

export async function addModels(registry: Registry): Promise<void> {
  const source = await makeSource();
  const models = [
    draftOf({ name: "base", task: "encoder", labels: [] }),
    draftOf(),
    draftOf({ name: "grade", task: "classification", labels: [], classes: ["HGG", "LGG"] }),
  ];
  for (const draft of models) {
    const { name, version } = await registry.addCandidate(draft, source);
    await registry.approve(name, version, { approvedBy: "test" });
  }
  await Deno.remove(source, { recursive: true });
}

async function emptyTables(database: Database): Promise<void> {
  await database.script(
    "TRUNCATE sulcus.model_versions, sulcus.model_owners, sulcus.tokens, sulcus.sessions, sulcus.usage, sulcus.audit, sulcus.datasets, sulcus.jobs, sulcus.projects, sulcus.removals CASCADE",
  );
  const { rows } = await database.query<{ found: string | null }>("SELECT to_regclass('pgboss.job') AS found");
  if (rows[0].found) await database.script("DELETE FROM pgboss.job");
}
