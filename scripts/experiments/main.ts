/**
 * Experiments that measure whether pre-training helps.
 *
 *   deno task experiment NAME…|all --work DIR [--jobs 1] [--device cpu] [--seeds 3] [--out docs/experiments]
 *
 * `--work` keeps every run: stop the program at any time, the same command resumes. `--jobs N` does N runs at a time, each
 * with its share of the processor's threads. Without `--out` the table in `docs/pretraining.md` is rewritten too.
 *
 * `--smoke` takes a tiny network and a few updates, to see that everything works. `--only-done` computes nothing and
 * writes the files from finished runs: of `--work` it needs the folder `results` only, from any machine.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openEngine, type Provider, PROVIDERS } from "../../src/engine/mod.ts";
import { readRecords, runExperiments } from "./experiment.ts";
import { PLAN_NAMES, type PlanName, planOf, type PlanOptions } from "./plans/plans.ts";
import { RunProcesses } from "./processes/run_processes.ts";
import { type Device, RunCache } from "./runs/runs.ts";
import { writeWhole } from "../../src/storage/mod.ts";
import { SUMMARY_PAGE, withSummary } from "./report/summary.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string" },
    out: { type: "string" },
    jobs: { type: "string", default: "1" },
    device: { type: "string", default: "cpu" },
    seeds: { type: "string", default: "3" },
    base: { type: "string", default: "models/brainmvp-edge/2" },
    data: { type: "string", default: "../shared/data" },
    steps: { type: "string" },
    "pretraining-steps": { type: "string" },
    smoke: { type: "boolean", default: false },
    "only-done": { type: "boolean", default: false },
  },
});

function refuse(why: string): never {
  console.error(`Cannot run the experiment: ${why}`);
  Deno.exit(2);
}

/** A whole number of a flag. */
function whole(flag: "jobs" | "seeds" | "steps" | "pretraining-steps"): number {
  const value = Number(values[flag]);
  return Number.isInteger(value) && value >= 1
    ? value
    : refuse(`expected a whole number for --${flag}, got ${values[flag]}`);
}

const optional = (flag: "steps" | "pretraining-steps") => values[flag] === undefined ? undefined : whole(flag);

/** The experiments that were asked for, in the order of the page. */
function namesOf(asked: readonly string[]): PlanName[] {
  const strange = asked.find((n) => n !== "all" && !(PLAN_NAMES as readonly string[]).includes(n));
  if (asked.length === 0 || strange !== undefined) {
    refuse(`expected all or some of ${PLAN_NAMES.join(", ")}, got ${strange ?? "no name"}`);
  }
  return PLAN_NAMES.filter((n) => asked.includes("all") || asked.includes(n));
}

/** The device that is there, with a run's share of the threads. */
async function deviceOf(name: string, jobs: number): Promise<Device> {
  if (name !== "auto" && !(PROVIDERS as readonly string[]).includes(name)) {
    refuse(`expected --device auto or one of ${PROVIDERS.join(", ")}, got ${name}`);
  }
  const engine = await openEngine(name as Provider | "auto").catch((error) => refuse(error.message));
  await engine.close();
  return { provider: engine.provider, threads: Math.max(1, Math.floor(navigator.hardwareConcurrency / jobs)) };
}

const names = namesOf(positionals), jobs = whole("jobs"), { base, data, smoke } = values;
if (values.work === undefined) refuse("expected --work DIR, a folder that keeps what is done");
const workDirectory = resolve(values.work);
const usesPatients = names.some((n) => n === "ms-lesion" || n === "modality-classifier");
for (const [flag, path, inside] of [["base", base, "manifest.json"], ["data", data, "ms"]] as const) {
  if (usesPatients && !existsSync(join(path, inside))) refuse(`expected --${flag} to hold ${inside}, got ${path}`);
}
const options: PlanOptions = {
  seeds: Array.from({ length: whole("seeds") }, (_, i) => i),
  base,
  data,
  smoke,
  steps: optional("steps"),
  pretrainingSteps: optional("pretraining-steps"),
};
const onlyDone = values["only-done"], isOfficial = !smoke && values.out === undefined;
const outDirectory = values.out ?? (smoke ? join(workDirectory, "out") : "docs/experiments");
const device: Device = onlyDone ? { provider: "cpu", threads: 1 } : await deviceOf(values.device, jobs);
const processes = new RunProcesses({ workDirectory, options, device });
const { failed } = await runExperiments(await Promise.all(names.map((n) => planOf(n, options))), {
  cache: new RunCache(workDirectory, device),
  outDirectory,
  onlyDone,
  jobs,
  perform: (plan, run, onEvent) => processes.perform(plan as PlanName, run, onEvent),
  log: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
await processes.close();
if (isOfficial) {
  const page = await readFile(SUMMARY_PAGE, "utf8");
  await writeWhole(SUMMARY_PAGE, withSummary(page, await readRecords(outDirectory)));
}
if (failed > 0) Deno.exit(1);
