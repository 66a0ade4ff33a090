/**
 * Data sets: records in the database, case files on disk under random names. Not a PACS: neither headers nor users'
 * file names are kept.
 */
import { dirname } from "node:path";
import {
  type Database,
  DomainError,
  isUuid,
  type Queryable,
  removeIfEmpty,
  removeIfPresent,
  sweepFolder,
} from "../../storage/mod.ts";
import { ANY_MODALITY } from "../../inference/mod.ts";
import type { LeftOut, PretrainingCase, TrainingCase } from "../../train/mod.ts";
import { Readers } from "../../process/mod.ts";
import { newCaseFolder, storeCaseFile } from "./case_files.ts";
import { changeCases, checkClass, givePatients, replaceFiles } from "./changes.ts";
import { trainingCaseOf } from "../checks/checks.ts";
import { type ImportedDataset, MAX_FILE_BYTES } from "./import.ts";
import { importInProcess } from "./import_process.ts";
import type { PlanOptions } from "../layouts/layouts.ts";
import type { GivenPatients } from "../patients/patients.ts";
import {
  deleteVerdict,
  forgetCases,
  insertCase,
  insertDataset,
  lockUnused,
  selectDataset,
  selectDatasets,
  selectFiles,
  type StoredFile,
  updateCase,
  upsertCase,
  upsertFile,
} from "./rows.ts";
import { removeReport } from "../../registry/mod.ts";
import { KeptVerdicts, readCases, type ReadDataset, readDataset } from "./read.ts";
import { Inspector } from "../checks/inspect.ts";
import { caseNameSchema, checkSpec } from "../spec.ts";
import type { CaseChange, DatasetCase, DatasetDetail, DatasetSpec, DatasetSummary, Role, Skip } from "../types.ts";

export interface DatasetsOptions {
  readonly database: Database;
  /** Files live in `<dataDirectory>/datasets`. */
  readonly dataDirectory: string;
  /** Largest case file, bytes. Default 2 GiB. */
  readonly maxFileBytes?: number;
  /** Read archives from outside, and bound the inspection of single files. Default: some of its own. */
  readonly readers?: Readers;
}

/** Tables with names of cases, patients and reasons. */
const TABLES_OF_CASES = [
  "sulcus.datasets",
  "sulcus.dataset_cases",
  "sulcus.dataset_files",
  "sulcus.dataset_checks",
  "sulcus.jobs",
  "sulcus.job_events",
];

/** Whose a new data set is. */
interface Owned {
  /** Id of an identity. Default null: it belongs to everybody with the role. */
  readonly owner?: string | null;
}

/** Folders without a record that are younger than this may be an import under way. */
const ORPHAN_AGE_MS = 24 * 3600 * 1000;

export class Datasets {
  readonly #database: Database;
  readonly #dataDirectory: string;
  readonly #root: string;
  readonly #inspector: Inspector;
  readonly #kept = new KeptVerdicts();
  readonly #readers: Readers;
  readonly #maxFileBytes: number;
  /** Rows of cases were deleted whose bytes may still lie in the database's files; unknown of a former process. */
  #hasDeleted = true;

  private constructor(options: DatasetsOptions) {
    this.#database = options.database;
    this.#dataDirectory = options.dataDirectory;
    this.#root = `${options.dataDirectory}/datasets`;
    this.#maxFileBytes = options.maxFileBytes ?? MAX_FILE_BYTES;
    this.#readers = options.readers ?? new Readers();
    this.#inspector = new Inspector({ reads: [this.#root], bounds: this.#readers.bounds });
  }

