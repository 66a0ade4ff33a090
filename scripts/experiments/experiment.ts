/** Does an experiment's rows one after the other, and writes what is known so far after each. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { toSvg } from "./chart.ts";
import { toCsv, toMarkdown } from "./output.ts";
import { keyOf, type Run, RunCache, writeWhole } from "./runs.ts";
import type { ExperimentRecord, Plan, PlannedRow, Preparation, Row } from "./types.ts";

export interface ExperimentOptions {
  readonly workDirectory: string;
  readonly outDirectory: string;
  /** Only rows whose runs are done. */
  readonly onlyDone?: boolean;
  readonly log?: (line: string) => void;
}

/** Steps of a run are told this often. */
const TELL_EVERY_MS = 60_000;

/** Runs `plan` as far as it is not done and writes `<name>.{json,csv,svg}` and the page of all experiments. */
export async function runExperiment(plan: Plan, options: ExperimentOptions): Promise<ExperimentRecord> {
  const { workDirectory, outDirectory, onlyDone = false, log = () => {} } = options;
  const progress = new Progress(plan, log);
  const runs = new RunCache(join(workDirectory, "runs"), {
    onStart: (run) => progress.start(run),
    onEvent: (_, event) => {
      if (event.type === "progress") progress.tell(event);
    },
  });
  await progress.open(runs);
  let record = recordOf(plan, [], []);
  for (const [i, planned] of plan.rows.entries()) {
    if (onlyDone && !(await isDone(planned, runs))) continue;
    const row = await rowOf(planned, runs, progress);
    const preparations = await preparationsOf(plan.rows.slice(0, i + 1), runs);
    record = recordOf(plan, [...record.rows, row], preparations);
    await writeRecord(record, outDirectory);
    const numbers = plan.metrics.map((m) => `${m.name} ${row.values[m.key]?.toFixed(m.digits) ?? "–"}`).join(", ");
    log(`${i + 1} of ${plan.rows.length} rows: ${labelOf(planned)}: ${numbers}`);
  }
  return record;
}

const labelOf = ({ variant, at, seed }: PlannedRow) => [variant, at, `seed ${seed}`].filter((s) => s !== "").join(", ");

async function isDone({ runs: own }: PlannedRow, runs: RunCache): Promise<boolean> {
  for (const run of own) if (await runs.find(run) === null) return false;
  return true;
}

async function rowOf(planned: PlannedRow, runs: RunCache, progress: Progress): Promise<Row> {
  const results: unknown[] = [];
  let seconds = 0;
  for (const run of planned.runs) {
    const finished = await runs.get(run);
    await progress.done(runs);
    results.push(finished.result);
    seconds += finished.seconds;
  }
  const { variant, at, seed } = planned;
  return { variant, at, seed, ...planned.combine(results), seconds: tenths(seconds) };
}

const tenths = (v: number) => Math.round(10 * v) / 10;

/** The runs that rows share, each once. */
async function preparationsOf(rows: readonly PlannedRow[], runs: RunCache): Promise<Preparation[]> {
  const needed = new Map(rows.flatMap((r) => r.runs).flatMap((r) => r.needs).map((run) => [keyOf(run), run]));
  const found: Preparation[] = [];
  for (const run of needed.values()) {
    const finished = await runs.find(run);
    if (finished === null) continue;
    const { metrics, provider } = finished.result as { metrics?: unknown; provider?: unknown };
    found.push({ title: run.title, seconds: finished.seconds, result: { metrics, provider } });
  }
  return found;
}

function recordOf(plan: Plan, rows: readonly Row[], preparations: readonly Preparation[]): ExperimentRecord {
  const { name, title, notes, settings, metrics, baseline, chart } = plan;
  const processors = cpus();
  return {
    name,
    title,
    notes,
    settings,
    metrics,
    baseline,
    chart,
    machine: { cpu: processors[0]?.model.trim() ?? "unknown", cores: processors.length, providers: ["cpu"] },
    planned: plan.rows.length,
    seconds: tenths([...rows, ...preparations].reduce((s, r) => s + r.seconds, 0)),
    preparations,
    rows,
  };
}

/** Writes the record's files, and the page from all records in the folder. */
async function writeRecord(record: ExperimentRecord, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = (extension: string) => join(folder, `${record.name}.${extension}`);
  await writeWhole(path("json"), JSON.stringify(record, null, 2) + "\n");
  await writeWhole(path("csv"), toCsv(record));
  await writeWhole(path("svg"), toSvg(record));
  const names = (await readdir(folder)).filter((f) => f.endsWith(".json"));
  const records = await Promise.all(names.map(async (f) => JSON.parse(await readFile(join(folder, f), "utf8"))));
  const order = (r: ExperimentRecord) => ORDER.indexOf(r.name);
  await writeWhole(join(folder, "README.md"), toMarkdown(records.sort((a, b) => order(a) - order(b))));
}

/** On the page. */
const ORDER = ["pretraining-parts", "label-efficiency", "ms-lesion", "modality-classifier"];

/** Tells what is done, and how long the rest takes if its runs take as long as those of their kind did. */
class Progress {
  readonly #all: ReadonlyMap<string, Run>;
  readonly #log: (line: string) => void;
  #left: readonly Run[] = [];
  #means = new Map<string, number>();
  #told = 0;

  constructor({ rows }: Plan, log: (line: string) => void) {
    const all = rows.flatMap((r) => r.runs).flatMap((run) => [...run.needs, run]);
    this.#all = new Map(all.map((run) => [keyOf(run), run]));
    this.#log = log;
  }

  async open(runs: RunCache): Promise<void> {
    await this.done(runs);
    this.#log(`${this.#all.size - this.#left.length} of ${this.#all.size} runs are done${this.#estimate()}`);
  }

  async done(runs: RunCache): Promise<void> {
    const left: Run[] = [], times = new Map<string, number[]>();
    for (const run of this.#all.values()) {
      const finished = await runs.find(run);
      if (finished === null) left.push(run);
      else times.set(run.kind, [...times.get(run.kind) ?? [], finished.seconds]);
    }
    this.#left = left;
    this.#means = new Map([...times].map(([kind, s]) => [kind, s.reduce((a, b) => a + b, 0) / s.length]));
  }

  start(run: Run): void {
    this.#told = performance.now();
    this.#log(`${run.title}; ${this.#left.length} runs left${this.#estimate()}`);
  }

  tell({ step, steps, loss, etaSeconds }: { step: number; steps: number; loss: number; etaSeconds: number }): void {
    if (performance.now() - this.#told < TELL_EVERY_MS) return;
    this.#told = performance.now();
    this.#log(`  update ${step} of ${steps}, loss ${loss.toFixed(3)}, ${etaSeconds} s left of it`);
  }

  #estimate(): string {
    const times = this.#left.map((run) => this.#means.get(run.kind));
    if (times.length === 0 || times.includes(undefined)) return "";
    return `, about ${Math.ceil(times.reduce((a: number, t) => a + t!, 0) / 60)} minutes`;
  }
}
