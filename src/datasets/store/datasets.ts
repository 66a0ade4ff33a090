/**
 * Data sets: records in the database, case files on disk under random names. Not a PACS: neither headers nor users'
 * file names are kept.
 */
import { type Database, DomainError, isUuid, removeIfPresent } from "../../storage/mod.ts";
import { ANY_MODALITY, INPUTS } from "../../inference/mod.ts";
import type { PretrainingCase, TrainingCase } from "../../train/mod.ts";
import { newCaseFolder, storeCaseFile } from "./case_files.ts";
import { type CaseContent, type CaseFile, checkCases, hashCases, trainingCaseOf } from "../checks/checks.ts";
import { importDataset, type ImportedDataset, MAX_FILE_BYTES } from "./import.ts";
import {
  insertCase,
  insertDataset,
  lockUnused,
  selectCases,
  selectDataset,
  selectDatasets,
  upsertCase,
  upsertFile,
} from "./rows.ts";
import { Inspector } from "../checks/inspect.ts";
import { caseNameSchema, checkSpec } from "../spec.ts";
import type { DatasetDetail, DatasetSpec, DatasetSummary, Role } from "../types.ts";

export interface DatasetsOptions {
  readonly database: Database;
  /** Files live in `<dataDirectory>/datasets`. */
  readonly dataDirectory: string;
  /** Largest case file, bytes. Default 2 GiB. */
  readonly maxFileBytes?: number;
}

/** Folders without a record that are younger than this may be an import under way. */
const ORPHAN_AGE_MS = 24 * 3600 * 1000;

export class Datasets {
  readonly #database: Database;
  readonly #root: string;
  readonly #inspector = new Inspector();
  readonly #maxFileBytes: number;

  private constructor(options: DatasetsOptions) {
    this.#database = options.database;
    this.#root = `${options.dataDirectory}/datasets`;
    this.#maxFileBytes = options.maxFileBytes ?? MAX_FILE_BYTES;
  }

  /** Opens the folder of data sets and removes the files that a crash left without a record. */
  static async open(options: DatasetsOptions): Promise<Datasets> {
    const datasets = new Datasets(options);
    await Deno.mkdir(datasets.#root, { recursive: true });
    await datasets.#removeOrphans();
    return datasets;
  }

  /** @throws {DomainError} `invalid-dataset` */
  async create(spec: DatasetSpec): Promise<DatasetDetail> {
    checkSpec(spec);
    const id = crypto.randomUUID();
    await insertDataset(this.#database, id, spec);
    return await this.get(id);
  }

  /** Newest first. */
  async list(): Promise<DatasetSummary[]> {
    return await selectDatasets(this.#database);
  }

  /** @throws {DomainError} `not-found` */
  async get(id: string): Promise<DatasetDetail> {
    return (await this.#load(id)).detail;
  }

  /** Deletes records and files. @throws {DomainError} `not-found`, `dataset-in-use` */
  async delete(id: string): Promise<void> {
    await this.#database.transaction(async (tx) => {
      await lockUnused(tx, id);
      await tx.query("DELETE FROM sulcus.datasets WHERE id = $1", [id]);
    });
    await removeIfPresent(`${this.#root}/${id}`);
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
    const { modalities } = await selectDataset(this.#database, id);
    if (role !== "label" && !modalities.includes(role)) {
      throw new DomainError("unknown-modality", `Cannot store ${role}: the data set has ${modalities.join(", ")}`);
    }
    await this.#database.transaction((tx) => lockUnused(tx, id));
    const directory = `${this.#root}/${id}`;
    const stored = await storeCaseFile(source, {
      directory,
      folder: newCaseFolder(),
      role,
      maxBytes: this.#maxFileBytes,
      inspector: this.#inspector,
      signal,
    });
    const superfluous = await this.#database.transaction(async (tx) => {
      await lockUnused(tx, id);
      return await upsertFile(tx, await upsertCase(tx, id, caseName), stored);
    }).catch(async (error) => {
      await removeIfPresent(`${directory}/${stored.file}`);
      throw error;
    });
    if (superfluous) await removeIfPresent(`${directory}/${superfluous}`);
    return { sha256: stored.sha256, bytes: stored.bytes };
  }

  /** Sets class and patient of a case. @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request` */
  async putClass(id: string, caseName: string, value: { class: string; patient?: string }): Promise<void> {
    checkCaseName(caseName, "case");
    if (value.patient !== undefined) checkCaseName(value.patient, "patient");
    const { classes } = await selectDataset(this.#database, id);
    if (!classes.includes(value.class)) {
      throw new DomainError("invalid-request", "Cannot store a class: it is not one of the data set's classes");
    }
    await this.#database.transaction(async (tx) => {
      await lockUnused(tx, id);
      await tx.query(
        "UPDATE sulcus.dataset_cases SET class = $2, patient = coalesce($3, patient) WHERE id = $1",
        [await upsertCase(tx, id, caseName), value.class, value.patient ?? null],
      );
    });
  }

