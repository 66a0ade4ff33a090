/**
 * Data sets: records in the database, case files on disk under random names. Not a PACS: neither headers nor users'
 * file names are kept.
 */
import { type Database, DomainError, removeIfPresent, type Witness } from "../../storage/mod.ts";
import { type Holders, type Policies, Projects } from "../../identity/mod.ts";
import { budgetVariables, DEFAULT_BUDGET, type WorkBudget } from "../../inference/mod.ts";
import { Readers } from "../../process/mod.ts";
import { newCaseFolder } from "./case_files.ts";
import { changeCases, checkClass, givePatients, replaceFiles } from "./changes.ts";
import { type ImportedDataset, MAX_FILE_BYTES } from "./import.ts";
import { importInProcess } from "./import_process.ts";
import type { PlanOptions } from "../layouts/layouts.ts";
import type { GivenPatients } from "../patients/patients.ts";
import { Removal } from "./removal.ts";
import {
  insertCase,
  insertDataset,
  selectDataset,
  selectDatasets,
  type StoredFile,
  updateCase,
  upsertCase,
  upsertFile,
} from "./rows.ts";
import { type PretrainingCases, pretrainingCasesOf, type TrainingCases, trainingCasesOf } from "./training_cases.ts";
import { DatasetWriter } from "./writer.ts";
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
  /** Bound the space of projects. Default: those of the database, with the default policy. */
  readonly projects?: Pick<Projects, "checkSpace" | "checkFree">;
  /** Read archives from outside, and bound the inspection of single files. Default: some of its own. */
  readonly readers?: Readers;
  /** The most that a volume may be. Default {@link DEFAULT_BUDGET}. */
  readonly budget?: WorkBudget;
}

/** Who changes something, for the audit trail. */
interface Witnessed {
  readonly witness?: Witness;
}

/** Whose a new data set is. Default: it belongs to everybody with the role. */
interface Owned extends Witnessed {
  readonly holders?: Holders;
}
const EVERYBODYS: Holders = { owner: null, project: null };

/** Folders without a record that are younger than this may be an import under way. */
const ORPHAN_AGE_MS = 24 * 3600 * 1000;

export class Datasets {
  readonly #database: Database;
  readonly #root: string;
  readonly #kept = new KeptVerdicts();
  readonly #readers: Readers;
  readonly #maxFileBytes: number;
  readonly #writer: DatasetWriter;
  readonly #removal: Removal;
  readonly #projects: Pick<Projects, "checkSpace" | "checkFree">;

