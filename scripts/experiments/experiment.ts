/** Does the runs of experiments, and rewrites tables and plots whenever a row is complete. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrainEvent } from "../../src/train/mod.ts";
import { toSvg } from "./report/chart.ts";
import { toCsv, toMarkdown } from "./report/output.ts";
import { PLAN_NAMES } from "./options.ts";
import { type Finished, keyOf, type Run, type RunCache } from "./runs/runs.ts";
import { writeWhole } from "../../src/storage/mod.ts";
import { missing, performAll } from "./runs/schedule.ts";
import type { ExperimentRecord, Plan, PlannedRow, Preparation, Row } from "./types.ts";

export interface ExperimentOptions {
  readonly cache: RunCache;
  readonly outDirectory: string;
  /** The command of the plans, for the page. */
  readonly command: string;
  /** Computes nothing. */
  readonly onlyDone?: boolean;
  /** Runs at the same time; default 1. */
  readonly jobs?: number;
  /** Does a run of the plan with this name; the runs that it needs are done. */
  readonly perform: (plan: string, run: Run, onEvent: (event: TrainEvent) => void) => Promise<unknown>;
  readonly log?: (line: string) => void;
}

export interface Experiments {
  /** One a plan. */
  readonly records: readonly ExperimentRecord[];
  /** Runs that ended with an error, which was logged. */
  readonly failed: number;
}

/** A run's progress is logged this often. */
const LOG_EVERY_MS = 60_000;

/** Does the missing runs of `plans`; writes `<name>.{json,csv,svg}` of each plan and the page of all experiments. */
export async function runExperiments(plans: readonly Plan[], options: ExperimentOptions): Promise<Experiments> {
  const { cache, outDirectory, command, onlyDone = false, jobs = 1, perform, log = () => {} } = options;
  const records = new Map<Plan, ExperimentRecord>();
  const write = async (plan: Plan) => {
    const before = records.get(plan)?.rows ?? [], record = { ...await recordOf(plan, cache), command };
    records.set(plan, record);
    if (record.rows.length > before.length) await writeRecord(record, outDirectory);
    const isKnown = (row: Row) => before.some((b) => labelOf(b) === labelOf(row));
    for (const row of record.rows.filter((r) => !isKnown(r))) {
      log(`${plan.name}: ${labelOf(row)}: ${valuesText(row, plan)}`);
    }
  };
  for (const plan of plans) await write(plan);
  const planOf = new Map<string, Plan>();
  for (const plan of plans) for (const run of runsOf(plan)) planOf.set(keyOf(run), planOf.get(keyOf(run)) ?? plan);
  const left = await missing(plans.flatMap(({ rows }) => rows.flatMap((r) => r.runs)), cache);
  const progress = new RunProgress(planOf.size, left, { jobs, log });
  let failed = 0;
  const ended = performAll(onlyDone ? [] : left, {
    jobs,
    perform: async (run) => {
      progress.start(run);
      await perform(planOf.get(keyOf(run))!.name, run, (event) => progress.report(run, event));
    },
  });
  for await (const { run, error } of ended) {
    if (error === undefined) progress.done(run, await cache.find(run));
    else {
      failed++;
      log(`${run.title} failed: ${error instanceof Error ? error.message : error}`);
    }
    for (const plan of plans.filter(({ rows }) => rows.some((r) => r.runs.some((own) => keyOf(own) === keyOf(run))))) {
      await write(plan);
    }
  }
  for (const { name, rows, planned } of records.values()) log(`${name}: ${rows.length} of ${planned} rows`);
  return { records: plans.map((plan) => records.get(plan)!), failed };
}

const labelOf = ({ variant, at, seed }: Pick<Row, "variant" | "at" | "seed">) =>
  [variant, at, `seed ${seed}`].filter((s) => s !== "").join(", ");

const valuesText = ({ values }: Row, { metrics }: Plan) =>
  metrics.map((m) => `${m.name} ${values[m.key]?.toFixed(m.digits) ?? "–"}`).join(", ");

/** Every run of a plan, after the runs that it needs. */
function runsOf({ rows }: Plan): Run[] {
  const withNeeds = (run: Run): Run[] => [...run.needs.flatMap(withNeeds), run];
  return rows.flatMap((r) => r.runs).flatMap(withNeeds);
}

/** The record of the rows whose runs are done. */
async function recordOf(plan: Plan, cache: RunCache): Promise<ExperimentRecord> {
  const rows: Row[] = [], used = new Map<string, { run: Run; finished: Finished; own: boolean }>();
  for (const planned of plan.rows) {
    const found = await Promise.all(planned.runs.map((run) => cache.find(run)));
    if (!found.every((f) => f !== null)) continue;
    rows.push(rowOf(planned, found));
    for (const run of runsOf({ ...plan, rows: [planned] })) {
      const finished = await cache.find(run), own = planned.runs.includes(run);
      if (finished !== null) used.set(keyOf(run), { run, finished, own });
    }
  }
  const { name, title, notes, settings, metrics, baseline, chart } = plan;
  const all = [...used.values()];
  const machines = new Map(all.map(({ finished: { machine } }) => [JSON.stringify(machine), machine]));
  return {
    name,
    title,
    notes,
    settings,
    metrics,
    baseline,
    chart,
    machines: [...machines.values()],
    load: tenths(Math.max(0, ...all.map(({ finished: { load } }) => load))),
    planned: plan.rows.length,
    seconds: tenths(all.reduce((sum, { finished }) => sum + finished.seconds, 0)),
    preparations: all.flatMap(({ run, finished, own }) => own ? [] : preparationOf(run, finished)),
    rows,
  };
}

