/** Runs a fine-tune in this process, from the labelled cases to the candidate version. */
import { createHash } from "node:crypto";
import { candidateDraft, checkTasks, hasTemplates, networkRequest } from "../../jobs/mod.ts";
import {
  type DatasetFolder,
  LAYOUT_TITLES,
  type PlanOptions,
  readDatasetFolder,
  readDatasetZip,
} from "../../datasets/mod.ts";
import { loudFirst, type Warning } from "../../inference/mod.ts";
import { acquireLock, digestFile, DomainError, removeIfPresent } from "../../storage/mod.ts";
import type { ModelVersion } from "../../registry/mod.ts";
import {
  finetune,
  type FinetunePlan,
  type Metrics,
  patientWords,
  planFinetune,
  type Recipe,
  type TrainEvent,
} from "../../train/mod.ts";
import { checkZip } from "../options/archive.ts";
import type { Settings } from "../options/settings.ts";
import { firstDevice, onDevice } from "../options/device.ts";
import { CommandError } from "../terminal/errors.ts";
import { keepTraining, workRootOf } from "./kept_training.ts";
import { findModel, type Model, type ModelChoice } from "../options/models.ts";

export interface FinetuneOptions {
  readonly base: ModelChoice;
  readonly name: string;
  /** Folder or zip with the labelled cases. */
  readonly source: string;
  /** What the user says about the cases. */
  readonly reading: PlanOptions;
  readonly recipe: Recipe;
  readonly settings: Settings;
  /** Default: `finetunes` in the data directory. */
  readonly workRoot?: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface Finetuned {
  readonly model: string;
  readonly version: number;
  /** An earlier run of the same command made it. */
  readonly existed: boolean;
  readonly validation: Metrics | null;
  /** By the scores of held-out patients. */
  readonly warnings: readonly Warning[];
}

/**
 * Trains, or resumes where the same request was stopped, and writes the candidate.
 * @throws {CommandError} `cancelled` once the checkpoint is written
 * @throws {DomainError} data set, model or names cannot be used; `locked`
 */
export async function runFinetune(options: FinetuneOptions): Promise<Finetuned> {
  const { settings, name, recipe, signal, onEvent } = options;
  const root = await workRootOf(options.workRoot, settings, "finetunes");
  await using cases = await openCases(options, root);
  const { folder } = cases;
  for (const message of notesOf(folder)) onEvent({ type: "log", message });
  const base = await findModel(options.base, settings);
  const job = `cli-${requestHash(options, { folder, base })}`;
  const { made, existed } = await keepTraining({
    settings,
    root,
    job,
    title: "fine-tune",
    signal,
    onEvent,
    check: (registry) => checkTasks(registry, { name, base, task: folder.task }),
    train: async ({ onEvent, ...directories }) => {
      const { cases, checks, leftOut, patients } = folder;
      const log = (message: string) => onEvent({ type: "log", message });
      log(`${cases.length} cases, ${checks.length} warnings; start from ${base.name} version ${base.version}`);
      const request = {
        ...networkRequest(folder, base),
        cases,
        recipe,
        leftOut,
        patients,
        signal,
        onEvent,
        ...directories,
      };
      return await onDevice(settings, { note: log, kind: "training" }, (engine) => finetune({ ...request, engine }));
    },
    draftOf: (trained) =>
      candidateDraft(trained, { job, name, datasetHash: folder.hash, base, caseCount: folder.cases.length }),
  });
  return outcomeOf(made, existed);
}

/**
 * Plans what {@link runFinetune} would do.
 * @throws {DomainError} data set, model or names cannot be used
 */
export async function planRun(options: FinetuneOptions): Promise<FinetunePlan> {
  const { settings, recipe } = options;
  const root = await workRootOf(options.workRoot, settings, "finetunes");
  await using cases = await openCases(options, root);
  const base = await findModel(options.base, settings);
  return await planFinetune({
    request: networkRequest(cases.folder, base),
    recipe,
    cases: cases.folder.cases,
    baseHasTemplates: hasTemplates(base, cases.folder.modalities),
    provider: await firstDevice(settings),
  });
}

/** Opens the cases in their folder, or unpacks an archive until disposed. */
async function openCases(
  { source, reading }: Pick<FinetuneOptions, "source" | "reading">,
  root: string,
): Promise<{ readonly folder: DatasetFolder } & AsyncDisposable> {
  const found = await Deno.stat(source).catch(() => undefined);
  if (!found) throw new CommandError("not-found", "Cannot read --data: there is no such folder or file");
  if (found.isDirectory) {
    return { folder: checked(await readDatasetFolder(source, reading)), [Symbol.asyncDispose]: async () => {} };
  }
  await checkZip(source, {
    flag: "--data",
    expected: `the folder of the cases or a .zip of it, in ${LAYOUT_TITLES} layout`,
  });
  const { sha256 } = await digestFile(source);
  const directory = `${root}/zip-${sha256.slice(0, 16)}`;
  const lock = await acquireLock(`${directory}.lock`, { what: "the unpacked archive" });
  const remove = async () => {
    await removeIfPresent(directory);
    await removeIfPresent(`${directory}.lock`);
    lock.release();
  };
  try {
    await removeIfPresent(directory); // left by a crash
    await Deno.mkdir(directory);
    return { folder: checked(await readDatasetZip(source, directory, reading)), [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Names of cases may be those of patients, so messages use numbers. @throws {DomainError} `incomplete-dataset` */
function checked(folder: DatasetFolder): DatasetFolder {
  const errors = folder.checks.filter((c) => c.severity === "error");
  if (folder.cases.length > 0 && errors.length === 0) return folder;
  const number = (id: string) => folder.cases.findIndex((c) => c.id === id) + 1;
  const shown = errors.slice(0, 5).map((c) => `case ${number(c.case)} of ${folder.cases.length}: ${c.detail}`);
  const [first] = folder.leftOut;
  const none = first ? `all of its ${folder.leftOut.length} cases are left out: ${first.reason}` : "it has no cases";
  const more = errors.length > shown.length ? `; and ${errors.length - shown.length} more` : "";
  throw new DomainError(
    "incomplete-dataset",
    `Cannot train on --data: ${shown.join("; ") || none}${more}${errors.length > 0 ? REMEDY : ""}`,
  );
}

const REMEDY = ". Mend these cases, or leave them out with --skip-bad-cases";

/** Names of ignored files and cases that are printed; they are the user's own, on the user's terminal. */
const MOST_PRINTED = 50;

/** What was found beside the cases: whose they are, and what is not used. */
function notesOf({ patients, leftOut, ignored, notes, checks }: DatasetFolder): string[] {
  const more = (all: readonly unknown[]) => all.length > MOST_PRINTED ? ` and ${all.length - MOST_PRINTED} more` : "";
  return [
    patientWords(patients),
    ...notes,
    ...leftOut.slice(0, MOST_PRINTED).map((c) => `Left out: ${c.case} (${c.reason})`),
    ...leftOut.length > MOST_PRINTED ? [`Left out:${more(leftOut)}`] : [],
    ...ignored.length > 0
      ? [`Files that are not used: ${ignored.slice(0, MOST_PRINTED).join(", ")}${more(ignored)}`]
      : [],
    ...loudFirst(checks).slice(0, MOST_PRINTED).map((c) => `Warning: ${c.case}: ${c.detail}`),
    ...checks.length > MOST_PRINTED ? [`Warnings:${more(checks)}`] : [],
  ];
}

/** The same for the same request, base and data, wherever they lie. */
function requestHash(
  { name, recipe }: FinetuneOptions,
  { folder: { hash, task, modalities, labels, classes }, base }: { folder: DatasetFolder; base: Model },
): string {
  const { name: baseName, version, manifest: { files } } = base;
  const data = { hash, task, modalities, labels, classes };
  const text = JSON.stringify([name, recipe, data, { baseName, version, files }]);
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}

function outcomeOf(
  { name, version, manifest: { provenance: { metrics, warnings = [] } } }: ModelVersion,
  existed: boolean,
): Finetuned {
  return { model: name, version, existed, validation: Object.keys(metrics).length > 0 ? metrics : null, warnings };
}