  /** Opens the folder of data sets and removes the files that a crash left without a record. */
  static async open(options: DatasetsOptions): Promise<Datasets> {
    const datasets = new Datasets(options);
    await Deno.mkdir(datasets.#root, { recursive: true });
    // No other process uses an embedded database: whatever has no record was left by a crash.
    await datasets.#sweepFiles(options.database.kind === "pglite" ? Infinity : Date.now() - ORPHAN_AGE_MS);
    return datasets;
  }

  /** @throws {DomainError} `invalid-dataset` */
  async create(spec: DatasetSpec, { owner = null }: Owned = {}): Promise<DatasetDetail> {
    checkSpec(spec);
    const id = crypto.randomUUID();
    await insertDataset(this.#database, id, spec, owner);
    return await this.get(id);
  }

  /** Newest first. */
  async list(): Promise<DatasetSummary[]> {
    return await selectDatasets(this.#database);
  }

  /** @throws {DomainError} `not-found` */
  async get(id: string): Promise<DatasetDetail> {
    return (await this.#read(id)).detail;
  }

  /**
   * Deletes records and files, and what trainings kept of the cases: reports that name them, checkpoints with prepared
   * cases, and names of cases in the jobs' records.
   * @throws {DomainError} `not-found`, `dataset-in-use`
   */
  async delete(id: string): Promise<void> {
    const jobs = await this.#database.transaction(async (tx) => {
      await lockUnused(tx, id);
      await tx.query("DELETE FROM sulcus.datasets WHERE id = $1", [id]);
      return await forgetCases(tx, id);
    });
    await removeIfPresent(`${this.#root}/${id}`);
    for (const job of jobs) {
      await removeReport(this.#dataDirectory, job);
      await removeIfPresent(`${this.#dataDirectory}/jobs/${job}`);
    }
    await this.#purge();
  }

  /**
   * Stores or replaces one file of a case; the case appears with its first file.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `unknown-modality`, `invalid-request`, `invalid-volume`,
   * `too-large`
   */
  async putFile(
    id: string,
    caseName: string,
    role: Role,
    source: ReadableStream<Uint8Array>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ sha256: string; bytes: number }> {
    checkCaseName(caseName, "case");
    checkRole(role, await selectDataset(this.#database, id));
    await this.#database.transaction((tx) => lockUnused(tx, id));
    const stored = await this.#store(source, { id, folder: newCaseFolder(), role, signal });
    const change = this.#change(id, async (tx) => {
      const superfluous = await upsertFile(tx, await upsertCase(tx, id, caseName), stored);
      return superfluous === null ? [] : [superfluous];
    });
    await this.#unlessRefused(id, [stored], change);
    return { sha256: stored.sha256, bytes: stored.bytes };
  }

  /**
   * Puts a whole case in the place of the one of this name, if there is one. Patient, class and exclusion stay where they
   * are not given.
   * @throws {DomainError} as {@link putFile} and {@link putClass}
   */
  async putCase(
    id: string,
    caseName: string,
    { files, class: className, patient, excluded }: {
      readonly files: ReadonlyMap<Role, () => Promise<ReadableStream<Uint8Array>>>;
    } & Omit<CaseChange, "case" | "delete">,
  ): Promise<DatasetCase> {
    checkCaseName(caseName, "case");
    if (patient != null) checkCaseName(patient, "patient");
    const summary = await selectDataset(this.#database, id);
    if (files.size === 0) throw new DomainError("invalid-request", "Cannot store a case: expected a file, got none");
    if (className !== undefined) checkClass(className, summary.classes);
    for (const role of files.keys()) checkRole(role, summary);
    await this.#database.transaction((tx) => lockUnused(tx, id));
    const folder = newCaseFolder();
    const stored: StoredFile[] = [];
    const change = async () => {
      for (const [role, open] of files) stored.push(await this.#store(await open(), { id, folder, role }));
      await this.#change(id, async (tx) => {
        const superfluous = await replaceFiles(tx, { dataset: id, name: caseName, files: stored });
        const one = { case: caseName, class: className, patient, excluded };
        return [...superfluous, ...await changeCases(tx, summary, [one])];
      });
    };
    await this.#unlessRefused(id, stored, change());
    const name = caseName.normalize("NFC");
    return (await readCases(this.#database, id)).find((c) => c.case.normalize("NFC") === name)!;
  }

  /** Sets class and patient of a case. @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request` */
  async putClass(id: string, caseName: string, value: { class: string; patient?: string }): Promise<void> {
    checkCaseName(caseName, "case");
    if (value.patient !== undefined) checkCaseName(value.patient, "patient");
    const { classes } = await selectDataset(this.#database, id);
    checkClass(value.class, classes);
    const named = value.patient === undefined
      ? undefined
      : { patient: value.patient.normalize("NFC"), from: "named" as const };
    await this.#change(id, async (tx) => {
      await updateCase(tx, await upsertCase(tx, id, caseName), { className: value.class, named });
      return [];
    });
  }

  /**
   * Changes cases: all of them, or none where one is refused.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request`
   */
  async changeCases(id: string, changes: readonly CaseChange[]): Promise<DatasetDetail> {
    const summary = await selectDataset(this.#database, id);
    for (const { patient } of changes) if (patient != null) checkCaseName(patient, "patient");
    await this.#change(id, (tx) => changeCases(tx, summary, changes));
    return await this.get(id);
  }

  /**
   * Gives the cases there are the patients of a rule or a table.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request`, `invalid-dataset`
   */
  async putPatients(id: string, given: GivenPatients): Promise<DatasetDetail> {
    const summary = await selectDataset(this.#database, id);
    await this.#change(id, async (tx) => {
      await givePatients(tx, summary, given);
      return [];
    });
    return await this.get(id);
  }

  /**
   * Makes a data set from an archive in one of the layouts, whole or not at all.
   * @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large`, `too-much-work`, `busy`
   */
  async importZip(
    zipPath: string,
    { name, owner = null, channels, patients, skip }: PlanOptions & Owned & { readonly name?: string } = {},
  ): Promise<ImportedDataset> {
    const id = crypto.randomUUID();
    const directory = `${this.#root}/${id}`;
    try {
      const { spec, cases, ...found } = await importInProcess(zipPath, {
        channels,
        patients,
        skip,
        directory,
        name,
        maxFileBytes: this.#maxFileBytes,
      }, this.#readers);
      await this.#database.transaction(async (tx) => {
        await insertDataset(tx, id, spec, owner);
        for (const stored of cases) await insertCase(tx, id, stored);
      });
      return { dataset: await this.get(id), ...found };
    } catch (error) {
      await removeIfPresent(directory);
      throw error;
    }
  }

  /**
   * The cases of a fine-tune; `detail` is of these alone.
   * @throws {DomainError} `not-found`, `incomplete-dataset`, `invalid-request`
   */
  async trainingCases(
    id: string,
    { skip }: { readonly skip?: Skip } = {},
  ): Promise<{ detail: DatasetDetail; cases: TrainingCase[]; leftOut: readonly LeftOut[] }> {
    const { detail, cases, leftOut } = await this.#read(id, skip);
    if (!detail.ready) {
      const errors = detail.checks.filter((c) => c.severity === "error");
      const why = errors.length === 0
        ? (leftOut.length === 0
          ? "it has no cases"
          : `all of its ${leftOut.length} cases are left out: ${leftOut[0].reason}`)
        : `${errors.length} checks failed, the first: ${errors[0].detail}. Replace or exclude such a case, or ask to ` +
          "leave out cases with errors";
      throw new DomainError("incomplete-dataset", `Cannot train on the data set: ${why}`);
    }
    return { detail, cases: cases.map(trainingCaseOf), leftOut };
  }

  /**
   * The cases of a pre-training: all that have an image, with or without labels.
   * @throws {DomainError} `not-found`, `incomplete-dataset`
   */
  async pretrainingCases(id: string): Promise<{ detail: DatasetDetail; cases: PretrainingCase[] }> {
    const { detail, cases } = await this.#read(id);
    if (detail.modalities.includes(ANY_MODALITY)) {
      throw new DomainError(
        "incomplete-dataset",
        "Cannot pre-train on the data set: it does not say of which modality its images are",
      );
    }
    const found = cases.map(trainingCaseOf).filter(({ images }) => Object.keys(images).length > 0)
      .map(({ id, images }): PretrainingCase => ({ id, images }));
    if (found.length === 0) {
      throw new DomainError("incomplete-dataset", "Cannot pre-train on the data set: no case has an image");
    }
    return { detail, cases: found };
  }

  /**
   * Removes files and folders without a record that are older than a time, and deleted rows from the database's files.
   * @param before in ms since 1970
   */
  async sweep(before: number): Promise<void> {
    await this.#sweepFiles(before);
    if (this.#hasDeleted) await this.#purge();
  }

  async #sweepFiles(before: number): Promise<void> {
    const known = new Set((await this.list()).map((d) => d.id));
    for await (const { name } of Deno.readDir(this.#root)) {
      if (!isUuid(name)) continue;
      const folder = `${this.#root}/${name}`;
      if (known.has(name)) {
        const files = await selectFiles(this.#database, name);
        await sweepFolder(folder, { before, isOrphan: (path) => !files.has(path) });
      } else {
        const { mtime } = await Deno.stat(folder);
        if ((mtime?.getTime() ?? 0) < before) await removeIfPresent(folder);
      }
    }
  }

  /** Rows that were deleted leave the database's files. */
  async #purge(): Promise<void> {
    this.#hasDeleted = false;
    await this.#database.purge(TABLES_OF_CASES);
  }

  #read(id: string, skip?: Skip): Promise<ReadDataset> {
    return readDataset(this.#database, { id, directory: `${this.#root}/${id}`, skip, kept: this.#kept });
  }

  /** Stores a file in a case's folder. */
  #store(
    source: ReadableStream<Uint8Array>,
    { id, ...place }: { id: string; folder: string; role: Role; signal?: AbortSignal },
  ): Promise<StoredFile> {
    const [maxBytes, inspector] = [this.#maxFileBytes, this.#inspector];
    return storeCaseFile(source, { ...place, directory: `${this.#root}/${id}`, maxBytes, inspector });
  }

  /** Changes the rows of a data set that no job uses; then removes the files that `work` returns. */
  async #change(id: string, work: (tx: Queryable) => Promise<readonly string[]>): Promise<void> {
    const { superfluous, hadVerdict } = await this.#database.transaction(async (tx) => {
      await lockUnused(tx, id);
      return { hadVerdict: await deleteVerdict(tx, id), superfluous: await work(tx) };
    });
    for (const file of superfluous) await this.#removeFile(id, file);
    if (superfluous.length > 0 || hadVerdict) this.#hasDeleted = true;
  }

  /** Removes a case's file, and its folder with the last one. */
  async #removeFile(id: string, file: string): Promise<void> {
    const path = `${this.#root}/${id}/${file}`;
    await removeIfPresent(path);
    await removeIfEmpty(dirname(path));
  }

  /** Removes new files where the change that they are for is refused. */
  async #unlessRefused(id: string, files: readonly StoredFile[], change: Promise<void>): Promise<void> {
    await change.catch(async (error) => {
      for (const { file } of files) await this.#removeFile(id, file);
      throw error;
    });
  }
}

function checkRole(role: Role, { modalities }: DatasetSummary): void {
  if (role === "label" || modalities.includes(role)) return;
  throw new DomainError("unknown-modality", `Cannot store ${role}: the data set has ${modalities.join(", ")}`);
}

function checkCaseName(name: string, owner: "case" | "patient"): void {
  if (!caseNameSchema.safeParse(name).success) {
    throw new DomainError(
      "invalid-request",
      `Cannot use the name of a ${owner}: expected one line of 1 to 200 characters`,
    );
  }
}