  private constructor(options: DatasetsOptions) {
    const { database, dataDirectory, maxFileBytes = MAX_FILE_BYTES, budget = DEFAULT_BUDGET } = options;
    const { readers = new Readers({ env: budgetVariables(budget) }) } = options;
    this.#database = database;
    this.#root = `${dataDirectory}/datasets`;
    this.#maxFileBytes = maxFileBytes;
    this.#readers = readers;
    this.#removal = new Removal(database, dataDirectory);
    this.#projects = options.projects ?? new Projects(database);
    this.#writer = new DatasetWriter({
      database,
      root: this.#root,
      projects: this.#projects,
      removal: this.#removal,
      inspector: new Inspector({ reads: [this.#root], bounds: readers.bounds, budget }),
      maxFileBytes,
    });
  }

  /** Opens the folder of data sets and removes the files that a crash left without a record. */
  static async open(options: DatasetsOptions): Promise<Datasets> {
    const datasets = new Datasets(options);
    await Deno.mkdir(datasets.#root, { recursive: true });
    // No other process uses an embedded database: whatever has no record was left by a crash.
    await datasets.#removal.sweepFiles(options.database.kind === "pglite" ? Infinity : Date.now() - ORPHAN_AGE_MS);
    return datasets;
  }

  /** @throws {DomainError} `invalid-dataset`, `project-full` */
  async create(spec: DatasetSpec, { holders = EVERYBODYS, witness }: Owned = {}): Promise<DatasetDetail> {
    checkSpec(spec);
    const id = crypto.randomUUID();
    await this.#projects.checkFree(holders.project);
    await this.#database.transaction(async (tx) => {
      await insertDataset(tx, id, spec, holders);
      await witness?.(tx, id);
    });
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

  /** Deletes a data set with all that was made of it: see {@link Removal}. @throws {DomainError} `not-found`, `dataset-in-use` */
  async delete(id: string, { witness }: Witnessed = {}): Promise<void> {
    await this.#removal.delete(id, witness);
  }

  /**
   * Stores or replaces one file of a case; the case appears with its first file.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `unknown-modality`, `invalid-request`, `invalid-volume`,
   * `too-large`, `project-full`
   */
  async putFile(
    id: string,
    caseName: string,
    role: Role,
    source: ReadableStream<Uint8Array>,
    { signal, witness }: { readonly signal?: AbortSignal } & Witnessed = {},
  ): Promise<{ sha256: string; bytes: number }> {
    checkCaseName(caseName, "case");
    checkRole(role, await selectDataset(this.#database, id));
    await this.#writer.checkOpen(id);
    const stored = await this.#writer.store(source, { id, folder: newCaseFolder(), role, signal });
    const change = this.#writer.change(id, async (tx) => {
      const superfluous = await upsertFile(tx, await upsertCase(tx, id, caseName), stored);
      return superfluous === null ? [] : [superfluous];
    }, { witness, adds: true });
    await this.#writer.unlessRefused(id, [stored], change);
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
    { files, class: className, patient, excluded, witness }:
      & {
        readonly files: ReadonlyMap<Role, () => Promise<ReadableStream<Uint8Array>>>;
      }
      & Witnessed
      & Omit<CaseChange, "case" | "delete">,
  ): Promise<DatasetCase> {
    checkCaseName(caseName, "case");
    if (patient != null) checkCaseName(patient, "patient");
    const summary = await selectDataset(this.#database, id);
    if (files.size === 0) throw new DomainError("invalid-request", "Cannot store a case: expected a file, got none");
    if (className !== undefined) checkClass(className, summary.classes);
    for (const role of files.keys()) checkRole(role, summary);
    await this.#writer.checkOpen(id);
    const folder = newCaseFolder();
    const stored: StoredFile[] = [];
    const change = async () => {
      for (const [role, open] of files) stored.push(await this.#writer.store(await open(), { id, folder, role }));
      await this.#writer.change(id, async (tx) => {
        const superfluous = await replaceFiles(tx, { dataset: id, name: caseName, files: stored });
        const one = { case: caseName, class: className, patient, excluded };
        return [...superfluous, ...await changeCases(tx, summary, [one])];
      }, { witness, adds: true });
    };
    await this.#writer.unlessRefused(id, stored, change());
    const name = caseName.normalize("NFC");
    return (await readCases(this.#database, id)).find((c) => c.case.normalize("NFC") === name)!;
  }

  /** Sets class and patient of a case. @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request` */
  async putClass(
    id: string,
    caseName: string,
    value: { readonly class: string; readonly patient?: string },
    { witness }: Witnessed = {},
  ): Promise<void> {
    checkCaseName(caseName, "case");
    if (value.patient !== undefined) checkCaseName(value.patient, "patient");
    const { classes } = await selectDataset(this.#database, id);
    checkClass(value.class, classes);
    const named = value.patient === undefined
      ? undefined
      : { patient: value.patient.normalize("NFC"), from: "named" as const };
    await this.#writer.change(id, async (tx) => {
      await updateCase(tx, await upsertCase(tx, id, caseName), { className: value.class, named });
      return [];
    }, { witness });
  }

  /**
   * Changes cases: all of them, or none where one is refused.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request`
   */
  async changeCases(
    id: string,
    changes: readonly CaseChange[],
    { witness }: Witnessed = {},
  ): Promise<DatasetDetail> {
    const summary = await selectDataset(this.#database, id);
    for (const { patient } of changes) if (patient != null) checkCaseName(patient, "patient");
    await this.#writer.change(id, (tx) => changeCases(tx, summary, changes), { witness });
    return await this.get(id);
  }

  /**
   * Gives the cases there are the patients of a rule or a table.
   * @throws {DomainError} `not-found`, `dataset-in-use`, `invalid-request`, `invalid-dataset`
   */
  async putPatients(id: string, given: GivenPatients, { witness }: Witnessed = {}): Promise<DatasetDetail> {
    const summary = await selectDataset(this.#database, id);
    await this.#writer.change(id, async (tx) => {
      await givePatients(tx, summary, given);
      return [];
    }, { witness });
    return await this.get(id);
  }

  /**
   * Makes a data set from an archive in one of the layouts, whole or not at all.
   * @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large`, `too-much-work`, `busy`,
   * `project-full`
   */
  async importZip(
    zipPath: string,
    { name, holders = EVERYBODYS, witness, channels, patients, skip }:
      & PlanOptions
      & Owned
      & { readonly name?: string } = {},
  ): Promise<ImportedDataset> {
    const id = crypto.randomUUID();
    await this.#projects.checkFree(holders.project);
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
        await insertDataset(tx, id, spec, holders);
        for (const stored of cases) await insertCase(tx, id, stored);
        await this.#projects.checkSpace(tx, holders.project);
        await witness?.(tx, id);
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
  async trainingCases(id: string, { skip }: { readonly skip?: Skip } = {}): Promise<TrainingCases> {
    return trainingCasesOf(await this.#read(id, skip));
  }

  /**
   * The cases of a pre-training: all that have an image, with or without labels.
   * @throws {DomainError} `not-found`, `incomplete-dataset`
   */
  async pretrainingCases(id: string): Promise<PretrainingCases> {
    return pretrainingCasesOf(await this.#read(id));
  }

  /**
   * Removes files and folders without a record that are older than a time, deleted rows from the database's files, and
   * free text from files of earlier versions.
   * @param before in ms since 1970
   */
  async sweep(before: number): Promise<void> {
    await this.#removal.sweepFiles(before);
    await this.#removal.cleanOldFiles();
    await this.#removal.purgeDeleted();
  }

  /** Deletes the data sets whose time is over at `now`, each with its entry in the audit trail. */
  async deleteOutdated(policies: Policies, now: number, witnessOf: (id: string) => Witness): Promise<void> {
    await this.#removal.deleteOutdated(policies, now, witnessOf);
  }

  #read(id: string, skip?: Skip): Promise<ReadDataset> {
    return readDataset(this.#database, { id, directory: `${this.#root}/${id}`, skip, kept: this.#kept });
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