  /**
   * Makes a data set from an archive in one of the layouts, whole or not at all.
   * @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large`
   */
  async importZip(zipPath: string, { name }: { name?: string } = {}): Promise<ImportedDataset> {
    const id = crypto.randomUUID();
    const directory = `${this.#root}/${id}`;
    try {
      const { plan, spec, cases } = await importDataset(zipPath, {
        directory,
        name,
        inspector: this.#inspector,
        maxFileBytes: this.#maxFileBytes,
      });
      await this.#database.transaction(async (tx) => {
        await insertDataset(tx, id, spec);
        for (const stored of cases) await insertCase(tx, id, stored);
      });
      return { dataset: await this.get(id), layout: plan.layout, ignoredFiles: plan.ignoredFiles };
    } catch (error) {
      await removeIfPresent(directory);
      throw error;
    }
  }

  /** The cases of a fine-tune. @throws {DomainError} `not-found`, `incomplete-dataset` */
  async trainingCases(id: string): Promise<{ detail: DatasetDetail; cases: TrainingCase[] }> {
    const { detail, cases } = await this.#load(id);
    if (!detail.ready) {
      const errors = detail.checks.filter((c) => c.severity === "error");
      const why = errors.length === 0
        ? "it has no cases"
        : `${errors.length} checks failed, the first: ${errors[0].detail}`;
      throw new DomainError("incomplete-dataset", `Cannot train on the data set: ${why}`);
    }
    return { detail, cases: cases.map(trainingCaseOf) };
  }

  /**
   * The cases of a pre-training: all that have an image, with or without labels.
   * @throws {DomainError} `not-found`, `incomplete-dataset`
   */
  async pretrainingCases(id: string): Promise<{ detail: DatasetDetail; cases: PretrainingCase[] }> {
    const { detail, cases } = await this.#load(id);
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

  async #load(id: string): Promise<{ detail: DatasetDetail; cases: CaseContent[] }> {
    const summary = await selectDataset(this.#database, id);
    const cases = await this.#cases(id);
    const checks = checkCases(cases, summary);
    const detail: DatasetDetail = {
      ...summary,
      cases: cases.map(({ id: name, patient, className, files }) => ({
        case: name,
        patient,
        modalities: INPUTS.filter((m) => files.has(m)),
        hasLabel: files.has("label"),
        ...(className !== undefined && { class: className }),
      })),
      checks,
      hash: hashCases(cases),
      ready: cases.length > 0 && checks.every((c) => c.severity !== "error"),
    };
    return { detail, cases };
  }

  async #cases(id: string): Promise<CaseContent[]> {
    const files = new Map<string, Map<Role, CaseFile>>();
    const cases = new Map<string, CaseContent>();
    for (const row of await selectCases(this.#database, id)) {
      const own = files.get(row.id) ?? new Map<Role, CaseFile>();
      files.set(row.id, own);
      const { role, sha256, info } = row;
      if (role !== null) own.set(role, { path: `${this.#root}/${id}/${row.file}`, sha256, info });
      cases.set(row.id, {
        id: row.name,
        patient: row.patient ?? row.name,
        ...(row.class !== null && { className: row.class }),
        files: own,
      });
    }
    return [...cases.values()];
  }

  async #removeOrphans(): Promise<void> {
    const known = new Set((await this.list()).map((d) => d.id));
    for await (const { name } of Deno.readDir(this.#root)) {
      const { mtime } = await Deno.stat(`${this.#root}/${name}`);
      const isOld = Date.now() - (mtime?.getTime() ?? 0) > ORPHAN_AGE_MS;
      if (isUuid(name) && !known.has(name) && isOld) await removeIfPresent(`${this.#root}/${name}`);
    }
  }
}

function checkCaseName(name: string, owner: "case" | "patient"): void {
  if (!caseNameSchema.safeParse(name).success) {
    throw new DomainError(
      "invalid-request",
      `Cannot use the name of a ${owner}: expected one line of 1 to 200 characters`,
    );
  }
}
