/**
 * The yardstick: our networks and those of others on real patients, with the same patients, threads and time.
 *
 *   deno task experiment PLAN… --work DIR --variants auto,scratch,peer-dynunet [--labelled 8,64,all] [--seeds 2]
 *     [--pretraining-updates 2000] [--budget 5m | --updates 300] [--fold 0 | --final] [--curve] [--python PY] [--threads 2] [--device cpu]
 *
 * `--work` keeps every run: stop the program at any time, the same command resumes. `--fold K` scores on a part of the
 * training part, by which settings may be chosen; `--final` scores on the test part, and writes to `docs/experiments`
 * unless `--out` names a folder. `--only-done` computes nothing and writes the files from finished runs.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openEngine, type Provider, PROVIDERS } from "../../src/engine/mod.ts";
import { lostRows, readRecords, runExperiments } from "./experiment.ts";
import { type Budget, listOf, PLAN_NAMES, type PlanName, type PlanOptions, secondsOf } from "./options.ts";
import { planOf } from "./plans/plans.ts";
import { RunProcesses } from "./processes/run_processes.ts";
import { type Device, RunCache } from "./runs/runs.ts";
import { writeWhole } from "../../src/storage/mod.ts";
import { SUMMARY_PAGE, withSummary } from "./report/summary.ts";
import { flagsOf } from "../flags.ts";

const { values, positionals } = flagsOf({
  allowPositionals: true,
  options: {
    work: { type: "string" },
    out: { type: "string" },
    variants: { type: "string", default: "auto,scratch" },
    labelled: { type: "string", default: "" },
    seeds: { type: "string", default: "1" },
    budget: { type: "string" },
    updates: { type: "string" },
    fold: { type: "string", default: "0" },
    final: { type: "boolean", default: false },
    curve: { type: "boolean", default: false },
    threads: { type: "string" },
    device: { type: "string", default: "cpu" },
    python: { type: "string", default: "python3" },
    "pretraining-updates": { type: "string", default: "2000" },
    simulated: { type: "string", default: "28" },
    base: { type: "string", default: "models/brainmvp-edge/2" },
    data: { type: "string", default: "../shared/data" },
    smoke: { type: "boolean", default: false },
    "only-done": { type: "boolean", default: false },
  },
});

function refuse(why: string): never {
  console.error(`Cannot run the experiment: ${why}`);
  Deno.exit(2);
}

/** A whole number of a flag. */
function whole(flag: string, word: string | undefined, least: number): number {
  const value = Number(word);
  return word !== undefined && Number.isInteger(value) && value >= least
    ? value
    : refuse(`expected a whole number ≥ ${least} for --${flag}, got ${word}`);
}

/** The experiments that were asked for, in the order of the page. */
function namesOf(asked: readonly string[]): PlanName[] {
  const strange = asked.find((n) => !(PLAN_NAMES as readonly string[]).includes(n));
  if (asked.length === 0 || strange !== undefined) {
    refuse(`expected some of ${PLAN_NAMES.join(", ")}, got ${strange ?? "no name"}`);
  }
  return PLAN_NAMES.filter((n) => asked.includes(n));
}

/** The device that is there. */
async function deviceOf(name: string): Promise<Device> {
  if (name !== "auto" && !(PROVIDERS as readonly string[]).includes(name)) {
    refuse(`expected --device auto or one of ${PROVIDERS.join(", ")}, got ${name}`);
  }
  const engine = await openEngine(name as Provider | "auto").catch((error) => refuse(error.message));
  await engine.close();
  const threads = values.threads === undefined ? navigator.hardwareConcurrency : whole("threads", values.threads, 1);
  return { provider: engine.provider, threads };
}

function budgetOn(device: Device): Budget {
  if (values.updates !== undefined && values.budget !== undefined) refuse("expected --budget or --updates, got both");
  if (values.updates !== undefined) return { updates: whole("updates", values.updates, 1) };
  if (values.smoke && values.budget === undefined) return { updates: 2 };
  return { seconds: secondsOf(values.budget ?? "5m"), on: device };
}

const names = namesOf(positionals), { base, data, smoke, final, curve, python } = values;
if (values.work === undefined) refuse("expected --work DIR, a folder that keeps what is done");
const workDirectory = resolve(values.work);
for (const [flag, path, inside] of [["base", base, "manifest.json"], ["data", data, "hippocampus"]] as const) {
  if (!existsSync(join(path, inside))) refuse(`expected --${flag} to hold ${inside}, got ${path}`);
}
const device = await deviceOf(values.device);
const labelled = listOf(values.labelled).map((n) => n === "all" ? null : whole("labelled", n, 1));
let options: PlanOptions;
let plans;
try {
  options = {
    seeds: Array.from({ length: whole("seeds", values.seeds, 1) }, (_, i) => i),
    variants: listOf(values.variants),
    labelled,
    budget: budgetOn(device),
    part: final ? "test" : { fold: whole("fold", values.fold, 0) },
    curve,
    base,
    data,
    pretraining: {
      updates: whole("pretraining-updates", values["pretraining-updates"], 1),
      simulated: whole("simulated", values.simulated, 1),
    },
    python,
    smoke,
  };
  plans = await Promise.all(names.map((n) => planOf(n, options)));
} catch (error) {
  refuse(error instanceof Error ? error.message : String(error));
}
const isOfficial = final && !smoke && values.out === undefined;
const outDirectory = values.out ?? (isOfficial ? "docs/experiments" : join(workDirectory, "out"));
for (const plan of isOfficial ? plans : []) {
  const lost = await lostRows(plan, outDirectory);
  if (lost.length > 0) {
    refuse(
      `expected ${plan.name} to keep what its record in ${outDirectory} has, got a plan without ${lost[0]} and ` +
        `${lost.length - 1} other rows: add these variants and seeds, or give --out another folder`,
    );
  }
}
const processes = new RunProcesses({ workDirectory, options, device });
const { failed, records } = await runExperiments(plans, {
  cache: new RunCache(workDirectory, device),
  outDirectory,
  command: commandOf(),
  onlyDone: values["only-done"],
  perform: (plan, run, onEvent) => processes.perform(names[plans.findIndex((p) => p.name === plan)], run, onEvent),
  log: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
processes.close();
for (const { name } of records) console.log(`${join(outDirectory, name)}.json`);
if (isOfficial) {
  const page = await readFile(SUMMARY_PAGE, "utf8");
  await writeWhole(SUMMARY_PAGE, withSummary(page, await readRecords(outDirectory)));
}
if (failed > 0) Deno.exit(1);

/** The command without what belongs to a machine. */
function commandOf(): string {
  const own = ["work", "out", "python", "data", "only-done", "device"];
  const words: string[] = [];
  for (let i = 0; i < Deno.args.length; i++) {
    const flag = own.find((f) => Deno.args[i] === `--${f}` || Deno.args[i].startsWith(`--${f}=`));
    if (flag === undefined) words.push(Deno.args[i]);
    else if (Deno.args[i] === `--${flag}` && flag !== "only-done") i++;
  }
  return ["deno task experiment", ...words, "--work DIR"].join(" ");
}