function rowOf({ variant, at, seed, combine }: PlannedRow, finished: readonly Finished[]): Row {
  const seconds = finished.reduce((sum, f) => sum + f.seconds, 0);
  return { variant, at, seed, ...combine(finished.map((f) => f.result)), seconds: tenths(seconds) };
}

const tenths = (v: number) => Math.round(10 * v) / 10;

/** The pre-training that a run is, if it is one: runs that only make data have no metrics. */
function preparationOf({ title }: Run, { seconds, result }: Finished): Preparation[] {
  const { metrics, provider } = result as { metrics?: unknown; provider?: unknown };
  return metrics === undefined ? [] : [{ title, seconds, result: { metrics, provider } }];
}

/** Writes the record's files, and the page from all records in the folder. */
async function writeRecord(record: ExperimentRecord, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = (extension: string) => join(folder, `${record.name}.${extension}`);
  await writeWhole(path("json"), JSON.stringify(record, null, 2) + "\n");
  await writeWhole(path("csv"), toCsv(record));
  await writeWhole(path("svg"), toSvg(record));
  await writeWhole(join(folder, "README.md"), toMarkdown(await readRecords(folder)));
}

/** The records in a folder, in the order of the plans, then by name; none where there is no such folder. */
export async function readRecords(folder: string): Promise<ExperimentRecord[]> {
  const names = (await readdir(folder).catch(() => [])).filter((f) => f.endsWith(".json")).sort();
  const found: ExperimentRecord[] = await Promise.all(
    names.map(async (f) => JSON.parse(await readFile(join(folder, f), "utf8"))),
  );
  const placeOf = ({ name, command }: ExperimentRecord) =>
    command === undefined ? PLAN_NAMES.length : PLAN_NAMES.findLastIndex((plan) => name.startsWith(`${plan}-`));
  return found.sort((a, b) => placeOf(a) - placeOf(b));
}

/** Rows of a plan's record in a folder that the plan does not have, as `variant, seed 0`: it would lose them. */
export async function lostRows({ name, rows }: Plan, folder: string): Promise<string[]> {
  const text = await readFile(join(folder, `${name}.json`), "utf8").catch(() => null);
  if (text === null) return [];
  const known: ExperimentRecord = JSON.parse(text), planned = new Set(rows.map(labelOf));
  return known.rows.map(labelOf).filter((label) => !planned.has(label));
}

/** Logs finished runs, and estimates the time left from finished runs of the same kind. */
class RunProgress {
  readonly #all: number;
  readonly #jobs: number;
  readonly #log: (line: string) => void;
  readonly #left: Map<string, Run>;
  readonly #seconds = new Map<string, number[]>();
  readonly #loggedAt = new Map<Run, number>();

  constructor(all: number, left: readonly Run[], { jobs, log }: { jobs: number; log: (line: string) => void }) {
    this.#all = all;
    this.#jobs = jobs;
    this.#log = log;
    this.#left = new Map(left.map((run) => [keyOf(run), run]));
    log(`${all - left.length} of ${all} runs are done`);
  }

  start(run: Run): void {
    this.#loggedAt.set(run, performance.now());
    this.#log(`${run.title}: begins`);
  }

  report(run: Run, event: TrainEvent): void {
    if (event.type !== "progress" || performance.now() - this.#loggedAt.get(run)! < LOG_EVERY_MS) return;
    this.#loggedAt.set(run, performance.now());
    const { step, steps, loss, etaSeconds } = event;
    this.#log(`${run.title}: update ${step} of ${steps}, loss ${loss.toFixed(3)}, ${etaSeconds} s left of it`);
  }

  done(run: Run, finished: Finished | null): void {
    this.#left.delete(keyOf(run));
    this.#seconds.set(run.kind, [...this.#seconds.get(run.kind) ?? [], finished?.seconds ?? 0]);
    const done = this.#all - this.#left.size;
    this.#log(`${run.title}: done in ${finished?.seconds} s; ${done} of ${this.#all} runs${this.#estimate()}`);
  }

  #estimate(): string {
    const times = [...this.#left.values()].map(({ kind }) => {
      const known = this.#seconds.get(kind);
      return known && known.reduce((a, b) => a + b) / known.length;
    });
    if (times.length === 0 || times.includes(undefined)) return "";
    return `, about ${Math.ceil(times.reduce((a: number, t) => a + t!, 0) / this.#jobs / 60)} min left`;
  }
}
