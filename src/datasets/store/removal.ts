/** Removes data sets, and what belongs to none: orphaned files, deleted rows in the database's files, free text in old headers. */
import {
  type Database,
  DomainError,
  isUuid,
  noteRemovals,
  removeIfPresent,
  removeNoted,
  sweepFolder,
  type Witness,
} from "../../storage/mod.ts";
import type { Policies } from "../../identity/mod.ts";
import { VolumeError } from "../../volume/mod.ts";
import { cleanStored } from "./case_files.ts";
import { deleteDataset, lockUnused, selectAges, selectFiles, selectWithText, setCleanFile } from "./rows.ts";

/** Tables with names of cases, patients and reasons. */
const TABLES_OF_CASES = [
  "sulcus.datasets",
  "sulcus.dataset_cases",
  "sulcus.dataset_files",
  "sulcus.dataset_checks",
  "sulcus.jobs",
  "sulcus.job_events",
];

export class Removal {
  readonly #database: Database;
  readonly #dataDirectory: string;
  readonly #root: string;
  /** Rows of cases were deleted whose bytes may still lie in the database's files; unknown of a former process. */
  #hasDeleted = true;

  constructor(database: Database, dataDirectory: string) {
    this.#database = database;
    this.#dataDirectory = dataDirectory;
    this.#root = `${dataDirectory}/datasets`;
  }

  /** Says that rows of cases were deleted. */
  rowsDeleted(): void {
    this.#hasDeleted = true;
  }

  /**
   * Deletes records and files, and what trainings kept of the cases: reports that name them, checkpoints with prepared
   * cases, and names of cases in the jobs' records.
   * @throws {DomainError} `not-found`, `dataset-in-use`
   */
  async delete(id: string, witness?: Witness): Promise<void> {
    await this.#database.transaction(async (tx) => {
      await lockUnused(tx, id);
      const jobs = await deleteDataset(tx, id);
      await noteRemovals(tx, [`datasets/${id}`, ...jobs.flatMap((job) => [`reports/${job}`, `jobs/${job}`])]);
      await witness?.(tx);
    });
    await removeNoted(this.#database, this.#dataDirectory);
    await this.#purge();
  }

  /** Deletes the data sets whose time is over, but for those that an open job uses. */
  async deleteOutdated(policies: Policies, now: number, witnessOf: (id: string) => Witness): Promise<void> {
    for (const { id, project, created } of await selectAges(this.#database)) {
      if (created.getTime() > policies.endOf("datasetDays", project, now)) continue;
      await this.delete(id, witnessOf(id)).catch(unlessUsed);
    }
  }

  /** Removes deleted rows from the database's files, if there may be some. */
  async purgeDeleted(): Promise<void> {
    if (this.#hasDeleted) await this.#purge();
  }

  async #purge(): Promise<void> {
    this.#hasDeleted = false;
    await this.#database.purge(TABLES_OF_CASES);
  }

  /** Removes files and folders without a record that are older than a time, in ms since 1970. */
  async sweepFiles(before: number): Promise<void> {
    await removeNoted(this.#database, this.#dataDirectory);
    const known = new Set((await selectAges(this.#database)).map((d) => d.id));
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

  /** Takes free text out of the headers of files that earlier versions stored as they came. */
  async cleanOldFiles(): Promise<void> {
    for (const { dataset, file } of await selectWithText(this.#database)) {
      const directory = `${this.#root}/${dataset}`;
      const clean = await cleanStored(directory, file).catch(unlessDamaged);
      if (clean === undefined) continue;
      const isChanged = await this.#database.transaction(async (tx) => {
        await lockUnused(tx, dataset);
        return await setCleanFile(tx, { dataset, file, clean });
      }).catch(unlessUsed);
      await removeIfPresent(`${directory}/${isChanged ? file : clean}`);
    }
  }
}

/** A file that cannot be read is for people to look at: it keeps none of the others from being cleaned. */
function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof VolumeError || error instanceof Deno.errors.NotFound)) throw error;
}

/** An open job keeps a data set as it is: the next sweep tries again. */
function unlessUsed(error: unknown): undefined {
  if (error instanceof DomainError && (error.code === "dataset-in-use" || error.code === "not-found")) return;
  throw error;
}
